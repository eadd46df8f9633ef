//! Performing one claimed job result, line by line.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::attempt::Attempt;
use super::finish::publish_end;
use super::job_loading::load_job;
use super::outcome::{Ending, Performed, Stopped};
use super::{module_loading, notifications};
use crate::model::organization::OrgScope;
use crate::model::result::{JobResult, LineResult, ResultId};
use crate::model::status::Status;
use crate::node::Node;
use crate::node::events::ResultChange;
use crate::node::running::LiveResult;
use crate::ports::StoreError;
use crate::ports::queue::{Claimed, Finish, Lease, LeaseError, Notes};
use crate::ports::results::NewResult;
use crate::records::Set;

/// Performs a claimed result until it ends, waits, or is lost. Sets `lines_done` as soon as only its end is to be written.
///
/// # Errors
/// The store failed; the caller has to release the result.
pub(crate) async fn perform(
    node: &Arc<Node>,
    claimed: Claimed,
    lines_done: CancellationToken,
) -> Result<Ending, StoreError> {
    let result = &claimed.result;
    let span = tracing::info_span!(
        "job_result",
        result = %result.id.0,
        job = result.job,
        version = result.version,
        attempt = result.attempt,
        organization = %claimed.lease.organization.0,
    );
    perform_and_log(node, claimed, lines_done).instrument(span).await
}

async fn perform_and_log(
    node: &Arc<Node>,
    claimed: Claimed,
    lines_done: CancellationToken,
) -> Result<Ending, StoreError> {
    let began = Instant::now();
    if claimed.result.attempt == 1 {
        node.metrics.job_results_started.inc();
    }
    tracing::info!("a job result begins or is resumed");
    let ending = perform_or_end_after_panic(node, claimed, lines_done).await;
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    match &ending {
        Ok(Ending::Ended(performed)) => {
            let JobResult { status, counters, .. } = &performed.result;
            let (records_in, records_out) = (counters.records_in, counters.records_out);
            tracing::info!(%status, duration_ms, records_in, records_out, "a job result has ended");
        }
        Ok(Ending::Postponed) => tracing::info!(duration_ms, "a job result waits for a retry or for other jobs"),
        Ok(Ending::Lost) => tracing::info!(duration_ms, "a job result was killed or interrupted"),
        Ok(Ending::Broken) => tracing::info!(duration_ms, "a job result ended because the engine panicked"),
        Err(error) => tracing::info!(duration_ms, %error, "a job result was interrupted because the store failed"),
    }
    ending
}

async fn perform_or_end_after_panic(
    node: &Arc<Node>,
    claimed: Claimed,
    lines_done: CancellationToken,
) -> Result<Ending, StoreError> {
    let lease = claimed.lease;
    let running = node.running.begin(lease.organization, lease.result, lines_done);
    match AssertUnwindSafe(run_lines(node, claimed, &running.live)).catch_unwind().await {
        Ok(Ok(performed)) => Ok(Ending::Ended(Box::new(performed))),
        Ok(Err(Stopped::Postponed)) => Ok(Ending::Postponed),
        Ok(Err(Stopped::Lost)) => Ok(Ending::Lost),
        Ok(Err(Stopped::Store(error))) => Err(error),
        Err(_) => {
            tracing::error!(result = %lease.result.0, "the engine panicked while it performed a job result");
            match end_after_panic(node, lease, running.live.unwritten()).await {
                Ok(()) | Err(LeaseError::Lost) => Ok(Ending::Broken),
                Err(LeaseError::Store(error)) => Err(error),
            }
        }
    }
}

/// Performs a result as a node that crashes in the middle of it: a panic leaves nothing behind. For tests of crashes.
pub(crate) async fn perform_and_lose(node: &Arc<Node>, claimed: Claimed) {
    let Lease { organization, result, .. } = claimed.lease;
    let running = node.running.begin(organization, result, CancellationToken::new());
    let _ = run_lines(node, claimed, &running.live).await;
}

