//! `saveSchedule`.

use async_graphql::{Context, InputObject, SimpleObject};
use serde_json::Value;

use super::to_the_end;
use super::user_error::{UserError, of_schedules};
use crate::objects::schedule::Schedule;
use crate::objects::{Result, access, engine};

/// What `saveSchedule` is given.
#[derive(InputObject)]
pub(crate) struct SaveScheduleInput {
    /// Key of the job.
    job: String,
    /// The schedule, in the shape of the job file. It takes the place of the one with the same `key`.
    schedule: Value,
    /// The version of the job that was edited. Without it, whatever is there is changed.
    edits: Option<u32>,
}

/// What `saveSchedule` answers.
#[derive(SimpleObject)]
pub(crate) struct SaveSchedulePayload {
    /// The schedule; null if it was refused.
    schedule: Option<Schedule>,
    /// Why it was refused: every fault at once, each with its path in the schedule; empty if it was saved.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: SaveScheduleInput) -> Result<SaveSchedulePayload> {
    let (engine, access) = (engine(context).clone(), access(context).clone());
    let SaveScheduleInput { job, schedule, edits } = input;
    let saved = to_the_end(async move { engine.save_schedule(&access, &job, schedule, edits).await }).await?;
    Ok(match saved {
        Ok(saved) => SaveSchedulePayload { schedule: Some(Schedule(saved)), user_errors: Vec::new() },
        Err(error) => SaveSchedulePayload { schedule: None, user_errors: of_schedules(error)? },
    })
}
