//! The calls that the module of a line makes to the engine: limited to its organization and the grants of the module,
//! carried out exactly once, and only described in a dry run.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use chrono_tz::Tz;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use values::order::identity;

use super::awaited_jobs::{self, is_failure};
use super::checkpoint::LineCheckpoint;
use super::outcome::LineError;
use super::sources::result;
use super::start::{Cause, Start, accept, start};
use crate::model::collection::{Change, Entries, Written, check_name, work_out};
use crate::model::criteria::{self, Reading};
use crate::model::fault;
use crate::model::grant::Grants;
use crate::model::organization::{Access, OrgScope, Organization, Role};
use crate::model::overlap::Overlap;
use crate::model::refusal::{Refusal, RefusalCode};
use crate::model::result::{JobResult, ResultId};
use crate::node::Node;
use crate::node::service_error::ServiceError;
use crate::node::wait_registry::AwaitedJobs;
use crate::ports::StoreError;
use crate::ports::collections::{Find, Once};
use crate::ports::host_calls::{Call, Ended, HostCallError, HostCalls, JobStart};
use crate::records::{COPIED, MAX_WHOLE_BYTES};

/// How many records one call may read or change.
const MAX_RECORDS: usize = 10_000;

/// The line that calls.
pub(crate) struct Caller {
    pub(crate) organization: Organization,
    pub(crate) result: ResultId,
    /// How many results started one another before this one.
    pub(crate) depth: u32,
    /// Part of the names of effects; see [`crate::model::result::JobResult::root`].
    pub(crate) root: ResultId,
    /// Whether the result is a retry of another.
    pub(crate) is_retry: bool,
    pub(crate) line_no: u32,
    /// Key of the job.
    pub(crate) job: String,
    /// Key of the module.
    pub(crate) module: String,
    pub(crate) dry_run: bool,
    /// The zone of dates that name none.
    pub(crate) zone: Tz,
    pub(crate) checkpoint: Arc<LineCheckpoint>,
}

pub(crate) struct LineHostCalls {
    node: Arc<Node>,
    line: Caller,
    grants: Grants,
}

impl From<StoreError> for HostCallError {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "a call of a line failed because of the store");
        Self::Unavailable("The store cannot be reached at the moment; try again.".to_owned())
    }
}

fn invalid(message: impl Into<String>) -> HostCallError {
    HostCallError::Invalid(message.into())
}

impl LineHostCalls {
    /// With the grants that the module has now.
    pub(crate) async fn new(node: &Arc<Node>, line: Caller) -> Result<Self, StoreError> {
        let mut grants = node.stores.grants.grants(OrgScope::of(line.organization.id)).await?;
        let grants = grants.remove(&line.module).unwrap_or_default();
        Ok(Self { node: Arc::clone(node), line, grants })
    }

    fn scope(&self) -> OrgScope {
        OrgScope::of(self.line.organization.id)
    }

    fn permit_collection(&self, collection: &str, write: bool) -> Result<(), HostCallError> {
        check_name(collection).map_err(HostCallError::Invalid)?;
        self.grants.permit_collection(&self.line.module, collection, write).map_err(HostCallError::Denied)
    }

    /// The key of a call: the same in every attempt that requests the same. A later attempt may find other records in
    /// its source, and what it requests then is another call.
    fn call_key(&self, call: Call, request: &Value) -> String {
        format!("{}:{call}:{}", self.line.line_no, digest(request))
    }