async fn run_lines(node: &Arc<Node>, claimed: Claimed, live: &Arc<LiveResult>) -> Result<Performed, Stopped> {
    let lease = claimed.lease;
    let scope = OrgScope::of(lease.organization);
    node.publish(lease.organization, lease.result, ResultChange::Status);
    let (organization, job) = match load_job(node, scope, &claimed.result).await? {
        Ok(loaded) => loaded,
        Err(message) => return refuse(node, claimed, message).await,
    };
    tokio::select! {
        () = module_loading::load_for(node, &job) => {}
        () = live.cancellation.cancelled() => return Err(Stopped::Lost),
    }
    let mut attempt = Attempt::begin(node, claimed, &job, &organization, live).await?;
    for line in notifications::lines(&job, &attempt.result) {
        attempt.run_line(line).await?;
    }
    attempt.finish().await
}

/// Ends a result after the engine panicked while it performed it.
async fn end_after_panic(node: &Arc<Node>, lease: Lease, unwritten: Vec<LineResult>) -> Result<(), LeaseError> {
    end_with(node, lease, unwritten, "An internal error of the engine stopped the job; see the log of the node.").await
}

/// The same, when only the stored lines are known.
pub(crate) async fn end_after_unknown_panic(node: &Arc<Node>, lease: Lease) -> Result<(), LeaseError> {
    end_after_panic(node, lease, Vec::new()).await
}

/// Ends a result that the store cannot read or write.
pub(crate) async fn end_unreadable(node: &Arc<Node>, lease: Lease) -> Result<(), LeaseError> {
    let message = "The store cannot read or write the job result; see the log of the node.";
    end_with(node, lease, Vec::new(), message).await
}

/// Ends a result and its open lines in error.
async fn end_with(node: &Arc<Node>, lease: Lease, mut lines: Vec<LineResult>, message: &str) -> Result<(), LeaseError> {
    let scope = OrgScope::of(lease.organization);
    let written = node.stores.history.lines(scope, &[lease.result]).await?;
    lines.extend(written.into_iter().map(|(_, line)| line));
    lines.sort_by_key(|line| line.line_no);
    lines.dedup_by_key(|line| line.line_no);
    for line in lines.iter_mut().filter(|line| line.status == Status::Running) {
        (line.status, line.message) = (Status::Error, message.to_owned());
        line.finished_at = Some(node.clock.now());
    }
    let mut finish = Finish::bare(Status::Error, message, node.clock.now());
    finish.notifications = notifications_of_error(node, scope, lease.result, &finish, &lines).await;
    finish.notes = Notes { modules: None, lines };
    let finished = node.stores.leases.finish(lease, finish).await?;
    publish_end(node, lease.organization, &finished);
    node.wake.notify_one();
    Ok(())
}

/// The notifications that the job's rules require for such an end, if the job can be read.
async fn notifications_of_error(
    node: &Arc<Node>,
    scope: OrgScope,
    id: ResultId,
    finish: &Finish,
    lines: &[LineResult],
) -> Vec<NewResult> {
    let notifications = async {
        let Some(mut result) = node.stores.history.find(scope, id).await? else { return Ok(Vec::new()) };
        match finish.end(&mut result) {
            Ok(()) => notifications::of_result(node, scope, &result, lines).await,
            Err(_) => Ok(Vec::new()),
        }
    };
    notifications.await.unwrap_or_else(|error: StoreError| {
        tracing::error!(%error, result = %id.0, "the notifications of a job result in error could not be made");
        Vec::new()
    })
}

async fn refuse(node: &Arc<Node>, claimed: Claimed, message: String) -> Result<Performed, Stopped> {
    let finish = Finish::bare(Status::Error, message, node.clock.now());
    let finished = node.stores.leases.finish(claimed.lease, finish).await?;
    publish_end(node, claimed.lease.organization, &finished);
    let result = finished.result;
    Ok(Performed { result, lines: Vec::new(), records: Set::held(claimed.records), rejected: Vec::new() })
}
