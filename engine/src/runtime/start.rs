//! Starting jobs: by hand, and for whatever else asks.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use values::order::identity;

use super::awaited::KILLED;
use super::engine::Engine;
use super::notices::About;
use super::usage::QuotaReached;
use crate::model::Instant;
use crate::model::fault::{Fault, element};
use crate::model::job::Job;
use crate::model::organization::{Access, OrgScope, OrganizationId};
use crate::model::overlap::Overlap;
use crate::model::record::Records;
use crate::model::result::{JobResult, ResultId, Scheduled};
use crate::model::webhook::{NAMES, WebhookId};
use crate::ports::StoreError;
use crate::ports::notices::Change;
use crate::ports::queues::DEFAULT_QUEUE;
use crate::ports::results::{Idempotency, NewResult, StartRefused, Started};

/// How many characters a title has at most.
pub(crate) const LONGEST_TITLE: usize = 200;
const LONGEST_IDEMPOTENCY_KEY: usize = 200;
/// How many results may start one another in a row.
const MOST_IN_A_ROW: u32 = 10;

/// What a start brings.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// Key of the job.
    pub job: String,
    /// Arguments; the job's defaults fill what is left out.
    pub arguments: Map<String, Value>,
    /// The set of the first line.
    pub records: Option<Vec<Value>>,
    /// What to call this result.
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
    /// Names this start: a second one with the same name that asks for the same is answered
    /// with the first one's result.
    pub idempotency_key: Option<String>,
    /// What brings it about.
    pub cause: Cause,
}

/// What brings a start about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Cause {
    /// Somebody who is there.
    #[default]
    Hand,
    /// A nominal instant of a schedule.
    Schedule(Scheduled),
    /// A line of another result.
    Line {
        /// The result.
        result: ResultId,
        /// How many results started one another until that one.
        depth: u32,
    },
    /// A message to a webhook.
    Webhook(WebhookId),
}

impl Cause {
    /// Whether the job starts by itself, which an inactive one does not.
    fn is_by_itself(&self) -> bool {
        matches!(self, Self::Schedule(_) | Self::Webhook(_))
    }

    /// What becomes of a start that would overlap, unless the job or the start says.
    fn overlap(&self) -> Overlap {
        if matches!(self, Self::Schedule(_)) { Overlap::Skip } else { Overlap::Queue }
    }

    /// How many results started one another until the new one.
    fn depth(&self) -> u32 {
        if let Self::Line { depth, .. } = self { depth + 1 } else { 0 }
    }
}

impl Start {
    /// What it is known by in its organization. What senders to webhooks name is apart from what
    /// anybody else does.
    fn name(&self) -> Option<String> {
        let key = self.idempotency_key.as_ref()?;
        Some(if let Cause::Webhook(id) = self.cause { id.name(key) } else { key.clone() })
    }

