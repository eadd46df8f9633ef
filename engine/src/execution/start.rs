//! Starting jobs: by hand, and by schedules, webhooks and lines of other jobs.

mod acceptance;

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::task::unconstrained;
use values::order::identity;

use super::awaited_jobs;
use super::kill::{self, STARTER_WAS_KILLED};
use super::notifications;
use crate::model::Instant;
use crate::model::organization::{Access, OrgScope, OrganizationId};
use crate::model::overlap::Overlap;
use crate::model::refusal::{Refusal, RefusalCode};
use crate::model::result::{JobResult, ResultId, Scheduled};
use crate::model::status::Status;
use crate::model::webhook::WebhookId;
use crate::node::Node;
use crate::node::events::ResultChange;
use crate::node::service_error::ServiceError;
use crate::ports::results::{NewResult, StartError, Started};
use acceptance::fault_of_key;
pub(crate) use acceptance::{accept, fault_of_queue};

/// How many jobs one call may start.
pub const STARTED_AT_ONCE: usize = 500;
/// How many characters a title may have.
pub(crate) const MAX_TITLE_LENGTH: usize = 200;

/// The input of a start.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// Key of the job.
    pub job: String,
    /// Arguments; the job's defaults fill what is left out.
    pub arguments: Map<String, Value>,
    /// The set of the first line.
    pub records: Option<Vec<Value>>,
    /// A title for the result.
    pub title: Option<String>,
    /// Instead of the start of the last full success.
    pub since: Option<Instant>,
    /// Instead of the job's queue.
    pub queue: Option<String>,
    /// Instead of the job's priority.
    pub priority: Option<i32>,
    /// Instead of the job's rule for results that would overlap.
    pub overlap: Option<Overlap>,
    /// Whether effects are only noted, not carried out.
    pub dry_run: bool,
    /// Identifies the start: a second start with the same key and the same content returns the first one's result.
    pub idempotency_key: Option<String>,
    /// What causes the start.
    pub cause: Cause,
}

/// What causes a start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Cause {
    /// A person or a program.
    #[default]
    Hand,
    /// A nominal instant of a schedule.
    Schedule(Scheduled),
    /// A line of another result.
    Line {
        /// The result.
        result: ResultId,
        /// How many results started one another before that one.
        depth: u32,
    },
    /// A message to a webhook.
    Webhook(WebhookId),
}

impl Cause {
    /// Whether nobody asked for this start. An inactive job refuses such starts.
    fn is_automatic(&self) -> bool {
        matches!(self, Self::Schedule(_) | Self::Webhook(_))
    }

    /// The overlap rule if neither the job nor the start names one.
    fn default_overlap(&self) -> Overlap {
        if matches!(self, Self::Schedule(_)) { Overlap::Skip } else { Overlap::Queue }
    }

    fn scheduled(&self) -> Option<&Scheduled> {
        if let Self::Schedule(scheduled) = self { Some(scheduled) } else { None }
    }

    /// The result whose line causes the start.
    fn starter(&self) -> Option<ResultId> {
        if let Self::Line { result, .. } = self { Some(*result) } else { None }
    }

    /// How many results started one another before the new one.
    fn depth(&self) -> u32 {
        if let Self::Line { depth, .. } = self { depth + 1 } else { 0 }
    }
}

impl Start {
    /// The idempotency key as it is stored. Those of messages to webhooks are kept apart from all others.
    fn stored_key(&self) -> Option<String> {
        let key = self.idempotency_key.as_ref()?;
        Some(if let Cause::Webhook(id) = self.cause { id.name(key) } else { key.clone() })
    }

