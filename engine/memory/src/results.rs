//! Job results and their lines, in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Entry, MemoryStore, Tables, impossible, listed, within};
use engine::model::Instant;
use engine::model::fairness::QueueName;
use engine::model::lifecycle::admission::{Admission, Unfinished, admit, skipped};
use engine::model::lifecycle::isolation::Crashes;
use engine::model::lifecycle::lease_state::LeaseState;
use engine::model::lifecycle::retention::{LATEST, Retention, moves_since};
use engine::model::lifecycle::waiting::{Lease, Waiting};
use engine::model::notify::job_of;
use engine::model::organization::{OrgScope, OrganizationId};
use engine::model::record::size_of_text;
use engine::model::result::{JobResult, LineResult, ResultId};
use engine::model::status::{Event, Status};
use engine::ports::actions::LineOutput;
use engine::ports::parts::{Part, PartKind};
use engine::ports::results::{
    Endings, History, Kill, KillError, LinesOf, NewResult, Pruned, ResultFilter, ResultRelation, StartError, Started,
    Starts, replaced,
};
use engine::ports::{Listed, Page, StoreError};

#[async_trait]
impl Starts for MemoryStore {
    async fn start(&self, scope: OrgScope, start: NewResult) -> Result<Started, StartError> {
        self.tables().start(scope.organization(), start)
    }

    async fn started_as(&self, scope: OrgScope, key: &str) -> Result<Option<(JobResult, String)>, StoreError> {
        let tables = self.tables();
        let Some((first, digest)) = tables.starts.get(&(scope.organization(), key.to_owned())) else { return Ok(None) };
        let entry = tables.results.get(&(scope.organization(), *first));
        Ok(entry.map(|entry| (entry.result.clone(), digest.clone())))
    }

    async fn started_under(
        &self,
        scope: OrgScope,
        prefix: &str,
        limit: u32,
    ) -> Result<Vec<(String, JobResult)>, StoreError> {
        let (tables, organization) = (self.tables(), scope.organization());
        let under = tables.starts.range((organization, prefix.to_owned())..);
        let under = under.take_while(|((owner, key), _)| *owner == organization && key.starts_with(prefix));
        let found = under.filter_map(|((_, key), (id, _))| {
            let entry = tables.results.get(&(organization, *id))?;
            Some((key.clone(), entry.result.clone()))
        });
        Ok(found.take(limit as usize).collect())
    }

    async fn last_success(&self, scope: OrgScope, job: &str) -> Result<Option<Instant>, StoreError> {
        let tables = self.tables();
        let deleted = tables.deleted_version(scope.organization(), job);
        let latest = |status| {
            let filter = ResultFilter { job: Some(job.to_owned()), status: Some(status) };
            let newest = tables.newest_first(scope.organization(), &filter).filter(|result| began(result));
            let moves = |result: &&JobResult| moves_since(result.retry_of.is_some(), result.now == result.created_at);
            let of_job = |result: &&JobResult| result.version > deleted;
            newest.take(LATEST).filter(moves).filter(of_job).map(|result| result.now).max()
        };
        Ok([Status::Success, Status::Info].into_iter().filter_map(latest).max())
    }

    async fn ended_before(&self, scope: OrgScope, job: &str, before: ResultId) -> Result<Option<Status>, StoreError> {
        let filter = ResultFilter { job: Some(job.to_owned()), status: None };
        let tables = self.tables();
        let mut earlier = tables.newest_first(scope.organization(), &filter).filter(|result| result.id < before);
        let newest = earlier.find(|result| began(result) && result.status.is_final());
        let deleted = tables.deleted_version(scope.organization(), job);
        Ok(newest.filter(|result| result.version > deleted).map(|result| result.status))
    }

    async fn count_open(&self, scope: OrgScope) -> Result<u64, StoreError> {
        let tables = self.tables();
        let own = tables.results.iter().filter(|((organization, _), _)| *organization == scope.organization());
        Ok(own.filter(|(_, entry)| !entry.result.status.is_final()).count() as u64)
    }
}

