//! The queue, in memory.

use std::time::Duration;

use async_trait::async_trait;

use super::{Entry, MemoryStore, Tables, impossible};
use engine::model::Instant;
use engine::model::fairness::{Candidate, Capacity, Occupancy, choose};
use engine::model::lifecycle::isolation::{Crashes, Isolation};
use engine::model::lifecycle::lease_state::LeaseState;
use engine::model::organization::OrganizationId;
use engine::model::result::ResultId;
use engine::model::status::{Event, Status};
use engine::ports::StoreError;
use engine::ports::parts::{BatchDone, Part};
use engine::ports::queue::{
    Checkpoint, Claim, Claimed, Claims, Finish, Finished, Lease, LeaseError, Leases, NodeId, Notes, Postponement,
    Queue, begin, is_lost,
};

#[async_trait]
impl Queue for MemoryStore {
    async fn claim(&self, claim: Claim) -> Result<Claims, StoreError> {
        let mut tables = self.tables();
        tables.wake_what_is_due(claim.now);
        let next_due = tables.next_due();
        let isolation = tables.isolation(claim);
        let isolated = isolation != Isolation::Nothing;
        let chosen = match isolation {
            Isolation::Running(until) => {
                let next_due = Some(next_due.map_or(until, |due| due.min(until)));
                return Ok(Claims { claimed: Vec::new(), next_due, isolated });
            }
            Isolation::Next(one) => {
                tables.last_served = Some(one.organization);
                vec![one]
            }
            Isolation::WaitsForIdle | Isolation::Nothing => tables.choose(claim.bounded_capacity()),
        };
        let claimed = chosen
            .into_iter()
            .map(|one| tables.claim_one((one.organization, one.result), claim))
            .collect::<Result<_, _>>()?;
        Ok(Claims { claimed, next_due, isolated })
    }

    async fn end_wait(&self, organization: OrganizationId, result: ResultId) -> Result<(), StoreError> {
        if let Some(entry) = self.tables().results.get_mut(&(organization, result))
            && entry.state == Some(LeaseState::Later)
            && entry.isolated_until.is_none()
        {
            entry.wait(None);
        }
        Ok(())
    }

    async fn release(&self, lease: Lease) -> Result<(), LeaseError> {
        self.tables().leased(lease)?.put_back_unstarted();
        Ok(())
    }

    async fn release_others(&self, node: NodeId, running: &[Lease]) -> Result<u64, StoreError> {
        let (mut tables, mut released) = (self.tables(), 0);
        for ((organization, result), entry) in &mut tables.results {
            let lease = Lease { organization: *organization, result: *result, number: entry.lease };
            if entry.held_by(node) && !running.contains(&lease) {
                entry.put_back_unstarted();
                released += 1;
            }
        }
        Ok(released)
    }

    async fn beat(&self, node: NodeId, now: Instant) -> Result<(), StoreError> {
        self.tables().beats.insert(node, now);
        Ok(())
    }

    async fn recover(&self, node: NodeId, now: Instant, silent: Option<Duration>) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let lost: Vec<_> = tables.lost(node, now, silent);
        let mut put_back = 0;
        for result in lost {
            put_back += u64::from(tables.put_back(result, now)?);
        }
        tables.beats.retain(|other, beat| !is_lost(*other, Some(*beat), (node, now, silent)));
        Ok(put_back)
    }
}

#[async_trait]
impl Leases for MemoryStore {
    async fn note(&self, lease: Lease, notes: &Notes) -> Result<(), LeaseError> {
        self.tables().leased(lease)?.take_notes(notes.clone());
        Ok(())
    }

    async fn keep(&self, lease: Lease, parts: Vec<Part>) -> Result<(), LeaseError> {
        self.tables().leased(lease)?.keep(parts);
        Ok(())
    }

    async fn checkpoint(&self, lease: Lease, checkpoint: Checkpoint) -> Result<(), LeaseError> {
        self.tables().leased(lease)?.resume_from(checkpoint);
        Ok(())
    }

