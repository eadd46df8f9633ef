//! What is ready to be worked on, in memory.

use async_trait::async_trait;

use super::{Entry, MemoryStore, Tables, impossible};
use crate::model::Instant;
use crate::model::action::ModuleDigest;
use crate::model::organization::OrganizationId;
use crate::model::result::{JobResult, LineResult, ResultId};
use crate::model::status::Event;
use crate::ports::StoreError;
use crate::ports::queue::{CLAIM_BATCH, CLAIMS_AT_MOST, Claimed, Finish, Lease, LeaseError, Queue, begin};

#[async_trait]
impl Queue for MemoryStore {
    async fn claim(&self, limit: u32, now: Instant) -> Result<Vec<Claimed>, StoreError> {
        let mut tables = self.tables();
        let oldest: Vec<_> = tables.waiting.iter().take(limit.min(CLAIM_BATCH) as usize).copied().collect();
        oldest.into_iter().map(|(id, organization)| tables.claim_one(organization, id, now)).collect()
    }

    async fn pin(&self, lease: Lease, modules: &[ModuleDigest]) -> Result<(), LeaseError> {
        self.tables().leased(lease)?.result.modules = modules.to_vec();
        Ok(())
    }

    async fn record(&self, lease: Lease, line: &LineResult) -> Result<(), LeaseError> {
        self.tables().leased(lease)?.lines.insert(line.line_no, line.clone());
        Ok(())
    }

    async fn finish(&self, lease: Lease, finish: Finish) -> Result<JobResult, LeaseError> {
        let mut tables = self.tables();
        let entry = tables.leased(lease)?;
        finish.end(&mut entry.result).map_err(impossible)?;
        entry.leased = false;
        Ok(entry.result.clone())
    }

    async fn release(&self, lease: Lease) -> Result<(), LeaseError> {
        let mut tables = self.tables();
        let entry = tables.leased(lease)?;
        entry.leased = false;
        entry.result.attempt -= 1;
        tables.waiting.insert((lease.result, lease.organization));
        Ok(())
    }

    async fn recover(&self, now: Instant) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let Tables { results, waiting, .. } = &mut *tables;
        let mut put_back = 0;
        for ((organization, id), entry) in results.iter_mut().filter(|(_, entry)| entry.leased) {
            entry.leased = false;
            if entry.result.attempt >= CLAIMS_AT_MOST {
                entry.give_up(now)?;
            } else {
                waiting.insert((*id, *organization));
                put_back += 1;
            }
        }
        Ok(put_back)
    }
}

impl Tables {
    fn claim_one(&mut self, organization: OrganizationId, id: ResultId, now: Instant) -> Result<Claimed, StoreError> {
        let entry =
            self.results.get_mut(&(organization, id)).ok_or_else(|| impossible("a job result that waits is absent"))?;
        begin(&mut entry.result, now).map_err(impossible)?;
        entry.lines.clear();
        entry.lease += 1;
        entry.leased = true;
        self.waiting.remove(&(id, organization));
        let lease = Lease { organization, result: id, number: entry.lease };
        Ok(Claimed { lease, result: entry.result.clone(), records: entry.records.clone() })
    }

    fn leased(&mut self, lease: Lease) -> Result<&mut Entry, LeaseError> {
        let entry = self.results.get_mut(&(lease.organization, lease.result));
        entry.filter(|entry| entry.leased && entry.lease == lease.number).ok_or(LeaseError::Lost)
    }
}

impl Entry {
    fn give_up(&mut self, now: Instant) -> Result<(), StoreError> {
        let finish = Finish::of_a_killer(&self.result, now);
        let (status, message) = (finish.status, finish.message.clone());
        finish.end(&mut self.result).map_err(impossible)?;
        self.cut_lines(Event::End(status), &message)
    }
}
