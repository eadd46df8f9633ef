//! Checking a start, and completing it with the defaults of its job.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Cause, MAX_TITLE_LENGTH, Start};
use crate::model::fault::{Fault, did_you_mean, element};
use crate::model::job::Job;
use crate::model::organization::{Access, OrgScope};
use crate::model::record::Records;
use crate::model::refusal::Refusal;
use crate::model::result::ResultId;
use crate::model::webhook::KEY_PREFIX;
use crate::node::blocking::blocking;
use crate::node::service_error::ServiceError;
use crate::node::{Node, new_id};
use crate::ports::StoreError;
use crate::ports::jobs::SavedJob;
use crate::ports::queues::DEFAULT_QUEUE;
use crate::ports::results::{Idempotency, NewResult};

const MAX_IDEMPOTENCY_KEY_BYTES: usize = 200;
/// How many results may start one another in a chain.
const MAX_CHAIN_LENGTH: u32 = 10;

/// Checks a start, and completes it with the defaults of the job.
///
/// # Errors
/// See [`ServiceError`].
pub(crate) async fn accept(node: &Arc<Node>, access: &Access, start: Start) -> Result<NewResult, ServiceError> {
    check_chain_length(&start.cause)?;
    let (saved, job) = find_job(node, access, &start).await?;
    let queue = start.queue.clone().or_else(|| job.queue.clone()).unwrap_or_else(|| DEFAULT_QUEUE.to_owned());
    let mut faults = faults_of_start(&start);
    faults.extend(fault_of_queue(node, access.scope(), &queue).await?);
    let idempotency = start.stored_key().map(|key| Idempotency { key, digest: start.digest() });
    let arguments = complete_arguments(node, access, &job, start.arguments).await?.unwrap_or_else(|more| {
        faults.extend(more);
        Map::new()
    });
    if !faults.is_empty() {
        return Err(faults.into());
    }
    let since = match start.since {
        Some(since) => Some(since),
        None => node.stores.starts.last_success(access.scope(), &saved.key).await?,
    };
    let created_at = node.clock.now();
    Ok(NewResult {
        templates: job.templates(),
        title: start.title,
        dry_run: start.dry_run,
        queue,
        priority: start.priority.unwrap_or(job.priority),
        overlap: start.overlap.or(job.overlap).unwrap_or(start.cause.default_overlap()),
        idempotency,
        // A job that is due at 23:59 and started at 00:01 still means the day it was due.
        now: start.cause.scheduled().map_or(created_at, |scheduled| scheduled.at),
        scheduled: start.cause.scheduled().cloned(),
        started_from: start.cause.starter(),
        depth: start.cause.depth(),
        arguments,
        since,
        records: Records::from(start.records.unwrap_or_default()),
        ..NewResult::new(ResultId(new_id()), (&saved.key, saved.version), &access.who, created_at)
    })
}

/// Refuses a start by a line if too many jobs have started one another.
fn check_chain_length(cause: &Cause) -> Result<(), Refusal> {
    if cause.depth() < MAX_CHAIN_LENGTH {
        return Ok(());
    }
    let message = format!(
        "Jobs may start one another in a chain of at most {MAX_CHAIN_LENGTH}, and this job would be number {}; \
         check whether the jobs of the chain start one another in a circle.",
        MAX_CHAIN_LENGTH + 1
    );
    Err(Refusal::invalid("job", message))
}

/// The newest version of the job to start.
async fn find_job(node: &Node, access: &Access, start: &Start) -> Result<(SavedJob, Arc<Job>), ServiceError> {
    let saved = node.stores.jobs.find(access.scope(), &start.job, None).await?;
    let saved = saved.ok_or_else(|| Refusal::no_job("job", &start.job))?;
    let job = node.jobs.newest(access.scope(), &saved).await??;
    if start.cause.is_automatic() && !job.active {
        let message = format!("The job `{}` is inactive; activate it, or start it manually.", saved.key);
        return Err(Refusal::invalid("job", message).into());
    }
    Ok((saved, job))
}

/// The arguments with defaults; the inner error has every fault in them.
async fn complete_arguments(
    node: &Node,
    access: &Access,
    job: &Arc<Job>,
    given: Map<String, Value>,
) -> Result<Result<Map<String, Value>, Vec<Fault>>, StoreError> {
    if !job.arguments.is_costly(&given) {
        return Ok(job.arguments.complete(given));
    }
    let permit = node.checks.acquire(access.organization.id).await;
    let job = Arc::clone(job);
    let completing = move || (job.arguments.complete(given), permit);
    Ok(blocking(completing).await?.0)
}

/// The fault if a queue cannot be used.
pub(crate) async fn fault_of_queue(node: &Node, scope: OrgScope, key: &str) -> Result<Option<Fault>, StoreError> {
    if key == DEFAULT_QUEUE || node.stores.queues.has_queue(scope, key).await? {
        return Ok(None);
    }
    let known: Vec<_> = node.stores.queues.queues(scope).await?.into_iter().map(|queue| queue.key).collect();
    let near = match did_you_mean(key, known.iter().map(String::as_str)) {
        near if near.is_empty() => "; create it first, with its limit".to_owned(),
        near => near,
    };
    Ok(Some(Fault::at("queue", format!("there is no queue `{key}`{near}"))))
}

/// The faults that do not depend on the job.
fn faults_of_start(start: &Start) -> Vec<Fault> {
    let mut faults = faults_of_title(start.title.as_deref());
    faults.extend(faults_of_records(start.records.as_deref().unwrap_or_default()));
    if start.priority.is_some_and(|priority| !(-1000..=1000).contains(&priority)) {
        faults.push(Fault::at("priority", "must be between -1000 and 1000"));
    }
    faults.extend(fault_of_key(start));
    faults
}

pub(super) fn fault_of_key(start: &Start) -> Option<Fault> {
    let key = start.idempotency_key.as_ref()?;
    if !(1..=MAX_IDEMPOTENCY_KEY_BYTES).contains(&key.len()) {
        return Some(Fault::at("idempotencyKey", "must have 1 to 200 bytes"));
    }
    let is_reserved = key.starts_with(KEY_PREFIX) && !matches!(start.cause, Cause::Webhook(_));
    is_reserved.then(|| {
        Fault::at("idempotencyKey", format!("must not begin with `{KEY_PREFIX}`, which is reserved for webhooks"))
    })
}

fn faults_of_title(title: Option<&str>) -> Vec<Fault> {
    let is_too_long = title.is_some_and(|title| title.chars().count() > MAX_TITLE_LENGTH);
    is_too_long.then(|| Fault::at("title", "must have at most 200 characters")).into_iter().collect()
}

fn faults_of_records(records: &[Value]) -> Vec<Fault> {
    let not_an_object = records.iter().position(|record| !record.is_object());
    not_an_object.map(|index| Fault::at(element("records", index), "is not a JSON object")).into_iter().collect()
}
