//! Killing a job result: it ends in the store at once, then its work is interrupted.

use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::awaited_jobs::{self, WAIT, find_started_under};
use super::notifications;
use crate::model::organization::{Access, OrgScope};
use crate::model::record::kept_sentence;
use crate::model::refusal::{Refusal, RefusalCode};
use crate::model::result::{JobResult, LineResult, ResultId};
use crate::model::status::Status;
use crate::node::Node;
use crate::node::events::{Progress, ResultChange};
use crate::node::service_error::ServiceError;
use crate::ports::results::{Kill, KillError, NewResult, ResultFilter};
use crate::ports::{Page, StoreError};

/// How many results one call of [`kill_all`] kills at most.
pub const KILLED_AT_ONCE: usize = 1000;
/// How many results are listed at once.
const PAGE: u32 = 100;
/// How many kills are written at once: they share a sync of the disk.
const CONCURRENT_KILLS: usize = 4;

/// The reason for killing jobs for which a killed job result waited.
pub(super) const STARTER_WAS_KILLED: &str = "the job result that waits for it was killed";

/// Which results are killed, and why.
#[derive(Debug, Clone, Default)]
pub struct KillAll {
    /// Key of the job whose results are killed; none means all jobs.
    pub job: Option<String>,
    /// Only results with this status; none means all that have not ended.
    pub status: Option<Status>,
    /// Why.
    pub reason: Option<String>,
}

/// Kills results that have not ended, the newest first. Returns how many, and whether none is left. Pending results are
/// killed before running ones, so that none of them takes the place of a killed one.
///
/// # Errors
/// The store failed. Results that were killed before stay killed.
pub(crate) async fn kill_all(node: &Arc<Node>, access: &Access, all: &KillAll) -> Result<(u32, bool), ServiceError> {
    if all.status.is_some_and(Status::is_final) {
        let message = "A job result that has ended cannot be killed; write PENDING or RUNNING, or leave `status` out.";
        return Err(Refusal::invalid("status", message).into());
    }
    if let Some(job) = &all.job
        && node.stores.jobs.find(access.scope(), job, None).await?.is_none()
    {
        return Err(Refusal::no_job("job", job).into());
    }
    let statuses = [Status::Pending, Status::Running].into_iter();
    let statuses: Vec<_> = statuses.filter(|status| all.status.is_none_or(|wanted| wanted == *status)).collect();
    let filters: Vec<_> =
        statuses.into_iter().map(|status| ResultFilter { job: all.job.clone(), status: Some(status) }).collect();
    let mut killed = 0;
    for filter in &filters {
        killed += kill_listed(node, access, filter, all.reason.as_deref(), KILLED_AT_ONCE - killed).await?;
    }
    // Results that were running may have started others meanwhile.
    let mut complete = true;
    for filter in &filters {
        let open = node.stores.history.list(access.scope(), filter, Page { before: None, limit: 1 }).await?;
        complete &= open.items.is_empty();
    }
    Ok((u32::try_from(killed).unwrap_or(u32::MAX), complete))
}

