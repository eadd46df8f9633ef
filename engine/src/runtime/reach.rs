//! What one line may do outside: within its organization and the grants of its module,
//! once whatever happens, and in a dry run not at all.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use chrono_tz::Tz;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::act::{COPIED, MAX_WHOLE_BYTES};
use super::awaited::{self, Awaited, is_failure};
use super::checkpoint::LineCheckpoint;
use super::engine::Engine;
use super::perform::Broken;
use super::sources::result;
use super::start::{Cause, Start, StartError};
use crate::model::collection::{Change, Entries, Written, check_name, work_out};
use crate::model::criteria::{self, Reading};
use crate::model::fault::Fault;
use crate::model::grant::Grants;
use crate::model::organization::{Access, OrgScope, Organization, Role};
use crate::model::overlap::Overlap;
use crate::model::result::{JobResult, ResultId};
use crate::ports::StoreError;
use crate::ports::collections::{Find, Once};
use crate::ports::reach::{Call, Ended, JobStart, Reach, ReachError};

/// How many records one call may look for or change.
const MOST: usize = 10_000;

/// Whom a line works for.
pub(crate) struct Line {
    pub(crate) organization: Organization,
    pub(crate) result: ResultId,
    /// How many results started one another until this one.
    pub(crate) depth: u32,
    /// Names what is done; see [`crate::model::result::JobResult::root`].
    pub(crate) root: ResultId,
    /// Whether the result tries another one again.
    pub(crate) is_retry: bool,
    pub(crate) line_no: u32,
    /// Key of the job.
    pub(crate) job: String,
    /// Key of the module.
    pub(crate) module: String,
    pub(crate) dry_run: bool,
    /// The zone in which bare dates are meant.
    pub(crate) zone: Tz,
    pub(crate) checkpoint: Arc<LineCheckpoint>,
}

pub(crate) struct LineReach {
    engine: Engine,
    line: Line,
    grants: Grants,
}

impl From<StoreError> for ReachError {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "the store failed a line");
        Self::Unavailable("The store cannot be reached at the moment; try again.".to_owned())
    }
}

fn invalid(message: impl Into<String>) -> ReachError {
    ReachError::Invalid(message.into())
}

impl LineReach {
    /// The reach of a line, with what is granted to its module at this moment.
    pub(crate) async fn of(engine: &Engine, line: Line) -> Result<Self, StoreError> {
        let mut grants = engine.grants.grants(OrgScope::of(line.organization.id)).await?;
        let grants = grants.remove(&line.module).unwrap_or_default();
        Ok(Self { engine: engine.clone(), line, grants })
    }

    fn scope(&self) -> OrgScope {
        OrgScope::of(self.line.organization.id)
    }

    fn permit_collection(&self, collection: &str, write: bool) -> Result<(), ReachError> {
        check_name(collection).map_err(ReachError::Invalid)?;
        self.grants.permit_collection(&self.line.module, collection, write).map_err(ReachError::Denied)
    }

    /// The name of a call: the same in every attempt that asks for the same. A later attempt may
    /// find other records in its source, and what it asks for then is another call.
    fn call(&self, call: Call, asked: &str) -> String {
        let digest = Sha256::digest(asked);
        let digest: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("{}:{call}:{digest}", self.line.line_no)
    }

    /// Gives a key to each record that is added without one: the same in every attempt that comes to
    /// this call again, wherever it began, and in the order of the records.
    fn named(&self, mut changes: Vec<Change>, call: Call) -> Vec<Change> {
        let Line { root, line_no, .. } = &self.line;
        let place = call.batch.map_or_else(|| "open".to_owned(), |batch| format!("{batch:07}"));
        for (position, change) in changes.iter_mut().enumerate() {
            if let Change::Insert(entry) = change
                && entry.key.is_empty()
            {
                entry.key = format!("{}:{line_no}/{place}.{}.{position:05}", root.0, call.number);
            }
        }
        changes
    }

    /// What the changes would come to.
    async fn foresee(&self, collection: &str, changes: &[Change]) -> Result<Written, ReachError> {
        let keys: Vec<_> = changes.iter().map(|change| change.key().to_owned()).collect();
        let there = self.engine.collections.get(self.scope(), collection, &keys).await?;
        let there: HashMap<_, _> = keys.iter().map(String::as_str).zip(&there).collect();
        Ok(work_out(changes, |key| there.get(key).copied()?.as_ref()).0)
    }