    /// Gives a key to each record that is added without one: the same in every attempt that repeats this call, and
    /// increasing in the order of the records.
    fn assign_keys(&self, mut changes: Vec<Change>, call: Call) -> Vec<Change> {
        let Caller { root, line_no, .. } = &self.line;
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

    /// What the changes would result in.
    async fn predict_write(&self, collection: &str, changes: &[Change]) -> Result<Written, HostCallError> {
        let keys: Vec<_> = changes.iter().map(|change| change.key().to_owned()).collect();
        let records = self.node.stores.collections.get(self.scope(), collection, &keys).await?;
        let existing: HashMap<_, _> = keys.iter().map(String::as_str).zip(&records).collect();
        Ok(work_out(changes, |key| existing.get(key).copied()?.as_ref()).0)
    }

    /// Starts a job, or returns the result of the same start from an earlier attempt. A retry starts a job again that
    /// failed in the result that it retries.
    async fn start_once(&self, new: Start, awaited: bool) -> Result<Option<JobResult>, ServiceError> {
        let access = self.access();
        if self.line.dry_run {
            return accept(&self.node, &access, new).await.map(|_| None);
        }
        if awaited {
            self.refuse_circular_wait(&access, &new).await?;
        }
        let lease_lost = |_| StoreError::Unavailable("the job result no longer belongs to this worker".into());
        self.line.checkpoint.ensure_saved().await.map_err(lease_lost)?;
        let first = start(&self.node, &access, new.clone()).await?;
        if !(awaited && self.line.is_retry) {
            return Ok(Some(first));
        }
        let key = new.idempotency_key.as_deref().unwrap_or_default();
        let latest = awaited_jobs::find_latest_start(&self.node, self.scope(), key).await?.unwrap_or(first);
        // Ids increase with time: a later result than this one was started by this retry.
        if !is_failure(latest.status) || latest.id > self.line.result {
            return Ok(Some(latest));
        }
        let key = new.idempotency_key.map(|key| format!("{key}:{}", self.line.result.0));
        start(&self.node, &access, Start { idempotency_key: key, ..new }).await.map(Some)
    }

    /// Refuses to wait for a job whose new result would wait until this one has ended.
    async fn refuse_circular_wait(&self, access: &Access, start: &Start) -> Result<(), ServiceError> {
        let key = start.idempotency_key.as_deref().unwrap_or_default();
        if self.node.stores.starts.started_as(self.scope(), key).await?.is_some() {
            return Ok(());
        }
        let new = accept(&self.node, access, start.clone()).await?;
        if new.overlap != Overlap::Queue {
            return Ok(());
        }
        let waiting = awaited_jobs::find_circular_wait(&self.node, self.scope(), &start.job, self.line.result).await?;
        let Some(waiting) = waiting else { return Ok(()) };
        let message = format!(
            "`{}` would wait until its job result {} has ended, but that one waits for this line; give the job \
             `overlap: allow`, or do not wait for it",
            start.job, waiting.0
        );
        Err(Refusal::invalid("job", message).into())
    }

    /// The records that the last line of a job passed on. `bytes` counts the bytes of all jobs, which are limited.
    async fn read_passed_on(&self, job: &JobResult, bytes: &mut u64) -> Result<Vec<Value>, HostCallError> {
        let set = result::read_passed_on(&self.node, self.scope(), job, None).await.map_err(|error| match error {
            LineError::Failed(message) => invalid(message),
            _ => HostCallError::Unavailable("The records of a started job cannot be read at the moment.".to_owned()),
        })?;
        *bytes += set.bytes();
        if *bytes > MAX_WHOLE_BYTES {
            return Err(invalid(format!(
                "the records of the started jobs take more than {MAX_WHOLE_BYTES} bytes; read them in a filter with the \
                 source `result`"
            )));
        }
        let (mut records, mut batches) = (Vec::with_capacity(set.len()), set.batches(COPIED, 0));
        while let Some(batch) = batches.next().await.map_err(|fault| HostCallError::Unavailable(fault.to_string()))? {
            records.extend(batch.into_owned());
        }
        Ok(records)
    }

    fn access(&self) -> Access {
        let Caller { organization, result, job, .. } = &self.line;
        Access::of(organization.clone(), Role::Operator, format!("job {job} (result {})", result.0))
    }
}

#[async_trait]
impl HostCalls for LineHostCalls {
    fn grants(&self) -> &Grants {
        &self.grants
    }

    async fn before_effect(&self) -> Result<(), HostCallError> {
        self.line.checkpoint.ensure_saved().await
    }

    async fn get(&self, collection: &str, keys: Vec<String>) -> Result<Vec<Option<Value>>, HostCallError> {
        self.permit_collection(collection, false)?;
        if keys.len() > MAX_RECORDS {
            return Err(invalid(format!("one call can read at most {MAX_RECORDS} keys; it names {}", keys.len())));
        }
        Ok(self.node.stores.collections.get(self.scope(), collection, &keys).await?)
    }

    async fn find(
        &self,
        collection: &str,
        written: &Value,
        after: Option<String>,
        limit: u32,
    ) -> Result<Entries, HostCallError> {
        self.permit_collection(collection, false)?;
        if !(1..=MAX_RECORDS).contains(&(limit as usize)) {
            return Err(invalid(format!("the limit of a page is {limit}; it must be between 1 and {MAX_RECORDS}")));
        }
        let criteria = criteria::parse(written, "criteria", Reading::Rendered, self.line.zone)
            .map_err(|faults| invalid(fault::join(&faults)))?;
        Ok(self.node.stores.collections.find(self.scope(), collection, &Find { criteria, after, limit }).await?)
    }

    async fn write(&self, collection: &str, changes: Vec<Change>, call: Call) -> Result<Written, HostCallError> {
        self.permit_collection(collection, true)?;
        if changes.len() > MAX_RECORDS {
            return Err(invalid(format!("one call can make at most {MAX_RECORDS} changes; it has {}", changes.len())));
        }
        let changes = self.assign_keys(changes, call);
        for (position, change) in changes.iter().enumerate() {
            change.check().map_err(|fault| invalid(format!("change {position}: {fault}")))?;
        }
        if self.line.dry_run {
            return self.predict_write(collection, &changes).await;
        }
        let checked = self.node.usage.check_collection_bytes(&self.line.organization);
        checked.map_err(|refusal| HostCallError::Unavailable(refusal.message))?;
        let request = write_request(collection, &changes);
        self.line.checkpoint.ensure_saved().await?;
        let once = Once { result: self.line.root, call: self.call_key(call, &request) };
        Ok(self.node.stores.collections.write(self.scope(), collection, &changes, Some(&once)).await?)
    }

