//! Jobs that a line starts and waits for. While it waits, its result keeps no worker busy: it is postponed, and resumes
//! when the last of the jobs has ended. The store finds these jobs by the idempotency keys of their starts; the
//! registry in memory only makes the resumption quick.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::model::organization::{OrgScope, OrganizationId};
use crate::model::result::{JobResult, ResultId};
use crate::model::status::Status;
use crate::node::Node;
use crate::node::events::ResultChange;

use crate::ports::StoreError;
use crate::ports::host_calls::Call;

/// How often a waiting result checks in the store whether the jobs have ended. The end of a job on this node is noticed
/// at once.
pub(crate) const RECHECK_INTERVAL: Duration = Duration::from_secs(5);
/// How many jobs a line may wait for at once.
pub(crate) const MAX_AWAITED: usize = 100_000;

/// The beginning of the idempotency keys of the starts that a line waits for, in one of its batches.
pub(crate) fn key_prefix(root: ResultId, line_no: u32, batch: Option<u32>) -> String {
    let call = Call { batch, number: 0 }.to_string();
    format!("{}:{line_no}{WAIT}{}", root.0, call.trim_end_matches('0'))
}

/// Marks the idempotency keys of starts that are waited for.
pub(super) const WAIT: &str = ":wait:";

/// The latest result of each job that was started under a key prefix, in the order of their starts. A retry may have
/// started a job again.
///
/// # Errors
/// The store failed.
pub(crate) async fn find_awaited(
    node: &Arc<Node>,
    scope: OrgScope,
    prefix: &str,
) -> Result<Vec<JobResult>, StoreError> {
    let started = find_started_under(node, scope, prefix).await?;
    let mut latest: BTreeMap<(String, u32), JobResult> = BTreeMap::new();
    for (key, result) in started {
        let newest = latest.entry(call_position(&key[prefix.len()..])).or_insert_with(|| result.clone());
        if newest.id < result.id {
            *newest = result;
        }
    }
    Ok(latest.into_values().collect())
}

pub(super) async fn find_started_under(
    node: &Arc<Node>,
    scope: OrgScope,
    prefix: &str,
) -> Result<Vec<(String, JobResult)>, StoreError> {
    let limit = u32::try_from(MAX_AWAITED).unwrap_or(u32::MAX);
    let started = node.stores.starts.started_under(scope, prefix, limit).await?;
    if started.len() >= MAX_AWAITED {
        let message = format!("a job result started more than {MAX_AWAITED} jobs and waits for them; split the job");
        return Err(StoreError::Unavailable(message.into()));
    }
    Ok(started)
}

/// The latest result of a start. A retry starts a failed job again, under a key that begins with the first one.
pub(crate) async fn find_latest_start(
    node: &Arc<Node>,
    scope: OrgScope,
    key: &str,
) -> Result<Option<JobResult>, StoreError> {
    let started = find_started_under(node, scope, key).await?;
    Ok(started.into_iter().map(|(_, result)| result).max_by_key(|result| result.id))
}

/// Lets the result that waits for this one resume, if this was the last that it waited for.
pub(crate) fn notify_starter(node: &Arc<Node>, ended: &JobResult, organization: OrganizationId) {
    let Some(starter) = ended.started_from else { return };
    if let Some(progress) = node.waits.progress(starter) {
        node.publish(organization, starter, ResultChange::Progress(progress));
    }
    if node.waits.job_ended(starter, ended.id) {
        let node = Arc::clone(node);
        tokio::spawn(async move { end_wait(&node, organization, starter).await });
    }
}

pub(crate) async fn end_wait(node: &Arc<Node>, organization: OrganizationId, result: ResultId) {
    match node.stores.queue.end_wait(organization, result).await {
        Ok(()) => node.wake.notify_one(),
        Err(error) => {
            tracing::warn!(%error, result = %result.0, "a waiting job result could not be resumed; it checks again later")
        }
    }
}

/// Checks in the store which jobs have ended, after the wait was registered: a job that ended before did not notify.
pub(crate) async fn recheck(
    node: &Arc<Node>,
    scope: OrgScope,
    result: ResultId,
    prefix: &str,
) -> Result<(), StoreError> {
    let jobs = find_awaited(node, scope, prefix).await?;
    let mut ended = jobs.iter().filter(|job| job.status.is_final());
    if ended.any(|job| node.waits.job_ended(result, job.id)) {
        end_wait(node, scope.organization(), result).await;
    }
    Ok(())
}

/// An open result of `job` that, directly or not, waits for `starter`. A new result of the job would wait for it, and
/// `starter` for the new result, so that none would ever end.
pub(crate) async fn find_circular_wait(
    node: &Arc<Node>,
    scope: OrgScope,
    job: &str,
    starter: ResultId,
) -> Result<Option<ResultId>, StoreError> {
    let mut next = Some(starter);
    while let Some(id) = next {
        let Some(result) = node.stores.history.find(scope, id).await? else { return Ok(None) };
        if result.job == job && !result.status.is_final() {
            return Ok(Some(id));
        }
        next = result.started_from;
    }
    Ok(None)
}

/// The batch and the number of a call, from the part of its key after the prefix: `3.12:0f…`, or `12:0f…` if the prefix
/// contains the batch.
fn call_position(suffix: &str) -> (String, u32) {
    let call = suffix.split(':').next().unwrap_or_default();
    let (batch, number) = call.rsplit_once('.').unwrap_or(("", call));
    (batch.to_owned(), number.parse().unwrap_or(u32::MAX))
}

/// Whether a retry starts a job again that ended with this status.
pub(crate) fn is_failure(status: Status) -> bool {
    matches!(status, Status::Error | Status::Killed)
}
