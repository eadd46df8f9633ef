//! Fairness: which of the waiting results are taken up next.
//!
//! A free worker goes to the organization with the fewest running results, so that one with a million
//! pending jobs never starves another; organizations with the same number take turns. Within an
//! organization the highest priority comes first, then the oldest result. A full queue is skipped. The
//! queue of an organization also counts in the shared queue with the same key. Limits are compared
//! with the results that run at this moment and not with a counter, which could become wrong.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use uuid::Uuid;

use super::organization::OrganizationId;
use super::result::ResultId;

/// The key of a queue, with the organization that owns it. Shared queues have the nil identity.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueName {
    /// The organization, or nil for a shared queue.
    pub holder: Uuid,
    /// Key, unique for its holder.
    pub key: String,
}

/// A pending result that could be taken up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The organization of the result.
    pub organization: OrganizationId,
    /// The result. Older results have smaller identities.
    pub result: ResultId,
    /// The queue in which it waits.
    pub queue: QueueName,
    /// Results with a higher priority are taken up first.
    pub priority: i32,
}

/// The running results by organization and queue, and the limits of queues.
#[derive(Debug, Clone, Default)]
pub struct Occupancy {
    /// The number of running results of each organization.
    pub by_organization: HashMap<OrganizationId, u32>,
    /// The number of running results of each queue. Those in the queue of an organization also count in
    /// the shared queue with the same key.
    pub by_queue: HashMap<QueueName, u32>,
    /// The limits of queues. A queue without a limit takes any number.
    pub limits: HashMap<QueueName, u32>,
    /// The organization that was served last.
    pub last_served: Option<OrganizationId>,
}

/// The number of free workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Workers for every organization.
    pub slots: u32,
    /// Workers for organizations without running results, so that the long jobs of one organization
    /// never occupy all workers.
    pub spare: u32,
}

impl QueueName {
    /// The queues whose limits apply to its results: itself, and the shared queue with the same key.
    pub fn and_shared(&self) -> impl Iterator<Item = Self> {
        let shared = Self { holder: Uuid::nil(), key: self.key.clone() };
        [self.clone()].into_iter().chain((!self.holder.is_nil()).then_some(shared))
    }
}

impl Occupancy {
    /// Counts running results.
    pub fn add(&mut self, organization: OrganizationId, queue: &QueueName, count: u32) {
        *self.by_organization.entry(organization).or_default() += count;
        for queue in queue.and_shared() {
            *self.by_queue.entry(queue).or_default() += count;
        }
    }

    /// Stops counting one running result.
    pub fn remove(&mut self, organization: OrganizationId, queue: &QueueName) {
        subtract(&mut self.by_organization, organization);
        for queue in queue.and_shared() {
            subtract(&mut self.by_queue, queue);
        }
    }

    /// The limit that a queue has reached; none if it can take more results.
    pub fn reached(&self, queue: &QueueName) -> Option<u32> {
        let running = |queue: &QueueName| self.by_queue.get(queue).copied().unwrap_or(0);
        let reached = |queue: QueueName| self.limits.get(&queue).copied().filter(|limit| running(&queue) >= *limit);
        queue.and_shared().find_map(reached)
    }

    /// Whether a queue cannot take more results.
    pub fn is_full(&self, queue: &QueueName) -> bool {
        self.reached(queue).is_some()
    }

    fn count(&self, organization: OrganizationId) -> u32 {
        self.by_organization.get(&organization).copied().unwrap_or(0)
    }

    fn take(&mut self, candidate: &Candidate) {
        self.add(candidate.organization, &candidate.queue, 1);
        self.last_served = Some(candidate.organization);
    }

    /// Orders organizations cyclically, beginning after the one that was served last.
    fn turn(&self, organization: OrganizationId) -> (bool, OrganizationId) {
        (self.last_served.is_some_and(|last| organization <= last), organization)
    }
}

fn subtract<K: Eq + Hash>(counts: &mut HashMap<K, u32>, key: K) {
    if let Entry::Occupied(mut count) = counts.entry(key) {
        match count.get() {
            0 | 1 => drop(count.remove()),
            _ => *count.get_mut() -= 1,
        }
    }
}

/// Chooses the candidates to take up, in this order, and counts them as running.
pub fn choose(candidates: Vec<Candidate>, running: &mut Occupancy, capacity: Capacity) -> Vec<Candidate> {
    let mut waiting: HashMap<OrganizationId, Vec<Candidate>> = HashMap::new();
    for candidate in candidates {
        waiting.entry(candidate.organization).or_default().push(candidate);
    }
    for own in waiting.values_mut() {
        // The next candidate comes last.
        own.sort_by(|a, b| (a.priority, b.result).cmp(&(b.priority, a.result)));
    }
    let (mut chosen, mut capacity) = (Vec::new(), capacity);
    while capacity.slots > 0 || capacity.spare > 0 {
        let Some(next) = next(&waiting, running, capacity) else { break };
        let Some(candidate) = take(&mut waiting, next, running) else { break };
        // Spare workers are only for the first result of an organization, so they are used last.
        match capacity.slots {
            0 => capacity.spare -= 1,
            _ => capacity.slots -= 1,
        }
        running.take(&candidate);
        chosen.push(candidate);
    }
    chosen
}