    /// A digest of all that is asked for, whatever the order of fields.
    fn digest(&self) -> String {
        let asked = json!({
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
        Sha256::digest(identity(&asked)).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Why a job was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no such job in the organization.
    #[error("there is no job `{0}`")]
    UnknownJob(String),
    /// The arguments, the records or the job itself have faults.
    #[error("the start has {} faults", .0.len())]
    Faults(Vec<Fault>),
    /// An inactive job does not start by itself.
    #[error("the job `{0}` is inactive")]
    Inactive(String),
    /// Jobs started one another too often.
    #[error("the job would be the {}th in a row that starts the next; at most {MOST_IN_A_ROW} may, so that none starts itself without end", MOST_IN_A_ROW + 1)]
    TooDeep,
    /// The organization has used up a quota.
    #[error(transparent)]
    Quota(#[from] QuotaReached),
    /// A start with the same idempotency key asked for something else.
    #[error("the idempotency key was used for another start, which made the job result {}", .0.0)]
    Conflict(ResultId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<StartRefused> for StartError {
    fn from(refused: StartRefused) -> Self {
        match refused {
            StartRefused::Conflict(first) => Self::Conflict(first),
            StartRefused::Gone => Self::Faults(vec![Fault::at("jobResult", refused.to_string())]),
            StartRefused::Store(error) => Self::Store(error),
        }
    }
}

impl Engine {
    /// Starts the newest version of a job. Durable when it answers.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(&self, access: &Access, start: Start) -> Result<JobResult, StartError> {
        if let Some(first) = self.first_start(access, &start).await? {
            return Ok(first);
        }
        self.count_start(access).await??;
        let new = self.accept(access, start).await?;
        Ok(self.begin_result(access, new).await?)
    }

    /// The result of an earlier start with the same name, whatever became of the job since.
    async fn first_start(&self, access: &Access, start: &Start) -> Result<Option<JobResult>, StartError> {
        let name = start.name().filter(|_| fault_of_key(start).is_none());
        let Some(name) = name else { return Ok(None) };
        match self.results.started_as(access.scope(), &name).await? {
            Some((first, digest)) if digest != start.digest() => Err(StartError::Conflict(first.id)),
            first => Ok(first.map(|(first, _)| first)),
        }
    }

    /// Starts what was accepted, and interrupts what it replaces.
    pub(crate) async fn begin_result(&self, access: &Access, new: NewResult) -> Result<JobResult, StartRefused> {
        let started = self.results.start(access.scope(), new).await;
        if let Err(StartRefused::Store(error)) = &started {
            // The worker looks now and then whether the store can be written again.
            self.health.paused(error);
            self.wake.notify_one();
        }
        let Started { result, replaced } = started?;
        self.tell_of_start(access.organization.id, &result, replaced);
        self.wake.notify_one();
        Ok(result)
    }

    /// Publishes a start, and interrupts what it replaces.
    pub(crate) fn tell_of_start(&self, organization: OrganizationId, result: &JobResult, replaced: Vec<ResultId>) {
        for id in &replaced {
            self.running.interrupt(*id);
            self.tell(organization, *id, Change::Status);
        }
        self.tell(organization, result.id, Change::Status);
        if !replaced.is_empty() {
            self.schedules_changed.notify_one();
            // The start is made; telling of the others need not keep anybody waiting.
            let (engine, scope) = (self.clone(), OrgScope::of(organization));
            tokio::spawn(async move { engine.tell_of_replaced(scope, replaced).await });
        }
    }

    /// What the job's rules have to tell of results that were killed to make room.
    async fn tell_of_replaced(&self, scope: OrgScope, ids: Vec<ResultId>) {
        for id in ids {
            if let Ok(Some(replaced)) = self.results.find(scope, id).await {
                self.tell_starter(&replaced, scope.organization());
                self.kill_awaited(scope, &replaced, KILLED).await;
            }
            match self.notices_of_ended(scope, id).await {
                Ok(notices) => {
                    for notice in notices {
                        if let Err(error) = self.results.start(scope, notice).await {
                            tracing::error!(%error, result = %id.0, "nobody could be told of a replaced job result");
                        }
                    }
                }
                Err(error) => tracing::error!(%error, result = %id.0, "nobody could be told of a replaced job result"),
            }
        }
        self.wake.notify_one();
    }

    async fn notices_of_ended(&self, scope: OrgScope, id: ResultId) -> Result<Vec<NewResult>, StoreError> {
        let Some(result) = self.results.find(scope, id).await? else { return Ok(Vec::new()) };
        let Ok((organization, job)) = self.load(scope, &result).await? else { return Ok(Vec::new()) };
        if job.notify.is_empty() {
            return Ok(Vec::new());
        }
        let lines: Vec<_> = self.results.lines(scope, &[id]).await?.into_iter().map(|(_, line)| line).collect();
        self.notices_of(About { organization: &organization, job: &job }, &result, &lines).await
    }

    /// Whether a start would be accepted.
    ///
    /// # Errors
    /// See [`StartError`].
    pub(crate) async fn check_start(&self, access: &Access, start: Start) -> Result<(), StartError> {
        self.accept(access, start).await.map(drop)
    }

    /// The arguments with defaults, or every fault of them.
    async fn complete(
        &self,
        access: &Access,
        job: &Arc<Job>,
        given: Map<String, Value>,
    ) -> Result<Map<String, Value>, Vec<Fault>> {
        if !job.arguments.is_costly(&given) {
            return job.arguments.complete(given);
        }
        let share = self.checks.turn(access.organization.id).await;
        let job = Arc::clone(job);
        let completing = tokio::task::spawn_blocking(move || {
            let _share = share;
            job.arguments.complete(given)
        });
        let broken = |error| Err(vec![Fault::at("arguments", format!("cannot be checked: {error}"))]);
        completing.await.unwrap_or_else(broken)
    }

    pub(crate) async fn accept(&self, access: &Access, start: Start) -> Result<NewResult, StartError> {
        if start.cause.depth() >= MOST_IN_A_ROW {
            return Err(StartError::TooDeep);
        }
        let saved = self.jobs.find(access.scope(), &start.job, None).await?;
        let saved = saved.ok_or_else(|| StartError::UnknownJob(start.job.clone()))?;
        let job = self.read_job(access.scope(), &saved).await?.map_err(StartError::Faults)?;
        if start.cause.is_by_itself() && !job.active {
            return Err(StartError::Inactive(saved.key));
        }
        let mut faults = faults_of_start(&start);
        let queue = start.queue.clone().or_else(|| job.queue.clone()).unwrap_or_else(|| DEFAULT_QUEUE.to_owned());
        faults.extend(self.fault_of_queue(access.scope(), "queue", &queue).await?);
        let idempotency = start.name().map(|key| Idempotency { key, digest: start.digest() });
        let arguments = self.complete(access, &job, start.arguments).await.unwrap_or_else(|more| {
            faults.extend(more);
            Map::new()
        });
        if !faults.is_empty() {
            return Err(StartError::Faults(faults));
        }
        let since = match start.since {
            Some(since) => Some(since),
            None => self.results.last_success(access.scope(), &saved.key).await?,
        };
        let created_at = self.clock.now();
        let depth = start.cause.depth();
        let overlap = start.overlap.or(job.overlap).unwrap_or(start.cause.overlap());
        let (scheduled, started_from) = match start.cause {
            Cause::Schedule(scheduled) => (Some(scheduled), None),
            Cause::Line { result, .. } => (None, Some(result)),
            Cause::Hand | Cause::Webhook(_) => (None, None),
        };
        Ok(NewResult {
            id: ResultId(Self::new_id()),
            job: saved.key.clone(),
            version: saved.version,
            templates: job.templates(),
            title: start.title,
            started_by: access.who.clone(),
            dry_run: start.dry_run,
            queue,
            priority: start.priority.unwrap_or(job.priority),
            overlap,
            idempotency,
            retry: None,
            notice_of: None,
            // A job that is due at 23:59 and started at 00:01 still means the day it was due.
            now: scheduled.as_ref().map_or(created_at, |scheduled| scheduled.at),
            scheduled,
            started_from,
            depth,
            born: None,
            arguments,
            since,
            records: Records::from(start.records.unwrap_or_default()),
            created_at,
        })
    }
}

/// What can be said of a start without knowing its job.
fn faults_of_start(start: &Start) -> Vec<Fault> {
    let mut faults = faults_of_title(start.title.as_deref());
    faults.extend(faults_of_records(start.records.as_deref().unwrap_or_default()));
    if start.priority.is_some_and(|priority| !(-1000..=1000).contains(&priority)) {
        faults.push(Fault::at("priority", "must be between -1000 and 1000"));
    }
    faults.extend(fault_of_key(start));
    faults
}

fn fault_of_key(start: &Start) -> Option<Fault> {
    let key = start.idempotency_key.as_ref()?;
    if !(1..=LONGEST_IDEMPOTENCY_KEY).contains(&key.len()) {
        return Some(Fault::at("idempotencyKey", "must have 1 to 200 bytes"));
    }
    let kept = key.starts_with(NAMES) && !matches!(start.cause, Cause::Webhook(_));
    kept.then(|| Fault::at("idempotencyKey", format!("must not begin with `{NAMES}`, which is reserved for webhooks")))
}

fn faults_of_title(title: Option<&str>) -> Vec<Fault> {
    let long = title.is_some_and(|title| title.chars().count() > LONGEST_TITLE);
    long.then(|| Fault::at("title", "must have at most 200 characters")).into_iter().collect()
}

fn faults_of_records(records: &[Value]) -> Vec<Fault> {
    let wrong = records.iter().position(|record| !record.is_object());
    wrong.map(|index| Fault::at(element("records", index), "is not a JSON object")).into_iter().collect()
}
