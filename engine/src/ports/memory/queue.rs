//! What is ready to be worked on, in memory.

use std::time::Duration;

use async_trait::async_trait;

use super::{Entry, MemoryStore, Stands, Tables, impossible};
use crate::model::Instant;
use crate::model::organization::OrganizationId;
use crate::model::result::ResultId;
use crate::model::status::{Event, Status};
use crate::model::turn::{Candidate, Occupancy, Room, choose};
use crate::ports::StoreError;
use crate::ports::parts::{BatchDone, Part};
use crate::ports::queue::{
    Checkpoint, Claim, Claimed, Claims, Crashes, Finish, Finished, Lease, LeaseError, NodeId, Notes, Postponement,
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
            Isolation::AtWork(until) => {
                let next_due = Some(next_due.map_or(until, |due| due.min(until)));
                return Ok(Claims { claimed: Vec::new(), next_due, isolated });
            }
            Isolation::Next(one) => {
                tables.last_served = Some(one.organization);
                vec![one]
            }
            Isolation::WaitsForIdle | Isolation::Nothing => tables.choose(claim.bounded_room()),
        };
        let claimed = chosen
            .into_iter()
            .map(|one| tables.claim_one((one.organization, one.result), claim))
            .collect::<Result<_, _>>()?;
        Ok(Claims { claimed, next_due, isolated })
    }

    async fn note(&self, lease: Lease, notes: &Notes) -> Result<(), LeaseError> {
        self.tables().leased(lease)?.take_notes(notes.clone());
        Ok(())
    }

    async fn keep(&self, lease: Lease, parts: Vec<Part>) -> Result<(), LeaseError> {
        self.tables().leased(lease)?.keep(parts);
        Ok(())
    }

    async fn checkpoint(&self, lease: Lease, checkpoint: Checkpoint) -> Result<(), LeaseError> {
        self.tables().leased(lease)?.go_on_from(checkpoint);
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
        entry.go_on_from(postponement.checkpoint);
        entry.stands = Stands::Later(postponement.until);
        entry.forgive();
        Ok(())
    }

    async fn end_wait(&self, organization: OrganizationId, result: ResultId) -> Result<(), StoreError> {
        if let Some(entry) = self.tables().results.get_mut(&(organization, result))
            && matches!(entry.stands, Stands::Later(_))
            && entry.isolated_until.is_none()
        {
            entry.stands = Stands::Ready;
        }
        Ok(())
    }

    async fn finish(&self, lease: Lease, finish: Finish) -> Result<Finished, LeaseError> {
        let mut tables = self.tables();
        tables.leased(lease)?;
        tables.can_tell(lease.organization, &finish.notices)?;
        let entry = tables.leased(lease)?;
        finish.end(&mut entry.result).map_err(impossible)?;
        entry.stands = Stands::Ended;
        entry.take_notes(finish.notes);
        entry.tidy(finish.failed_line);
        let result = entry.result.clone();
        let rearmed = tables.after_end(lease.organization, &result, finish.notices)?;
        Ok(Finished { result, more: tables.results.values().any(|entry| entry.stands == Stands::Ready), rearmed })
    }

    async fn release(&self, lease: Lease) -> Result<(), LeaseError> {
        self.tables().leased(lease)?.hand_back();
        Ok(())
    }

    async fn release_others(&self, node: NodeId, at_work: &[Lease]) -> Result<u64, StoreError> {
        let (mut tables, mut released) = (self.tables(), 0);
        for ((organization, result), entry) in &mut tables.results {
            let lease = Lease { organization: *organization, result: *result, number: entry.lease };
            if entry.stands == Stands::Leased(node) && !at_work.contains(&lease) {
                entry.hand_back();
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
        for place in lost {
            put_back += u64::from(tables.put_back(place, now)?);
        }
        tables.beats.retain(|other, beat| !is_lost(*other, Some(*beat), (node, now, silent)));
        Ok(put_back)
    }
}

type Place = (OrganizationId, ResultId);

/// What isolated results mean for a claim.
#[derive(PartialEq)]
enum Isolation {
    /// One is at work on the node, and nothing else is claimed until this time.
    AtWork(Instant),
    /// The node has nothing at work, and takes this one alone.
    Next(Candidate),
    /// Some wait until the node has nothing at work.
    WaitsForIdle,
    Nothing,
}

impl Tables {
    fn wake_what_is_due(&mut self, now: Instant) {
        for entry in self.results.values_mut() {
            if matches!(entry.stands, Stands::Later(until) if until <= now) {
                (entry.stands, entry.isolated_until) = (Stands::Ready, None);
            }
        }
    }

    fn next_due(&self) -> Option<Instant> {
        let due = self.results.values().filter_map(|entry| match entry.stands {
            Stands::Later(until) => Some(until),
            _ => None,
        });
        due.min()
    }

    fn isolation(&mut self, claim: Claim) -> Isolation {
        let own = Stands::Leased(claim.node);
        for entry in self.results.values_mut().filter(|entry| entry.stands == own) {
            match entry.isolated_until {
                Some(until) if until > claim.now => return Isolation::AtWork(until),
                _ => entry.isolated_until = None,
            }
        }
        let occupancy = self.occupancy();
        let waits = |entry: &Entry| matches!(entry.stands, Stands::Later(_)) && entry.isolated_until.is_some();
        let waiting = self.results.iter().filter(|(_, entry)| waits(entry) && !occupancy.is_full(&entry.queue));
        let Some((place, entry)) = waiting.min_by_key(|(place, entry)| (entry.crashes.alone, place.1)) else {
            return Isolation::Nothing;
        };
        let is_idle = self.results.values().all(|entry| entry.stands != own);
        if is_idle && claim.room.slots > 0 { Isolation::Next(entry.candidate(*place)) } else { Isolation::WaitsForIdle }
    }

    /// What is at work.
    pub(super) fn occupancy(&self) -> Occupancy {
        let mut occupancy = Occupancy { last_served: self.last_served, ..Occupancy::default() };
        occupancy.limits = self.queues.iter().filter_map(|(name, limit)| Some((name.clone(), (*limit)?))).collect();
        for ((organization, _), entry) in &self.results {
            if matches!(entry.stands, Stands::Leased(_)) {
                occupancy.add(*organization, &entry.queue, 1);
            }
        }
        occupancy
    }

    fn choose(&mut self, room: Room) -> Vec<Candidate> {
        let mut at_work = self.occupancy();
        let ready = self.results.iter().filter(|(_, entry)| entry.stands == Stands::Ready);
        let candidates = ready.map(|(place, entry)| entry.candidate(*place)).collect();
        let chosen = choose(candidates, &mut at_work, room);
        self.last_served = at_work.last_served;
        chosen
    }

    fn claim_one(&mut self, place: Place, claim: Claim) -> Result<Claimed, StoreError> {
        let entry = self.results.get_mut(&place).ok_or_else(|| impossible("a job result that waits is absent"))?;
        let resume = entry.resume();
        begin(&mut entry.result, claim.now).map_err(impossible)?;
        entry.lease += 1;
        entry.stands = Stands::Leased(claim.node);
        let lease = Lease { organization: place.0, result: place.1, number: entry.lease };
        Ok(Claimed { lease, result: entry.result.clone(), records: entry.records.clone(), resume })
    }

    fn leased(&mut self, lease: Lease) -> Result<&mut Entry, LeaseError> {
        let entry = self.results.get_mut(&(lease.organization, lease.result));
        let held = |entry: &&mut Entry| matches!(entry.stands, Stands::Leased(_)) && entry.lease == lease.number;
        entry.filter(held).ok_or(LeaseError::Lost)
    }

    fn lost(&self, node: NodeId, now: Instant, silent: Option<Duration>) -> Vec<Place> {
        let lost = |other: NodeId| is_lost(other, self.beats.get(&other).copied(), (node, now, silent));
        let held =
            self.results.iter().filter(|(_, entry)| matches!(entry.stands, Stands::Leased(other) if lost(other)));
        held.map(|(place, _)| *place).collect()
    }

    fn put_back(&mut self, place: Place, now: Instant) -> Result<bool, StoreError> {
        let Some(entry) = self.results.get_mut(&place) else { return Ok(false) };
        let at_work = entry.lines.values().find(|line| line.status == Status::Running).map(|line| line.line_no);
        entry.crashes = entry.crashes.and(at_work, entry.isolated_until.is_some());
        entry.isolated_until = entry.crashes.isolated_until(now);
        entry.stands = entry.isolated_until.map_or(Stands::Ready, Stands::Later);
        if !entry.crashes.gives_up() {
            return Ok(true);
        }
        let finish = Finish::given_up(&entry.result, entry.crashes, now);
        finish.end(&mut entry.result).map_err(impossible)?;
        entry.stands = Stands::Ended;
        entry.cut_lines(Event::End(finish.status), &finish.message)?;
        entry.tidy(None);
        let result = entry.result.clone();
        self.after_end(place.0, &result, Vec::new())?;
        Ok(false)
    }
}

impl Entry {
    fn candidate(&self, (organization, result): Place) -> Candidate {
        Candidate { organization, result, queue: self.queue.clone(), priority: self.result.priority }
    }

    fn hand_back(&mut self) {
        self.stands = Stands::Ready;
        self.result.attempt -= 1;
        self.forgive();
    }

    /// An orderly stop, or a wait: what crashed its node did not get so far.
    fn forgive(&mut self) {
        (self.crashes, self.isolated_until) = (Crashes::default(), None);
    }

    fn take_notes(&mut self, notes: Notes) {
        if let Some(modules) = notes.modules {
            self.result.modules = modules;
        }
        self.note(notes.lines);
    }

    fn go_on_from(&mut self, checkpoint: Checkpoint) {
        self.take_notes(checkpoint.notes);
        let stays = |line_no: u32| line_no >= checkpoint.line_no || Some(line_no) == checkpoint.failed_line;
        self.parts.retain(|(line_no, kind, _), _| kind.is_kept() || stays(*line_no));
        self.batches.retain(|batch| stays(batch.line_no));
        self.checkpoint = Some((checkpoint.line_no, checkpoint.tries));
    }
}
