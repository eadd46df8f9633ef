//! Retrying a result that has ended: from its first line in error, or only with the records that were rejected. Either
//! makes a new result that names the old one; the old one does not change.

use std::sync::Arc;

use super::notifications;
use super::start::{MAX_TITLE_LENGTH, store_result};
use super::stored_sets::PartReader;
use crate::model::notify::job_of;
use crate::model::organization::{Access, OrgScope};
use crate::model::overlap::Overlap;
use crate::model::record::Records;
use crate::model::refusal::Refusal;
use crate::model::result::{JobResult, LineKind, LineResult, ResultId};
use crate::model::status::Status;
use crate::node::service_error::ServiceError;
use crate::node::{Node, new_id};
use crate::ports::StoreError;
use crate::ports::parts::{Part, PartKind};
use crate::ports::results::{NewResult, RetryStart};

/// What is retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RetryMode {
    /// From the first line in error, with the records that it had. Its batches that are recorded as done are not
    /// repeated, and its calls to other systems have the same idempotency keys.
    #[default]
    FailedLine,
    /// Only the rejected records, each from the line that rejected it.
    Rejected,
}

/// How a result is retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retry {
    /// What is retried.
    pub mode: RetryMode,
    /// Whether date variables are relative to the present instead of the clock reading of the old result.
    pub today: bool,
    /// Whether the newest version of the job runs instead of the version of the old result.
    pub newest: bool,
}

fn refuse<T>(reason: &str) -> Result<T, ServiceError> {
    Err(Refusal::invalid("jobResult", reason).into())
}

/// Retries a result that has ended. Durable when it answers.
///
/// # Errors
/// See [`ServiceError`].
pub async fn retry(node: &Arc<Node>, access: &Access, id: ResultId, retry: Retry) -> Result<JobResult, ServiceError> {
    let scope = access.scope();
    node.usage.count_start(access).await?;
    let old = node.stores.history.find(scope, id).await?;
    let absent = || Refusal::not_found("jobResult", "There is no such job result in this organization.");
    let old = old.ok_or_else(absent)?;
    if !old.status.is_final() {
        return refuse(&format!(
            "The job result is {}, and only a result that has ended can be retried; wait for its end, or kill it first.",
            old.status
        ));
    }
    if old.dry_run {
        return refuse("A dry run cannot be retried, because it changed nothing; start another dry run instead.");
    }
    let new = ResultId(new_id());
    let (retry_start, title_note) = match retry.mode {
        RetryMode::FailedLine => (retry_failed_line(node, scope, &old, new).await?, None),
        RetryMode::Rejected => retry_rejected(node, scope, &old, new).await?,
    };
    // Another version may do something else, in other batches, so its effects have keys of their own.
    let root = if retry.newest { new } else { retry_start.root };
    let mut new = new_result(node, access, (new, &old), retry, RetryStart { root, ..retry_start }).await?;
    if let Some(note) = title_note {
        // Not all rejected records are retried, and the title is where everybody sees that.
        let title = new.title.map_or_else(|| note.clone(), |title| format!("{title}: {note}"));
        new.title = Some(title.chars().take(MAX_TITLE_LENGTH).collect());
    }
    store_result(node, access, new).await
}

async fn new_result(
    node: &Arc<Node>,
    access: &Access,
    (id, old): (ResultId, &JobResult),
    retry: Retry,
    retry_start: RetryStart,
) -> Result<NewResult, ServiceError> {
    let scope = access.scope();
    let version = (!retry.newest).then_some(old.version);
    let Some(saved) = node.stores.jobs.find(scope, job_of(&old.job), version).await? else {
        let (version, job) = (old.version, job_of(&old.job));
        return refuse(&format!(
            "The job `{job}` was deleted, and version {version} with it, so this result cannot be retried. Save \
             the job again if you need it, then start it."
        ));
    };
    let job = match retry.newest {
        true => node.jobs.newest(scope, &saved).await?,
        false => node.jobs.at(scope, &saved, &old.templates).await?,
    };
    let job = job?;
    if !notifications::lines(&job, old).iter().any(|line| line.line_no == retry_start.line_no) {
        return refuse(
            "The newest version of the job does not have the line to begin with; retry with the old version, or start \
             the job.",
        );
    }
    let records = match old.notification_of {
        Some(_) => read_subject(node, scope, old.id, retry_start.line_no).await?,
        None => Records::new(),
    };
    let created_at = node.clock.now();
    let new = NewResult::new(id, (&old.job, saved.version), &access.who, created_at);
    Ok(NewResult {
        templates: if retry.newest { job.templates() } else { old.templates.clone() },
        title: old.title.clone(),
        queue: old.queue.clone(),
        priority: old.priority,
        overlap: job.overlap.filter(|rule| *rule == Overlap::Allow).unwrap_or(Overlap::Queue),
        retry: Some(retry_start),
        notification_of: old.notification_of,
        scheduled: old.scheduled.clone(),
        started_from: old.started_from,
        depth: old.depth,
        arguments: old.arguments.clone(),
        since: old.since,
        records,
        now: if retry.today { created_at } else { old.now },
        ..new
    })
}