    async fn record_batch(&self, lease: Lease, batch: BatchDone) -> Result<(), LeaseError> {
        let mut tables = self.tables();
        let entry = tables.leased(lease)?;
        entry.batches.retain(|other| (other.line_no, other.batch) != (batch.line_no, batch.batch));
        entry.batches.push(batch);
        entry.batches.sort_by_key(|one| (one.line_no, one.batch));
        Ok(())
    }

    async fn postpone(&self, lease: Lease, postponement: Postponement) -> Result<(), LeaseError> {
        let mut tables = self.tables();
        let entry = tables.leased(lease)?;
        entry.resume_from(postponement.checkpoint);
        entry.wait(Some(postponement.until));
        entry.forgive();
        Ok(())
    }

    async fn finish(&self, lease: Lease, finish: Finish) -> Result<Finished, LeaseError> {
        let mut tables = self.tables();
        tables.leased(lease)?;
        tables.check_notifications(lease.organization, &finish.notifications)?;
        let entry = tables.leased(lease)?;
        finish.end(&mut entry.result).map_err(impossible)?;
        entry.state = None;
        entry.take_notes(finish.notes);
        entry.drop_temporary(finish.failed_line);
        let result = entry.result.clone();
        let armed_schedule = tables.after_end(lease.organization, &result, finish.notifications)?;
        Ok(Finished {
            result,
            more: tables.results.values().any(|entry| entry.state == Some(LeaseState::Ready)),
            armed_schedule,
        })
    }
}

type ResultRef = (OrganizationId, ResultId);

impl Tables {
    fn wake_what_is_due(&mut self, now: Instant) {
        for entry in self.results.values_mut() {
            if entry.state == Some(LeaseState::Later) && entry.ready_at.is_some_and(|until| until <= now) {
                entry.wait(None);
                entry.isolated_until = None;
            }
        }
    }

    fn next_due(&self) -> Option<Instant> {
        let later = self.results.values().filter(|entry| entry.state == Some(LeaseState::Later));
        later.filter_map(|entry| entry.ready_at).min()
    }

    fn isolation(&mut self, claim: Claim) -> Isolation {
        let mut isolated_until = None;
        for entry in self.results.values_mut().filter(|entry| entry.held_by(claim.node)) {
            entry.isolated_until = entry.isolated_until.filter(|until| *until > claim.now);
            isolated_until = isolated_until.or(entry.isolated_until);
        }
        let occupancy = self.occupancy();
        let waits = |entry: &Entry| entry.state == Some(LeaseState::Later) && entry.isolated_until.is_some();
        let waiting = self.results.iter().filter(|(_, entry)| waits(entry) && !occupancy.is_full(&entry.queue));
        let first = waiting.min_by_key(|(result, entry)| (entry.crashes.alone, result.1));
        let first = first.map(|(result, entry)| entry.candidate(*result));
        let is_idle = !self.results.values().any(|entry| entry.held_by(claim.node));
        Isolation::decide(isolated_until, first, is_idle && claim.capacity.slots > 0)
    }

    /// The running results by organization and queue.
    pub(super) fn occupancy(&self) -> Occupancy {
        let mut occupancy = Occupancy { last_served: self.last_served, ..Occupancy::default() };
        occupancy.limits = self.queues.iter().filter_map(|(name, limit)| Some((name.clone(), (*limit)?))).collect();
        for ((organization, _), entry) in &self.results {
            if entry.state == Some(LeaseState::Leased) {
                occupancy.add(*organization, &entry.queue, 1);
            }
        }
        occupancy
    }

    fn choose(&mut self, capacity: Capacity) -> Vec<Candidate> {
        let mut occupancy = self.occupancy();
        let ready = self.results.iter().filter(|(_, entry)| entry.state == Some(LeaseState::Ready));
        let candidates = ready.map(|(result, entry)| entry.candidate(*result)).collect();
        let chosen = choose(candidates, &mut occupancy, capacity);
        self.last_served = occupancy.last_served;
        chosen
    }

