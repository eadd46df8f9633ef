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
    Checkpoint, Claim, Claimed, Claims, Finish, Finished, Lease, LeaseError, NodeId, Notes, Postponement, Queue,
    STRIKES_AT_MOST, begin, is_lost, strike,
};

#[async_trait]
impl Queue for MemoryStore {
    async fn claim(&self, claim: Claim) -> Result<Claims, StoreError> {
        let mut tables = self.tables();
        tables.wake_what_is_due(claim.now);
        let chosen = tables.choose(claim.bounded_room());
        let claimed = chosen
            .into_iter()
            .map(|one| tables.claim_one((one.organization, one.result), claim))
            .collect::<Result<_, _>>()?;
        Ok(Claims { claimed, next_due: tables.next_due() })
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
        entry.strikes = None;
        Ok(())
    }

    async fn end_wait(&self, organization: OrganizationId, result: ResultId) -> Result<(), StoreError> {
        if let Some(entry) = self.tables().results.get_mut(&(organization, result))
            && matches!(entry.stands, Stands::Later(_))
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
        let mut tables = self.tables();
        let entry = tables.leased(lease)?;
        entry.stands = Stands::Ready;
        entry.result.attempt -= 1;
        entry.strikes = None;
        Ok(())
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

impl Tables {
    fn wake_what_is_due(&mut self, now: Instant) {
        for entry in self.results.values_mut() {
            if matches!(entry.stands, Stands::Later(until) if until <= now) {
                entry.stands = Stands::Ready;
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
        let strikes = strike(entry.strikes, at_work);
        entry.strikes = Some(strikes);
        entry.stands = Stands::Ready;
        if strikes != (None, STRIKES_AT_MOST) {
            return Ok(true);
        }
        let finish = Finish::of_a_killer(&entry.result, now);
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