    /// Starts a job, or answers with the result of the same start before. A retry starts a job again that
    /// failed in the result that it tries again.
    async fn start_once(&self, start: Start, awaited: bool) -> Result<Option<JobResult>, StartError> {
        let access = self.access();
        if self.line.dry_run {
            return self.engine.check_start(&access, start).await.map(|()| None);
        }
        if awaited {
            self.check_circle(&access, &start).await?;
        }
        let refused = |_| StoreError::Unavailable("the job result is no longer this worker's".into());
        self.line.checkpoint.make().await.map_err(refused)?;
        let first = self.engine.start(&access, start.clone()).await?;
        if !(awaited && self.line.is_retry) {
            return Ok(Some(first));
        }
        let key = start.idempotency_key.as_deref().unwrap_or_default();
        let latest = self.engine.latest_start(self.scope(), key).await?.unwrap_or(first);
        // Ids are in the order of time.
        if !is_failure(latest.status) || latest.id > self.line.result {
            return Ok(Some(latest));
        }
        let key = start.idempotency_key.map(|key| format!("{key}:{}", self.line.result.0));
        self.engine.start(&access, Start { idempotency_key: key, ..start }).await.map(Some)
    }

    /// Refuses to wait for a job that waits for this one to end.
    async fn check_circle(&self, access: &Access, start: &Start) -> Result<(), StartError> {
        if self
            .engine
            .results
            .started_as(self.scope(), start.idempotency_key.as_deref().unwrap_or_default())
            .await?
            .is_some()
        {
            return Ok(());
        }
        let new = self.engine.accept(access, start.clone()).await?;
        if new.overlap != Overlap::Queue {
            return Ok(());
        }
        match self.engine.waits_for_itself(self.scope(), &start.job, self.line.result).await? {
            None => Ok(()),
            Some(waiting) => Err(StartError::Faults(vec![Fault::at(
                "job",
                format!(
                    "`{}` would wait for its job result {} to end, which waits for this line; give the job \
                     `overlap: allow`, or do not wait for it",
                    start.job, waiting.0
                ),
            )])),
        }
    }

    /// What the last line of a job passed on, if all the records that a line asks for are not too many.
    async fn passed_on(&self, job: &JobResult, bytes: &mut u64) -> Result<Vec<Value>, ReachError> {
        let set = result::passed_on(&self.engine, self.scope(), job, None).await.map_err(|broken| match broken {
            Broken::Error(message) => invalid(message),
            _ => ReachError::Unavailable("The records of a started job cannot be read at the moment.".to_owned()),
        })?;
        *bytes += set.bytes();
        if *bytes > MAX_WHOLE_BYTES {
            return Err(invalid(format!(
                "the records of the started jobs take more than {MAX_WHOLE_BYTES} bytes; read them with the source \
                 `result` of a filter"
            )));
        }
        let (mut records, mut batches) = (Vec::with_capacity(set.len()), set.batches(COPIED, 0));
        while let Some(batch) = batches.next().await.map_err(|fault| ReachError::Unavailable(fault.to_string()))? {
            records.extend(batch.into_owned());
        }
        Ok(records)
    }

    fn access(&self) -> Access {
        let Line { organization, result, job, .. } = &self.line;
        Access {
            scope: self.scope(),
            organization: organization.clone(),
            role: Role::Operator,
            server: false,
            who: format!("job {job} (result {})", result.0),
            token: Uuid::nil(),
        }
    }
}

#[async_trait]
impl Reach for LineReach {
    fn grants(&self) -> &Grants {
        &self.grants
    }

    async fn before_effect(&self) -> Result<(), ReachError> {
        self.line.checkpoint.make().await
    }

    async fn get(&self, collection: &str, keys: Vec<String>) -> Result<Vec<Option<Value>>, ReachError> {
        self.permit_collection(collection, false)?;
        if keys.len() > MOST {
            return Err(invalid(format!("at most {MOST} keys can be asked for at once; these are {}", keys.len())));
        }
        Ok(self.engine.collections.get(self.scope(), collection, &keys).await?)
    }