    fn claim_one(&mut self, result: ResultRef, claim: Claim) -> Result<Claimed, StoreError> {
        let entry = self.results.get_mut(&result).ok_or_else(|| impossible("a job result that waits is absent"))?;
        let resume = entry.resume();
        begin(&mut entry.result, claim.now).map_err(impossible)?;
        entry.lease += 1;
        (entry.state, entry.node) = (Some(LeaseState::Leased), Some(claim.node));
        let lease = Lease { organization: result.0, result: result.1, number: entry.lease };
        Ok(Claimed { lease, result: entry.result.clone(), records: entry.records.clone(), resume })
    }

    fn leased(&mut self, lease: Lease) -> Result<&mut Entry, LeaseError> {
        let entry = self.results.get_mut(&(lease.organization, lease.result));
        let held = |entry: &&mut Entry| entry.state == Some(LeaseState::Leased) && entry.lease == lease.number;
        entry.filter(held).ok_or(LeaseError::Lost)
    }

    fn lost(&self, node: NodeId, now: Instant, silent: Option<Duration>) -> Vec<ResultRef> {
        let lost = |other: NodeId| is_lost(other, self.beats.get(&other).copied(), (node, now, silent));
        let leased = self.results.iter().filter(|(_, entry)| entry.state == Some(LeaseState::Leased));
        let held = leased.filter(|(_, entry)| entry.node.is_some_and(lost));
        held.map(|(result, _)| *result).collect()
    }

    fn put_back(&mut self, result: ResultRef, now: Instant) -> Result<bool, StoreError> {
        let Some(entry) = self.results.get_mut(&result) else { return Ok(false) };
        let line = entry.lines.values().find(|line| line.status == Status::Running).map(|line| line.line_no);
        entry.crashes = entry.crashes.add(line, entry.isolated_until.is_some());
        entry.isolated_until = entry.crashes.isolated_until(now);
        entry.wait(entry.isolated_until);
        if !entry.crashes.gives_up() {
            return Ok(true);
        }
        let finish = Finish::given_up(&entry.result, entry.crashes, now);
        finish.end(&mut entry.result).map_err(impossible)?;
        entry.state = None;
        entry.end_open_lines(Event::End(finish.status), &finish.message)?;
        entry.drop_temporary(None);
        let ended = entry.result.clone();
        self.after_end(result.0, &ended, Vec::new())?;
        Ok(false)
    }
}

impl Entry {
    fn candidate(&self, (organization, result): ResultRef) -> Candidate {
        Candidate { organization, result, queue: self.queue.clone(), priority: self.result.priority }
    }

    fn held_by(&self, node: NodeId) -> bool {
        self.state == Some(LeaseState::Leased) && self.node == Some(node)
    }

    /// Waits for this time, or only for a worker.
    fn wait(&mut self, until: Option<Instant>) {
        self.state = Some(if until.is_some() { LeaseState::Later } else { LeaseState::Ready });
        (self.ready_at, self.node) = (until, None);
    }

    fn put_back_unstarted(&mut self) {
        self.wait(None);
        self.result.attempt -= 1;
        self.forgive();
    }

    /// Forgets its crashes after an orderly stop or a wait: a result that crashes its node gets to neither.
    fn forgive(&mut self) {
        (self.crashes, self.isolated_until) = (Crashes::default(), None);
    }

    fn take_notes(&mut self, notes: Notes) {
        if let Some(modules) = notes.modules {
            self.result.modules = modules;
        }
        self.note(notes.lines);
    }

    fn resume_from(&mut self, checkpoint: Checkpoint) {
        self.take_notes(checkpoint.notes);
        let stays = |line_no: u32| line_no >= checkpoint.line_no || Some(line_no) == checkpoint.failed_line;
        self.parts.retain(|(line_no, kind, _), _| kind.is_kept() || stays(*line_no));
        self.batches.retain(|batch| stays(batch.line_no));
        self.checkpoint = Some((checkpoint.line_no, checkpoint.failed_attempts));
    }
}
