//! `saveSchedule`.

use async_graphql::{Context, InputObject, SimpleObject};
use serde_json::Value;

use crate::objects::schedule::Schedule;
use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, user_errors};

/// Input of `saveSchedule`.
#[derive(InputObject)]
pub(crate) struct SaveScheduleInput {
    /// Key of the job.
    job: String,
    /// The schedule, as in a job file. It replaces a schedule with the same `key`.
    schedule: Value,
    /// The version of the job that was edited. Without it, the newest version is changed.
    edits: Option<u32>,
}

/// Payload of `saveSchedule`.
#[derive(SimpleObject)]
pub(crate) struct SaveSchedulePayload {
    /// The schedule; null if it was refused.
    schedule: Option<Schedule>,
    /// All faults, each with its path in the schedule; empty if it was saved.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: SaveScheduleInput) -> Result<SaveSchedulePayload> {
    let (schedules, access) = (engine(context).schedules(), access(context).clone());
    Ok(
        match to_the_end(async move { schedules.save(&access, &input.job, input.schedule, input.edits).await }).await? {
            Ok(saved) => SaveSchedulePayload { schedule: Some(Schedule(saved)), user_errors: Vec::new() },
            Err(error) => SaveSchedulePayload { schedule: None, user_errors: user_errors(error)? },
        },
    )
}