    async fn find(
        &self,
        collection: &str,
        written: &Value,
        after: Option<String>,
        limit: u32,
    ) -> Result<Entries, ReachError> {
        self.permit_collection(collection, false)?;
        if !(1..=MOST).contains(&(limit as usize)) {
            return Err(invalid(format!("a page has 1 to {MOST} records, not {limit}")));
        }
        let criteria = criteria::parse(written, "criteria", Reading::Rendered, self.line.zone).map_err(|faults| {
            let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
            invalid(told.join("; "))
        })?;
        Ok(self.engine.collections.find(self.scope(), collection, &Find { criteria, after, limit }).await?)
    }

    async fn write(&self, collection: &str, changes: Vec<Change>, call: Call) -> Result<Written, ReachError> {
        self.permit_collection(collection, true)?;
        if changes.len() > MOST {
            return Err(invalid(format!("at most {MOST} changes can be made at once; these are {}", changes.len())));
        }
        let changes = self.named(changes, call);
        for (position, change) in changes.iter().enumerate() {
            change.check().map_err(|fault| invalid(format!("change {position}: {fault}")))?;
        }
        if self.line.dry_run {
            return self.foresee(collection, &changes).await;
        }
        let may = self.engine.may_write_records(&self.line.organization);
        may.map_err(|reached| ReachError::Unavailable(format!("{reached}.")))?;
        let asked = format!("{collection} {changes:?}");
        self.line.checkpoint.make().await?;
        let once = Once { result: self.line.root, call: self.call(call, &asked) };
        Ok(self.engine.collections.write(self.scope(), collection, &changes, Some(&once)).await?)
    }

    async fn start(&self, start: JobStart, call: Call, awaited: bool) -> Result<Option<String>, ReachError> {
        self.grants.permit_job(&self.line.module, &start.job).map_err(ReachError::Denied)?;
        let asked = format!("{start:?}");
        let name = self.call(call, &asked);
        // What waits is found by the beginning of its key: see [`awaited`].
        let name = if awaited { name.replacen(':', ":wait:", 1) } else { name };
        let start = Start {
            job: start.job,
            arguments: start.arguments,
            records: start.records,
            title: start.title,
            cause: Cause::Line { result: self.line.result, depth: self.line.depth },
            idempotency_key: Some(format!("{}:{name}", self.line.root.0)),
            ..Start::default()
        };
        match self.start_once(start, awaited).await {
            Ok(result) => Ok(result.map(|result| result.id.0.to_string())),
            Err(StartError::UnknownJob(key)) => Err(invalid(format!("there is no job `{key}` in this organization"))),
            Err(StartError::Faults(faults)) => {
                let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
                Err(invalid(told.join("; ")))
            }
            Err(refused @ (StartError::Conflict(_) | StartError::Inactive(_) | StartError::TooDeep)) => {
                Err(invalid(refused.to_string()))
            }
            Err(StartError::Quota(reached)) => Err(ReachError::Unavailable(format!("{reached}."))),
            Err(StartError::Store(error)) => Err(error.into()),
        }
    }

    async fn outcomes(&self, batch: Option<u32>, records: bool) -> Result<Option<Vec<Ended>>, ReachError> {
        if self.line.dry_run {
            return Ok(Some(Vec::new()));
        }
        let prefix = awaited::prefix(self.line.root, self.line.line_no, batch);
        let jobs = self.engine.awaited(self.scope(), &prefix).await?;
        let open: HashSet<_> = jobs.iter().filter(|job| !job.status.is_final()).map(|job| job.id).collect();
        if !open.is_empty() {
            self.line.checkpoint.wait_for(Awaited { open, of: jobs.len(), prefix });
            return Ok(None);
        }
        let mut ended = Vec::with_capacity(jobs.len());
        let mut bytes = 0;
        for job in jobs {
            let passed_on =
                if records && !is_failure(job.status) { Some(self.passed_on(&job, &mut bytes).await?) } else { None };
            let (id, status) = (job.id.0.to_string(), job.status);
            ended.push(Ended { id, job: job.job, status, message: job.message, records: passed_on });
        }
        Ok(Some(ended))
    }
}