    /// A digest of the content of the start that does not depend on the order of fields.
    fn digest(&self) -> String {
        let content = json!({
            "job": self.job,
            "arguments": self.arguments,
            "records": self.records,
            "title": self.title,
            "since": self.since.map(|since| since.timestamp_micros()),
            "queue": self.queue,
            "priority": self.priority,
            "overlap": self.overlap.map(Overlap::word),
            "dryRun": self.dry_run,
        });
        Sha256::digest(identity(&content)).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn refused(error: StartError) -> ServiceError {
    match error {
        StartError::Conflict(first) => key_conflict(first),
        StartError::Gone => Refusal::invalid("jobResult", error.to_string()).into(),
        StartError::Store(error) => error.into(),
    }
}

fn key_conflict(first: ResultId) -> ServiceError {
    let message =
        format!("The idempotency key was already used by another start, which made the job result {}.", first.0);
    ServiceError::refused(RefusalCode::Conflict, "idempotencyKey", message)
}

/// Starts the newest version of a job. Durable when it answers.
///
/// # Errors
/// See [`ServiceError`].
pub async fn start(node: &Arc<Node>, access: &Access, start: Start) -> Result<JobResult, ServiceError> {
    prepare(node, access, start).await?.store(node, access).await
}

/// Starts several jobs in this order, and answers each by itself. They usually share a commit.
pub(crate) async fn start_all(
    node: &Arc<Node>,
    access: &Access,
    starts: Vec<Start>,
) -> Vec<Result<JobResult, ServiceError>> {
    let mut prepared = Vec::with_capacity(starts.len());
    for start in starts {
        prepared.push(prepare(node, access, start).await);
    }
    // Without the budget of the task, each is handed to the store before the next one is.
    unconstrained(join_all(prepared.into_iter().map(async |prepared| prepared?.store(node, access).await))).await
}

/// A start that was not refused.
enum Prepared {
    /// It was started before, with the same key.
    Before(Box<JobResult>),
    New(Box<NewResult>),
}

async fn prepare(node: &Arc<Node>, access: &Access, start: Start) -> Result<Prepared, ServiceError> {
    if let Some(first) = find_first_start(node, access, &start).await? {
        return Ok(Prepared::Before(Box::new(first)));
    }
    node.usage.count_start(access).await?;
    Ok(Prepared::New(Box::new(accept(node, access, start).await?)))
}

impl Prepared {
    async fn store(self, node: &Arc<Node>, access: &Access) -> Result<JobResult, ServiceError> {
        match self {
            Self::Before(first) => Ok(*first),
            Self::New(new) => store_result(node, access, *new).await,
        }
    }
}

/// The result of an earlier start with the same key. It is returned even if the job has changed or is deleted.
async fn find_first_start(node: &Arc<Node>, access: &Access, start: &Start) -> Result<Option<JobResult>, ServiceError> {
    let key = start.stored_key().filter(|_| fault_of_key(start).is_none());
    let Some(key) = key else { return Ok(None) };
    match node.stores.starts.started_as(access.scope(), &key).await? {
        Some((first, digest)) if digest != start.digest() => Err(key_conflict(first.id)),
        first => Ok(first.map(|(first, _)| first)),
    }
}

/// Starts an accepted result, and interrupts the results that it replaces.
pub(crate) async fn store_result(node: &Arc<Node>, access: &Access, new: NewResult) -> Result<JobResult, ServiceError> {
    let id = new.id;
    let started = node.stores.starts.start(access.scope(), new).await;
    if let Err(StartError::Store(error)) = &started {
        // A paused worker checks regularly whether the store can be written again.
        node.health.paused(error);
        node.wake.notify_one();
    }
    let Started { result, replaced } = started.map_err(refused)?;
    if result.id == id && result.status.is_final() {
        node.metrics.count_job_result(result.status);
    }
    publish_start(node, access.organization.id, &result, replaced);
    node.wake.notify_one();
    Ok(result)
}

/// Publishes a start, and interrupts the results that it replaces.
pub(crate) fn publish_start(
    node: &Arc<Node>,
    organization: OrganizationId,
    result: &JobResult,
    replaced: Vec<ResultId>,
) {
    for id in &replaced {
        node.running.interrupt(*id);
        node.metrics.count_job_result(Status::Killed);
        node.publish(organization, *id, ResultChange::Status);
    }
    node.publish(organization, result.id, ResultChange::Status);
    if !replaced.is_empty() {
        node.schedules.changed.notify_one();
        // The start is durable; its caller does not have to wait for the end of the replaced results.
        let (node, scope) = (Arc::clone(node), OrgScope::of(organization));
        tokio::spawn(async move { end_replaced(&node, scope, replaced).await });
    }
}

/// Kills the jobs that replaced results wait for, and starts their notifications.
async fn end_replaced(node: &Arc<Node>, scope: OrgScope, ids: Vec<ResultId>) {
    for id in ids {
        if let Ok(Some(replaced)) = node.stores.history.find(scope, id).await {
            awaited_jobs::notify_starter(node, &replaced, scope.organization());
            kill::kill_awaited(node, scope, &replaced, STARTER_WAS_KILLED).await;
        }
        if let Err(error) = notify_of_replaced(node, scope, id).await {
            tracing::error!(%error, result = %id.0, "the notifications of a replaced job result could not be started");
        }
    }
    node.wake.notify_one();
}

async fn notify_of_replaced(node: &Arc<Node>, scope: OrgScope, id: ResultId) -> Result<(), StartError> {
    let Some(result) = node.stores.history.find(scope, id).await? else { return Ok(()) };
    let lines: Vec<_> = node.stores.history.lines(scope, &[id]).await?.into_iter().map(|(_, line)| line).collect();
    for notification in notifications::of_result(node, scope, &result, &lines).await? {
        node.stores.starts.start(scope, notification).await?;
    }
    Ok(())
}