/// Kills the results of a listing, at most `max`, and returns how many.
async fn kill_listed(
    node: &Arc<Node>,
    access: &Access,
    filter: &ResultFilter,
    reason: Option<&str>,
    max: usize,
) -> Result<usize, ServiceError> {
    let (mut killed, mut before) = (0, None);
    while killed < max {
        let limit = u32::try_from(max - killed).unwrap_or(u32::MAX).min(PAGE);
        let page = node.stores.history.list(access.scope(), filter, Page { before, limit }).await?;
        before = page.items.last().map(|result| result.id);
        let ids = page.items.into_iter().map(|result| result.id);
        let kills = stream::iter(ids).map(|id| kill(node, access, id, reason));
        let outcomes: Vec<_> = kills.buffer_unordered(CONCURRENT_KILLS).collect().await;
        for outcome in outcomes {
            match outcome {
                Ok(_) => killed += 1,
                // The result has ended by itself, or was removed.
                Err(ServiceError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        if !page.more {
            break;
        }
    }
    Ok(killed)
}

/// Kills a pending or running result. Nothing changes it afterwards.
///
/// # Errors
/// See [`ServiceError`].
pub(crate) async fn kill(
    node: &Arc<Node>,
    access: &Access,
    id: ResultId,
    reason: Option<&str>,
) -> Result<JobResult, ServiceError> {
    let live = node.running.find(id);
    let unwritten = live.as_ref().map(|live| live.unwritten()).unwrap_or_default();
    let lines: Vec<_> = node.lines_now(access.scope(), &[id]).await?.into_iter().map(|(_, line)| line).collect();
    let progress = describe_progress(&lines, live.as_ref().and_then(|live| live.progress()).as_ref());
    let who = match reason.map(kept_sentence) {
        Some(reason) => format!("Killed by {} ({reason})", access.who),
        None => format!("Killed by {}", access.who),
    };
    let mut kill = Kill {
        at: node.clock.now(),
        message: format!("{who}{progress}."),
        line_message: format!("{who}."),
        lines: unwritten,
        notifications: Vec::new(),
    };
    kill.notifications = notifications_of_kill(node, access, id, &kill, &lines).await?;
    let killed = node.stores.endings.kill(access.scope(), id, kill).await.map_err(refused)?;
    live.iter().for_each(|live| live.cancellation.cancel());
    node.metrics.count_job_result(Status::Killed);
    node.publish(access.organization.id, id, ResultChange::Status);
    node.wake.notify_one();
    awaited_jobs::notify_starter(node, &killed, access.organization.id);
    kill_awaited(node, access.scope(), &killed, STARTER_WAS_KILLED).await;
    if killed.scheduled.is_some() {
        node.schedules.changed.notify_one();
    }
    Ok(killed)
}

/// Kills the jobs that a result waits for.
pub(crate) async fn kill_awaited(node: &Arc<Node>, scope: OrgScope, starter: &JobResult, reason: &str) {
    if let Err(error) = try_kill_awaited(node, scope, starter, reason).await {
        tracing::error!(%error, result = %starter.id.0, "the jobs that a job result waited for could not be killed");
    }
}

async fn try_kill_awaited(
    node: &Arc<Node>,
    scope: OrgScope,
    starter: &JobResult,
    reason: &str,
) -> Result<(), StoreError> {
    node.waits.remove(starter.id);
    let started = find_started_under(node, scope, &format!("{}:", starter.root.0)).await?;
    let awaited = started.into_iter().filter(|(key, job)| key.contains(WAIT) && !job.status.is_final());
    let open: Vec<_> = awaited.map(|(_, job)| job).collect();
    if open.is_empty() {
        return Ok(());
    }
    let Some(organization) = node.stores.organizations.by_id(scope.organization()).await? else { return Ok(()) };
    let access = Access::of_operator(organization, &format!("job {} (result {})", starter.job, starter.id.0));
    for job in open {
        match Box::pin(kill(node, &access, job.id, Some(reason))).await {
            Err(ServiceError::Store(error)) => return Err(error),
            // The job has ended by itself, or was removed.
            Ok(_) | Err(ServiceError::Refused(_)) => {}
        }
    }
    Ok(())
}

/// The notifications that the job's rules require for the kill.
async fn notifications_of_kill(
    node: &Arc<Node>,
    access: &Access,
    id: ResultId,
    kill: &Kill,
    lines: &[LineResult],
) -> Result<Vec<NewResult>, StoreError> {
    let Some(mut result) = node.stores.history.find(access.scope(), id).await? else { return Ok(Vec::new()) };
    match kill.end(&mut result) {
        Ok(()) => notifications::of_result(node, access.scope(), &result, lines).await,
        Err(_) => Ok(Vec::new()),
    }
}

fn refused(error: KillError) -> ServiceError {
    match error {
        KillError::Absent => Refusal::not_found("id", "There is no such job result in this organization.").into(),
        KillError::Ended(status) => {
            let message = format!("The job result has already ended as `{status}`, so it cannot be killed.");
            ServiceError::refused(RefusalCode::AlreadyFinished, "id", message)
        }
        KillError::Store(error) => error.into(),
    }
}

/// Which lines were done and which one was interrupted, as a part of the message.
fn describe_progress(lines: &[LineResult], progress: Option<&Progress>) -> String {
    let done = lines.iter().filter(|line| line.status.is_final() && line.status != Status::Skipped).count();
    let running = lines.iter().find(|line| line.status == Status::Running);
    match running {
        Some(line) => {
            format!(" in line {} after {}; {}", line.called(), describe_taken(progress, line), describe_done(done))
        }
        None if done > 0 => format!(" after {done} {}", if done == 1 { "line" } else { "lines" }),
        None => " before it began".to_owned(),
    }
}

fn describe_taken(progress: Option<&Progress>, line: &LineResult) -> String {
    let progress = progress.filter(|progress| progress.line_no == line.line_no);
    let taken = progress.map_or(0, |progress| progress.taken);
    format!("{taken} of {} records", progress.map_or(line.counters.records_in, |progress| progress.of))
}

fn describe_done(done: usize) -> String {
    match done {
        0 => "no line was completed before".to_owned(),
        1 => "1 line was completed before".to_owned(),
        _ => format!("{done} lines were completed before"),
    }
}