    async fn start(&self, start: JobStart, call: Call, awaited: bool) -> Result<Option<String>, HostCallError> {
        self.grants.permit_job(&self.line.module, &start.job).map_err(HostCallError::Denied)?;
        let key = self.call_key(call, &start_request(&start));
        // Awaited starts are found by the beginning of their keys: see [`awaited_jobs`].
        let key = if awaited { key.replacen(':', ":wait:", 1) } else { key };
        let start = Start {
            job: start.job,
            arguments: start.arguments,
            records: start.records,
            title: start.title,
            cause: Cause::Line { result: self.line.result, depth: self.line.depth },
            idempotency_key: Some(format!("{}:{key}", self.line.root.0)),
            ..Start::default()
        };
        match self.start_once(start, awaited).await {
            Ok(result) => Ok(result.map(|result| result.id.0.to_string())),
            Err(ServiceError::Store(error)) => Err(error.into()),
            Err(refused) if refused.code() == Some(RefusalCode::QuotaReached) => {
                Err(HostCallError::Unavailable(refused.to_string()))
            }
            Err(ServiceError::Refused(refusals)) => Err(invalid(join_refusals(&refusals))),
        }
    }

    async fn outcomes(&self, batch: Option<u32>, records: bool) -> Result<Option<Vec<Ended>>, HostCallError> {
        if self.line.dry_run {
            return Ok(Some(Vec::new()));
        }
        let key_prefix = awaited_jobs::key_prefix(self.line.root, self.line.line_no, batch);
        let jobs = awaited_jobs::find_awaited(&self.node, self.scope(), &key_prefix).await?;
        let open: HashSet<_> = jobs.iter().filter(|job| !job.status.is_final()).map(|job| job.id).collect();
        if !open.is_empty() {
            self.line.checkpoint.wait_for(AwaitedJobs { open, total: jobs.len(), key_prefix });
            return Ok(None);
        }
        let mut ended = Vec::with_capacity(jobs.len());
        let mut bytes = 0;
        for job in jobs {
            let passed_on = if records && !is_failure(job.status) {
                Some(self.read_passed_on(&job, &mut bytes).await?)
            } else {
                None
            };
            let (id, status) = (job.id.0.to_string(), job.status);
            ended.push(Ended { id, job: job.job, status, message: job.message, records: passed_on });
        }
        Ok(Some(ended))
    }
}

/// The digest of a request that has an effect. It is part of keys that are compared across upgrades, so the requests
/// are hashed in a form that does not depend on the types of this program; `v` is the version of that form.
fn digest(request: &Value) -> String {
    let digest = Sha256::digest(identity(request));
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn write_request(collection: &str, changes: &[Change]) -> Value {
    let changes: Vec<_> = changes
        .iter()
        .map(|change| match change {
            Change::Insert(entry) => json!({"insert": {"key": entry.key, "data": entry.data}}),
            Change::Upsert(entry) => json!({"upsert": {"key": entry.key, "data": entry.data}}),
            Change::Delete(key) => json!({"delete": key}),
        })
        .collect();
    json!({"v": 1, "write": collection, "changes": changes})
}

fn start_request(start: &JobStart) -> Value {
    let JobStart { job, arguments, records, title } = start;
    json!({"v": 1, "start": job, "arguments": arguments, "records": records, "title": title})
}

/// Refusals as one sentence. The host adds the full stop.
fn join_refusals(refusals: &[Refusal]) -> String {
    let all: Vec<_> = refusals.iter().map(ToString::to_string).collect();
    all.join("; ").trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::collection::Entry;

    /// If a key changed with the program, a line would repeat after an upgrade what it had done before.
    #[test]
    fn the_keys_of_effects_never_change() {
        let entry = Entry { key: "a".to_owned(), data: json!({"n": 1, "m": [true, null, "x"]}) };
        let changes = [Change::Upsert(entry.clone()), Change::Insert(entry), Change::Delete("b".to_owned())];
        assert_eq!(digest(&write_request("orders", &changes)), "aa60afa017722165744a51937922bf54");
        let arguments = json!({"top": 5, "name": "x"}).as_object().cloned().unwrap_or_default();
        let records = Some(vec![json!({"n": 1.5})]);
        let start = JobStart { job: "report".to_owned(), arguments, records, title: Some("t".to_owned()) };
        assert_eq!(digest(&start_request(&start)), "f44ba853e845854e20153f208730ad88");
    }
}
