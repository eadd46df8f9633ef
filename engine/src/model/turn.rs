//! Whose turn it is: which of the results that wait are taken up next.
//!
//! A free worker goes to the organization that has the fewest results at work, so that one
//! with a million pending jobs never starves another; among equals they take turns. Within an
//! organization the highest priority comes first, then the oldest. A queue that is full is
//! passed over; the queue of an organization counts within the shared one with its key. Limits
//! count what is at work at this moment, never a counter of their own.

use std::collections::HashMap;

use uuid::Uuid;

use super::organization::OrganizationId;
use super::result::ResultId;

/// A queue: its key, and whose it is. The nil identity holds those that all organizations share.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueName {
    /// The organization, or nil.
    pub holder: Uuid,
    /// Key, unique for its holder.
    pub key: String,
}

/// A result that could be taken up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Whose it is.
    pub organization: OrganizationId,
    /// Which it is; earlier ones are older.
    pub result: ResultId,
    /// The queue it waits in.
    pub queue: QueueName,
    /// Higher comes first.
    pub priority: i32,
}

/// What is at work, and what may be.
#[derive(Debug, Clone, Default)]
pub struct Occupancy {
    /// How many results of each organization are at work.
    pub by_organization: HashMap<OrganizationId, u32>,
    /// How many results of each queue are at work. Those of an organization's own queue count in
    /// the shared one with the same key too.
    pub by_queue: HashMap<QueueName, u32>,
    /// The limits of queues; a queue without one takes any number.
    pub limits: HashMap<QueueName, u32>,
    /// The organization that was served last.
    pub last_served: Option<OrganizationId>,
}

/// How many workers are free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// For anybody.
    pub slots: u32,
    /// Kept for organizations that have nothing at work, so that long jobs of one
    /// organization never hold all workers.
    pub spare: u32,
}

impl QueueName {
    /// The queues whose limits hold for its results: itself, and the shared one with the same key.
    pub fn and_shared(&self) -> impl Iterator<Item = Self> {
        let shared = Self { holder: Uuid::nil(), key: self.key.clone() };
        [self.clone()].into_iter().chain((!self.holder.is_nil()).then_some(shared))
    }
}

impl Occupancy {
    /// Counts results at work.
    pub fn add(&mut self, organization: OrganizationId, queue: &QueueName, count: u32) {
        *self.by_organization.entry(organization).or_default() += count;
        for queue in queue.and_shared() {
            *self.by_queue.entry(queue).or_default() += count;
        }
    }

    /// The limit by which a queue takes no more; none if it has room.
    pub fn reached(&self, queue: &QueueName) -> Option<u32> {
        let at_work = |queue: &QueueName| self.by_queue.get(queue).copied().unwrap_or(0);
        let reached = |queue: QueueName| self.limits.get(&queue).copied().filter(|limit| at_work(&queue) >= *limit);
        queue.and_shared().find_map(reached)
    }

    /// Whether a queue takes no more.
    pub fn is_full(&self, queue: &QueueName) -> bool {
        self.reached(queue).is_some()
    }

    fn of(&self, organization: OrganizationId) -> u32 {
        self.by_organization.get(&organization).copied().unwrap_or(0)
    }

    fn take(&mut self, one: &Candidate) {
        self.add(one.organization, &one.queue, 1);
        self.last_served = Some(one.organization);
    }

    /// How far an organization stands behind the one that was served last.
    fn turn(&self, organization: OrganizationId) -> (bool, OrganizationId) {
        (self.last_served.is_some_and(|last| organization <= last), organization)
    }
}

