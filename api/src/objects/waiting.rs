//! Why job results wait, of many of them in one go.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Enum, ID, SimpleObject};
use engine::model::organization::OrgScope;
use engine::model::result::ResultId;
use engine::ports::results::Waiting;
use engine::runtime::engine::Engine;

use super::global_id::GlobalId;
use super::moment::Moment;
use crate::refusal::Refusal;

/// Why a job result waits.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitReason {
    /// It could begin: all workers are busy, or one is about to take it.
    Worker,
    /// As many results of its queue are at work as may be.
    QueueFull,
    /// An earlier result of the same job has not ended.
    EarlierResult,
    /// A line is tried again later.
    RetryAt,
    /// A line waits for the end of jobs that it started.
    StartedJobs,
}

/// What a job result waits for.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct WaitsFor {
    /// Why it waits.
    reason: WaitReason,
    /// The same, in one sentence for a clerk.
    message: String,
    /// With `RETRY_AT`: until when.
    until: Option<Moment>,
    /// With `EARLIER_RESULT`: the global id of the job result that has to end first.
    job_result: Option<ID>,
}

impl WaitsFor {
    fn plain(reason: WaitReason, message: String) -> Self {
        Self { reason, message, until: None, job_result: None }
    }

    fn of(waiting: &Waiting) -> Self {
        let plain = Self::plain;
        match waiting {
            Waiting::Worker => plain(WaitReason::Worker, "It is next when a worker is free.".to_owned()),
            Waiting::QueueFull { queue, limit } => {
                let message = format!("The queue `{queue}` lets {limit} be at work at once, and as many are.");
                plain(WaitReason::QueueFull, message)
            }
            Waiting::Behind(earlier) => Self {
                job_result: Some(GlobalId::JobResult(*earlier).encode()),
                ..plain(
                    WaitReason::EarlierResult,
                    format!("The job result {} of the same job has not ended.", earlier.0),
                )
            },
            Waiting::Until(until) => Self {
                until: Some(Moment(*until)),
                ..plain(WaitReason::RetryAt, format!("A line is tried again at {}.", Moment(*until)))
            },
        }
    }
}

/// Gathers the job results of one request of which it is asked why they wait.
pub(crate) struct Waits {
    engine: Arc<Engine>,
    scope: OrgScope,
}

impl Waits {
    /// A loader for one request.
    pub(crate) fn loader(engine: Arc<Engine>, scope: OrgScope) -> DataLoader<Self> {
        DataLoader::new(Self { engine, scope }, tokio::spawn)
    }
}

impl Loader<ResultId> for Waits {
    type Value = WaitsFor;
    type Error = Refusal;

    async fn load(&self, ids: &[ResultId]) -> Result<HashMap<ResultId, WaitsFor>, Refusal> {
        let waiting = self.engine.results.waiting(self.scope, ids).await?;
        let waits_for = |(id, waiting): &(ResultId, Waiting)| match self.engine.waits_for_jobs(*id) {
            Some(message) => (*id, WaitsFor::plain(WaitReason::StartedJobs, message)),
            None => (*id, WaitsFor::of(waiting)),
        };
        Ok(waiting.iter().map(waits_for).collect())
    }
}
