//! What job results wait for.

use std::collections::HashMap;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Enum, ID, SimpleObject};
use engine::engine::Engine;
use engine::model::lifecycle::waiting::Waiting;
use engine::model::organization::OrgScope;
use engine::model::result::ResultId;

use super::global_id::GlobalId;
use super::moment::Moment;
use crate::error::ApiError;

/// Why a job result waits.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitReason {
    /// It is ready: it waits for a free worker, which may be about to take it.
    Worker,
    /// Its queue is full: as many of its results run as its limit allows.
    QueueFull,
    /// An earlier result of the same job has not ended.
    EarlierResult,
    /// A line is retried later.
    RetryAt,
    /// A line waits for the end of jobs that it started.
    StartedJobs,
}

/// What a job result waits for.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct WaitsFor {
    /// Why it waits.
    reason: WaitReason,
    /// The reason in one sentence.
    message: String,
    /// Until when it waits, with `RETRY_AT`.
    until: Option<Moment>,
    /// Global id of the job result that has to end first, with `EARLIER_RESULT`.
    job_result: Option<ID>,
}

impl WaitsFor {
    fn plain(reason: WaitReason, message: String) -> Self {
        Self { reason, message, until: None, job_result: None }
    }

    fn of(waiting: &Waiting) -> Self {
        let plain = Self::plain;
        match waiting {
            Waiting::Worker => plain(WaitReason::Worker, "It waits for a free worker.".to_owned()),
            Waiting::QueueFull { queue, limit } => {
                let message = format!("The queue `{queue}` is full: its limit of running results is {limit}.");
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
                ..plain(WaitReason::RetryAt, format!("A line is retried at {}.", Moment(*until)))
            },
        }
    }
}

/// Reads what many job results wait for together.
pub(crate) struct WaitLoader {
    engine: Engine,
    scope: OrgScope,
}

impl WaitLoader {
    /// A loader for one request.
    pub(crate) fn new(engine: Engine, scope: OrgScope) -> DataLoader<Self> {
        DataLoader::new(Self { engine, scope }, tokio::spawn)
    }
}

impl Loader<ResultId> for WaitLoader {
    type Value = WaitsFor;
    type Error = ApiError;

    async fn load(&self, ids: &[ResultId]) -> Result<HashMap<ResultId, WaitsFor>, ApiError> {
        let waiting = self.engine.results().waiting(self.scope, ids).await?;
        let waits_for = |(id, waiting): &(ResultId, Waiting)| match self.engine.results().waits_for_jobs(*id) {
            Some(message) => (*id, WaitsFor::plain(WaitReason::StartedJobs, message)),
            None => (*id, WaitsFor::of(waiting)),
        };
        Ok(waiting.iter().map(waits_for).collect())
    }
}