/// Chooses among candidates, in the order in which they are to be taken up.
pub fn choose(candidates: Vec<Candidate>, at_work: &mut Occupancy, room: Room) -> Vec<Candidate> {
    let mut waiting: HashMap<OrganizationId, Vec<Candidate>> = HashMap::new();
    for one in candidates {
        waiting.entry(one.organization).or_default().push(one);
    }
    for own in waiting.values_mut() {
        // The next one stands last.
        own.sort_by(|one, other| (one.priority, other.result).cmp(&(other.priority, one.result)));
    }
    let (mut chosen, mut room) = (Vec::new(), room);
    while room.slots > 0 || room.spare > 0 {
        let Some(next) = next(&waiting, at_work, room) else { break };
        let Some(one) = take(&mut waiting, next, at_work) else { break };
        // Spare workers are only for the first result of an organization.
        let spared = room.slots == 0;
        room = if spared { Room { spare: room.spare - 1, ..room } } else { Room { slots: room.slots - 1, ..room } };
        at_work.take(&one);
        chosen.push(one);
    }
    chosen
}

/// The organization whose turn it is.
fn next(waiting: &HashMap<OrganizationId, Vec<Candidate>>, at_work: &Occupancy, room: Room) -> Option<OrganizationId> {
    let able = waiting.iter().filter(|(organization, own)| {
        let admitted = room.slots > 0 || at_work.of(**organization) == 0;
        admitted && own.iter().any(|one| !at_work.is_full(&one.queue))
    });
    able.map(|(organization, _)| *organization).min_by_key(|one| (at_work.of(*one), at_work.turn(*one)))
}

fn take(
    waiting: &mut HashMap<OrganizationId, Vec<Candidate>>,
    organization: OrganizationId,
    at_work: &Occupancy,
) -> Option<Candidate> {
    let own = waiting.get_mut(&organization)?;
    let position = own.iter().rposition(|one| !at_work.is_full(&one.queue))?;
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
        chosen.iter().map(|one| one.result.0.as_u128()).collect()
    }

    #[test]
    fn organizations_take_turns_whatever_they_bring() {
        let many = (1..100).map(|number| candidate(1, number, "default", 0));
        let waiting: Vec<_> = many.chain([candidate(2, 500, "default", 0)]).collect();
        let mut at_work = Occupancy::default();
        let first = choose(waiting.clone(), &mut at_work, Room { slots: 3, spare: 0 });
        assert_eq!(numbers(&first), [1, 500, 2]);
        let busy = OrganizationId(Uuid::from_u128(1));
        let mut at_work = Occupancy { by_organization: HashMap::from([(busy, 7)]), ..Occupancy::default() };
        assert_eq!(numbers(&choose(waiting, &mut at_work, Room { slots: 1, spare: 0 })), [500]);
    }

    #[test]
    fn priority_comes_before_age() {
        let waiting = vec![candidate(1, 1, "a", 0), candidate(1, 2, "a", 5), candidate(1, 3, "a", 5)];
        let chosen = choose(waiting, &mut Occupancy::default(), Room { slots: 9, spare: 0 });
        assert_eq!(numbers(&chosen), [2, 3, 1]);
    }

    #[test]
    fn spare_workers_are_for_whoever_has_nothing_at_work() {
        let waiting = vec![candidate(1, 1, "a", 0), candidate(2, 2, "a", 0), candidate(2, 3, "a", 0)];
        let busy = OrganizationId(Uuid::from_u128(1));
        let mut at_work = Occupancy { by_organization: HashMap::from([(busy, 1)]), ..Occupancy::default() };
        assert_eq!(numbers(&choose(waiting, &mut at_work, Room { slots: 0, spare: 4 })), [2]);
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
            let mut at_work = Occupancy { limits, ..Occupancy::default() };
            let chosen = choose(waiting.clone(), &mut at_work, Room { slots, spare });
            prop_assert!(chosen.len() as u32 <= slots + spare);
            for (queue, count) in &at_work.by_queue {
                prop_assert!(at_work.limits.get(queue).is_none_or(|limit| count <= limit));
            }
            let left: Vec<_> = waiting.iter().filter(|one| !chosen.contains(one) && !at_work.is_full(&one.queue)).collect();
            if (chosen.len() as u32) < slots {
                prop_assert!(left.is_empty(), "a worker is free and {left:?} waits");
            }
            for one in &left {
                for other in at_work.by_organization.values() {
                    prop_assert!(*other <= at_work.of(one.organization) + 1, "{one:?} was passed over");
                }
            }
        }
    }
}