/// The organization that is served next.
fn next(
    waiting: &HashMap<OrganizationId, Vec<Candidate>>,
    running: &Occupancy,
    capacity: Capacity,
) -> Option<OrganizationId> {
    let able = waiting.iter().filter(|(organization, own)| {
        let admitted = capacity.slots > 0 || running.count(**organization) == 0;
        admitted && own.iter().any(|candidate| !running.is_full(&candidate.queue))
    });
    able.map(|(organization, _)| *organization).min_by_key(|id| (running.count(*id), running.turn(*id)))
}

fn take(
    waiting: &mut HashMap<OrganizationId, Vec<Candidate>>,
    organization: OrganizationId,
    running: &Occupancy,
) -> Option<Candidate> {
    let own = waiting.get_mut(&organization)?;
    let position = own.iter().rposition(|candidate| !running.is_full(&candidate.queue))?;
    Some(own.remove(position))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn candidate(organization: u128, result: u128, queue: &str, priority: i32) -> Candidate {
        Candidate {
            organization: OrganizationId(Uuid::from_u128(organization)),
            result: ResultId(Uuid::from_u128(result)),
            queue: QueueName { holder: Uuid::nil(), key: queue.to_owned() },
            priority,
        }
    }

    fn numbers(chosen: &[Candidate]) -> Vec<u128> {
        chosen.iter().map(|candidate| candidate.result.0.as_u128()).collect()
    }

    #[test]
    fn organizations_take_turns_however_many_jobs_they_have() {
        let many = (1..100).map(|number| candidate(1, number, "default", 0));
        let waiting: Vec<_> = many.chain([candidate(2, 500, "default", 0)]).collect();
        let mut occupancy = Occupancy::default();
        let first = choose(waiting.clone(), &mut occupancy, Capacity { slots: 3, spare: 0 });
        assert_eq!(numbers(&first), [1, 500, 2]);
        let busy = OrganizationId(Uuid::from_u128(1));
        let mut occupancy = Occupancy { by_organization: HashMap::from([(busy, 7)]), ..Occupancy::default() };
        assert_eq!(numbers(&choose(waiting, &mut occupancy, Capacity { slots: 1, spare: 0 })), [500]);
    }

    #[test]
    fn priority_comes_before_age() {
        let waiting = vec![candidate(1, 1, "a", 0), candidate(1, 2, "a", 5), candidate(1, 3, "a", 5)];
        let chosen = choose(waiting, &mut Occupancy::default(), Capacity { slots: 9, spare: 0 });
        assert_eq!(numbers(&chosen), [2, 3, 1]);
    }

    #[test]
    fn spare_workers_are_for_organizations_without_running_results() {
        let waiting = vec![candidate(1, 1, "a", 0), candidate(2, 2, "a", 0), candidate(2, 3, "a", 0)];
        let busy = OrganizationId(Uuid::from_u128(1));
        let mut occupancy = Occupancy { by_organization: HashMap::from([(busy, 1)]), ..Occupancy::default() };
        assert_eq!(numbers(&choose(waiting, &mut occupancy, Capacity { slots: 0, spare: 4 })), [2]);
    }

    proptest! {
        #[test]
        fn limits_hold_and_nobody_is_passed_over_for_long(
            drawn in proptest::collection::vec((1_u128..5, 0_u8..3, -2..3_i32), 0..60),
            limits in proptest::collection::vec(0_u32..4, 3),
            slots in 0_u32..12,
            spare in 0_u32..4,
        ) {
            let name = |queue: u8| format!("q{queue}");
            let waiting: Vec<_> = (1..).zip(&drawn)
                .map(|(number, (organization, queue, priority))| candidate(*organization, number, &name(*queue), *priority))
                .collect();
            let limits = (0_u8..3).zip(limits).map(|(queue, limit)| (candidate(1, 1, &name(queue), 0).queue, limit)).collect();
            let mut occupancy = Occupancy { limits, ..Occupancy::default() };
            let chosen = choose(waiting.clone(), &mut occupancy, Capacity { slots, spare });
            prop_assert!(chosen.len() as u32 <= slots + spare);
            for (queue, count) in &occupancy.by_queue {
                prop_assert!(occupancy.limits.get(queue).is_none_or(|limit| count <= limit));
            }
            let left: Vec<_> = waiting.iter().filter(|one| !chosen.contains(one) && !occupancy.is_full(&one.queue)).collect();
            if (chosen.len() as u32) < slots {
                prop_assert!(left.is_empty(), "a worker is free and {left:?} waits");
            }
            for one in &left {
                for other in occupancy.by_organization.values() {
                    prop_assert!(*other <= occupancy.count(one.organization) + 1, "{one:?} was passed over");
                }
            }
        }
    }
}