#[async_trait]
impl History for MemoryStore {
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
        Ok(listed(older.cloned(), page.limit, |result| size_of_text(&result.arguments)))
    }

    async fn count(&self, scope: OrgScope, filter: &ResultFilter) -> Result<u64, StoreError> {
        Ok(self.tables().newest_first(scope.organization(), filter).count() as u64)
    }

    async fn lines_within(
        &self,
        scope: OrgScope,
        of: LinesOf<'_>,
        most: usize,
    ) -> Result<Listed<(ResultId, LineResult)>, StoreError> {
        let mut ids = of.results.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let tables = self.tables();
        let found = ids.into_iter().filter_map(|id| Some((id, tables.results.get(&(scope.organization(), id))?)));
        let lines = found.flat_map(|(id, entry)| entry.lines.values().map(move |line| (id, line)));
        let lines = lines.filter(|(_, line)| of.after.is_none_or(|after| line.line_no > after));
        let weigh = |(_, line): &(ResultId, &LineResult)| if of.details { line.bytes() } else { 0 };
        let Listed { items, more } = within(lines, (usize::MAX, most), weigh);
        let shown = |line: &LineResult| if of.details { line.clone() } else { line.without_details() };
        Ok(Listed { items: items.into_iter().map(|(id, line)| (id, shown(line))).collect(), more })
    }

    async fn waiting(&self, scope: OrgScope, ids: &[ResultId]) -> Result<Vec<(ResultId, Waiting)>, StoreError> {
        let tables = self.tables();
        Ok(ids.iter().filter_map(|id| Some((*id, tables.waiting(scope.organization(), *id)?))).collect())
    }

    async fn parts(
        &self,
        scope: OrgScope,
        id: ResultId,
        (line_no, kind): (u32, PartKind),
        from: u32,
        limit: u32,
    ) -> Result<Vec<Part>, StoreError> {
        let tables = self.tables();
        let set = tables.results.get(&(scope.organization(), id)).map(|entry| entry.set(line_no, kind));
        let parts = set.into_iter().flatten().filter(|part| part.part >= from).take(limit as usize);
        Ok(parts.collect())
    }

    async fn related(
        &self,
        scope: OrgScope,
        id: ResultId,
        relation: ResultRelation,
    ) -> Result<Vec<ResultId>, StoreError> {
        Ok(self.tables().oldest(scope, |result| match relation {
            ResultRelation::Retries => result.retry_of == Some(id),
            ResultRelation::Started => result.started_from == Some(id),
        }))
    }
}

#[async_trait]
impl Endings for MemoryStore {
    async fn kill(&self, scope: OrgScope, id: ResultId, kill: Kill) -> Result<JobResult, KillError> {
        self.tables().kill(scope.organization(), id, kill)
    }

    async fn append_output(
        &self,
        scope: OrgScope,
        id: ResultId,
        line_no: u32,
        output: &LineOutput,
    ) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let entry = tables.results.get_mut(&(scope.organization(), id));
        let line = entry.and_then(|entry| entry.lines.get_mut(&line_no));
        if let Some(line) = line.filter(|line| line.status == Status::Killed) {
            (line.log, line.effects) = (output.log.clone(), output.effects.clone());
        }
        Ok(())
    }

    async fn prune(&self, keep: Retention, now: Instant) -> Result<Pruned, StoreError> {
        Ok(self.tables().prune(keep, now))
    }
}

/// Whether the result has run and is no dry run or notification.
pub(super) fn began(result: &JobResult) -> bool {
    result.is_real() && result.started_at.is_some()
}

impl Tables {
    pub(super) fn start(&mut self, organization: OrganizationId, start: NewResult) -> Result<Started, StartError> {
        if let Some(first) = self.first_start(organization, &start)? {
            return Ok(Started { result: first, replaced: Vec::new() });
        }
        let old = match &start.retry {
            Some(retry) => Some(self.results.get(&(organization, retry.of)).ok_or(StartError::Gone)?),
            None => None,
        };
        let mut entry = Entry::of(start.clone(), self.queue(organization, &start.queue));
        if let (Some(old), Some(retry)) = (old, &start.retry) {
            entry.copy_from(old, retry)?;
        }
        if self.results.contains_key(&(organization, start.id)) {
            return Err(impossible("the identity of the job result is in use").into());
        }
        let replaced = self.overlap(organization, &start, &mut entry)?;
        let name = start.idempotency.map(|name| ((organization, name.key), (start.id, name.digest)));
        self.starts.extend(name);
        let result = entry.result.clone();
        self.results.insert((organization, start.id), entry);
        Ok(Started { result, replaced })
    }

    /// The result of the first start with the same idempotency key.
    fn first_start(&self, organization: OrganizationId, start: &NewResult) -> Result<Option<JobResult>, StartError> {
        let Some(name) = &start.idempotency else { return Ok(None) };
        let Some((first, digest)) = self.starts.get(&(organization, name.key.clone())) else { return Ok(None) };
        if *digest != name.digest {
            return Err(StartError::Conflict(*first));
        }
        Ok(self.results.get(&(organization, *first)).map(|entry| entry.result.clone()))
    }

    /// Applies the overlap rule of a new result, and kills those that it replaces.
    fn overlap(
        &mut self,
        organization: OrganizationId,
        start: &NewResult,
        entry: &mut Entry,
    ) -> Result<Vec<ResultId>, StoreError> {
        let others = self.unfinished(organization, &start.job);
        match admit(&entry.result, start.overlap, others.first().copied()) {
            Admission::Ready => {}
            Admission::Behind => entry.state = Some(LeaseState::Behind),
            Admission::Skipped(other) => {
                skipped(&mut entry.result, other, start.created_at).map_err(impossible)?;
                entry.state = None;
                entry.drop_copied();
            }
            Admission::Replaces => {
                for other in &others {
                    self.kill(organization, *other, replaced(start.id, start.created_at)).map_err(impossible)?;
                }
                return Ok(others);
            }
        }
        Ok(Vec::new())
    }