/// The one record of a notification, which describes the result that it reports.
async fn read_subject(node: &Node, scope: OrgScope, id: ResultId, line_no: u32) -> Result<Records, StoreError> {
    let parts = node.stores.history.parts(scope, id, (line_no, PartKind::Input), 0, 1).await?;
    Ok(parts.into_iter().flat_map(|part| part.records).collect())
}

/// A retry that takes over the lines before the first one in error, and the input of that line.
async fn retry_failed_line(
    node: &Arc<Node>,
    scope: OrgScope,
    old: &JobResult,
    new: ResultId,
) -> Result<RetryStart, ServiceError> {
    if old.status != Status::Error {
        return refuse("Only a result that ended in error can be retried from its failed line.");
    }
    let Some(line_no) = old.failed_line else {
        return refuse(
            "The records of its failed line are not kept, so the result cannot be retried; start the job instead.",
        );
    };
    let lines = node.stores.history.lines(scope, &[old.id]).await?;
    let failed = lines.into_iter().map(|(_, line)| line).find(|line| line.line_no == line_no);
    // If all records were rejected, the recorded batches would only reject them again.
    let rejected_all = failed.is_some_and(|line| line.counters.rejected_all());
    Ok(RetryStart { of: old.id, line_no, root: if rejected_all { new } else { old.root }, parts: None })
}

/// A retry in which the rejected records join at the lines that rejected them. The text says if some are missing.
async fn retry_rejected(
    node: &Arc<Node>,
    scope: OrgScope,
    old: &JobResult,
    new: ResultId,
) -> Result<(RetryStart, Option<String>), ServiceError> {
    let lines = node.stores.history.lines(scope, &[old.id]).await?;
    let rejecting = lines.into_iter().map(|(_, line)| line).filter(|line| line.counters.records_rejected > 0);
    // A filter would read all records of its source again, not only those that it rejected.
    let (filters, rejecting): (Vec<_>, Vec<_>) = rejecting.partition(|line| line.kind == LineKind::Filter);
    let (mut first, mut parts, mut kept, mut total) = (None, Vec::new(), 0, 0);
    for line in rejecting {
        let kind = if first.is_some() { PartKind::Joining } else { PartKind::Input };
        let rejected = read_rejected(node, scope, old.id, &line, kind).await?;
        kept += rejected.iter().map(|part| part.records.len() as u64).sum::<u64>();
        total += line.counters.records_rejected;
        if !rejected.is_empty() {
            first.get_or_insert(line.line_no);
        }
        parts.extend(rejected);
    }
    let Some(line_no) = first else {
        let reason = match total {
            0 if !filters.is_empty() => {
                "Only filters rejected records; correct those in their source, and start the job again."
            }
            0 => "The job result has no rejected records.",
            _ => "Its rejected records are not kept, so they cannot be retried; start the job instead.",
        };
        return refuse(reason);
    };
    let note = (kept < total).then(|| format!("the first {kept} of {total} rejected records"));
    // The batches differ from those of the old result, so their effects have keys of their own.
    Ok((RetryStart { of: old.id, line_no, root: new, parts: Some(parts) }, note))
}

/// The records that a line rejected, as far as they are kept, as parts of another kind.
async fn read_rejected(
    node: &Arc<Node>,
    scope: OrgScope,
    id: ResultId,
    line: &LineResult,
    kind: PartKind,
) -> Result<Vec<Part>, StoreError> {
    let mut reader = PartReader::new(node, scope, id, (line.line_no, PartKind::Rejected));
    let mut kept = Vec::new();
    loop {
        let parts = reader.next().await?;
        if parts.is_empty() {
            return Ok(kept);
        }
        kept.extend(parts.into_iter().map(|part| Part {
            kind,
            records: part.records.into_iter().map(|mut rejected| rejected["record"].take()).collect(),
            ..part
        }));
    }
}
