//! Job results and their lines, in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Entry, MemoryStore, Tables, impossible, listed};
use crate::model::Instant;
use crate::model::organization::{OrgScope, OrganizationId};
use crate::model::result::{JobResult, LineResult, ResultId};
use crate::model::status::{Event, Status};
use crate::ports::actions::Told;
use crate::ports::results::{Kill, KillError, NewResult, ResultFilter, Results};
use crate::ports::{Listed, Page, StoreError};

#[async_trait]
impl Results for MemoryStore {
    async fn start(&self, scope: OrgScope, start: NewResult) -> Result<JobResult, StoreError> {
        let place = (scope.organization(), start.id);
        let mut tables = self.tables();
        if let Some(first) = tables.first_start(scope.organization(), &start) {
            return Ok(first);
        }
        if tables.results.contains_key(&place) {
            return Err(impossible("the identity of the job result is in use"));
        }
        let name = start.idempotency_key.clone().map(|key| ((scope.organization(), key), start.id));
        tables.starts.extend(name);
        let (result, records) = start.accept();
        let entry = Entry { result: result.clone(), records, lines: BTreeMap::new(), lease: 0, leased: false };
        tables.results.insert(place, entry);
        tables.waiting.insert((result.id, scope.organization()));
        Ok(result)
    }

    async fn find(&self, scope: OrgScope, id: ResultId) -> Result<Option<JobResult>, StoreError> {
        let tables = self.tables();
        Ok(tables.results.get(&(scope.organization(), id)).map(|entry| entry.result.clone()))
    }

    async fn list(
        &self,
        scope: OrgScope,
        filter: &ResultFilter,
        page: Page<ResultId>,
    ) -> Result<Listed<JobResult>, StoreError> {
        let tables = self.tables();
        let older = tables
            .newest_first(scope.organization(), filter)
            .filter(|result| page.before.is_none_or(|before| result.id < before));
        Ok(listed(older.cloned(), page.limit))
    }

    async fn count(&self, scope: OrgScope, filter: &ResultFilter) -> Result<u64, StoreError> {
        Ok(self.tables().newest_first(scope.organization(), filter).count() as u64)
    }

    async fn lines(&self, scope: OrgScope, ids: &[ResultId]) -> Result<Vec<(ResultId, LineResult)>, StoreError> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let tables = self.tables();
        let found = ids.into_iter().filter_map(|id| Some((id, tables.results.get(&(scope.organization(), id))?)));
        Ok(found.flat_map(|(id, entry)| entry.lines.values().map(move |line| (id, line.clone()))).collect())
    }

    async fn last_success(&self, scope: OrgScope, job: &str) -> Result<Option<Instant>, StoreError> {
        let filter = ResultFilter { job: Some(job.to_owned()), status: None };
        let tables = self.tables();
        let mut ended_well = tables
            .newest_first(scope.organization(), &filter)
            .filter(|result| !result.dry_run && matches!(result.status, Status::Success | Status::Info));
        Ok(ended_well.next().map(|result| result.created_at))
    }

    async fn tell(&self, scope: OrgScope, id: ResultId, line_no: u32, told: &Told) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let entry = tables.results.get_mut(&(scope.organization(), id));
        let line = entry.and_then(|entry| entry.lines.get_mut(&line_no));
        if let Some(line) = line.filter(|line| line.status == Status::Killed) {
            (line.log, line.effects) = (told.log.clone(), told.effects.clone());
        }
        Ok(())
    }

    async fn kill(&self, scope: OrgScope, id: ResultId, kill: Kill) -> Result<JobResult, KillError> {
        let mut tables = self.tables();
        let entry = tables.results.get_mut(&(scope.organization(), id)).ok_or(KillError::Absent)?;
        kill.end(&mut entry.result).map_err(|refusal| KillError::Ended(refusal.status))?;
        entry.leased = false;
        entry.cut_lines(Event::Kill, &kill.line_message)?;
        let killed = entry.result.clone();
        tables.waiting.remove(&(id, scope.organization()));
        Ok(killed)
    }
}

impl Tables {
    /// The result of the start that had the same idempotency key.
    fn first_start(&self, organization: OrganizationId, start: &NewResult) -> Option<JobResult> {
        let key = start.idempotency_key.clone()?;
        let first = self.starts.get(&(organization, key))?;
        Some(self.results.get(&(organization, *first))?.result.clone())
    }

    fn newest_first(&self, organization: OrganizationId, filter: &ResultFilter) -> impl Iterator<Item = &JobResult> {
        let own = (organization, ResultId(uuid::Uuid::nil()))..=(organization, ResultId(uuid::Uuid::max()));
        self.results
            .range(own)
            .rev()
            .map(|(_, entry)| &entry.result)
            .filter(|result| filter.job.as_ref().is_none_or(|job| *job == result.job))
            .filter(|result| filter.status.is_none_or(|status| status == result.status))
    }
}