    /// The results of a job that have not ended, oldest first.
    fn unfinished(&self, organization: OrganizationId, job: &str) -> Vec<ResultId> {
        let of_job = self.results.iter().filter(|((owner, _), entry)| {
            *owner == organization && entry.result.job == job && entry.result.is_real() && entry.state.is_some()
        });
        of_job.map(|((_, id), _)| *id).collect()
    }

    fn oldest_unfinished(&self, organization: OrganizationId, job: &str) -> Unfinished {
        let is_behind = |id: &ResultId| {
            self.results.get(&(organization, *id)).is_some_and(|entry| entry.state == Some(LeaseState::Behind))
        };
        let (behind, ahead): (Vec<_>, Vec<_>) = self.unfinished(organization, job).into_iter().partition(is_behind);
        Unfinished { ahead: ahead.first().copied(), behind: behind.first().copied() }
    }

    pub(super) fn kill(
        &mut self,
        organization: OrganizationId,
        id: ResultId,
        kill: Kill,
    ) -> Result<JobResult, KillError> {
        let mut killed = self.results.get(&(organization, id)).ok_or(KillError::Absent)?.result.clone();
        kill.end(&mut killed).map_err(|refusal| KillError::Ended(refusal.status))?;
        self.check_notifications(organization, &kill.notifications)?;
        let entry = self.results.get_mut(&(organization, id)).ok_or(KillError::Absent)?;
        entry.result = killed.clone();
        entry.state = None;
        let open = |line: &LineResult| entry.lines.get(&line.line_no).is_none_or(|known| !known.status.is_final());
        let lines = kill.lines.into_iter().filter(open).collect();
        entry.note(lines);
        entry.end_open_lines(Event::Kill, &kill.line_message)?;
        entry.drop_temporary(None);
        self.after_end(organization, &killed, kill.notifications)?;
        Ok(killed)
    }

    /// The results of a job that have not ended, notifications and dry runs included, oldest first.
    pub(super) fn open_results(&self, organization: OrganizationId, job: &str) -> Vec<ResultId> {
        let open = self.results.iter().filter(|((owner, _), entry)| {
            *owner == organization && job_of(&entry.result.job) == job && !entry.result.status.is_final()
        });
        open.map(|((_, id), _)| *id).collect()
    }

    /// Checks that notifications can be started, before anything is written.
    pub(super) fn check_notifications(
        &self,
        organization: OrganizationId,
        notifications: &[NewResult],
    ) -> Result<(), StoreError> {
        let in_use = |notice: &NewResult| self.results.contains_key(&(organization, notice.id));
        if notifications.iter().any(in_use) {
            Err(impossible("the identity of the job result is in use"))
        } else {
            Ok(())
        }
    }

    /// Starts the notifications of an ended result, and lets results begin that waited for it. Returns whether this
    /// arms a schedule again.
    pub(super) fn after_end(
        &mut self,
        organization: OrganizationId,
        ended: &JobResult,
        notifications: Vec<NewResult>,
    ) -> Result<bool, StoreError> {
        let armed_schedule = self.complete(organization, ended);
        for notification in notifications {
            self.start(organization, notification).map_err(impossible)?;
        }
        let next = self.oldest_unfinished(organization, &ended.job).promoted();
        if let Some(entry) = next.and_then(|next| self.results.get_mut(&(organization, next))) {
            entry.state = Some(LeaseState::Ready);
        }
        Ok(armed_schedule)
    }

    fn waiting(&self, organization: OrganizationId, id: ResultId) -> Option<Waiting> {
        let entry = self.results.get(&(organization, id))?;
        let lease = Lease {
            state: entry.state?,
            until: entry.ready_at,
            isolated: entry.isolated_until.is_some(),
            ahead: self.oldest_unfinished(organization, &entry.result.job).ahead,
            full: self.occupancy().reached(&entry.queue).map(|limit| (entry.queue.key.as_str(), limit)),
        };
        lease.waits_for()
    }

    /// The first 100 results for which the condition holds.
    fn oldest(&self, scope: OrgScope, is_so: impl Fn(&JobResult) -> bool) -> Vec<ResultId> {
        let all = ResultFilter::default();
        let newest = self.newest_first(scope.organization(), &all);
        let mut ids: Vec<_> = newest.filter(|result| is_so(result)).map(|result| result.id).collect();
        ids.reverse();
        ids.truncate(100);
        ids
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

impl Entry {
    fn of(start: NewResult, queue: QueueName) -> Self {
        let (result, records) = start.accept();
        let state = (!result.status.is_final()).then_some(LeaseState::Ready);
        Self {
            result,
            records,
            lines: BTreeMap::new(),
            lease: 0,
            state,
            node: None,
            ready_at: None,
            queue,
            checkpoint: None,
            batches: Vec::new(),
            parts: BTreeMap::new(),
            crashes: Crashes::default(),
            isolated_until: None,
        }
    }
}
