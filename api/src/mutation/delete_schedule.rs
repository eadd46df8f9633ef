//! `deleteSchedule`.

use async_graphql::{Context, InputObject, SimpleObject};

use super::to_the_end;
use super::user_error::{UserError, of_schedules};
use crate::objects::schedule::Schedule;
use crate::objects::{Result, access, engine};

/// What `deleteSchedule` is given.
#[derive(InputObject)]
pub(crate) struct DeleteScheduleInput {
    /// Key of the job.
    job: String,
    /// Key of the schedule.
    key: String,
    /// The version of the job that was edited. Without it, whatever is there is changed.
    edits: Option<u32>,
}

/// What `deleteSchedule` answers.
#[derive(SimpleObject)]
pub(crate) struct DeleteSchedulePayload {
    /// The schedule as it was; null if nothing was removed.
    schedule: Option<Schedule>,
    /// Why nothing was removed; empty if it was.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: DeleteScheduleInput) -> Result<DeleteSchedulePayload> {
    let (engine, access) = (engine(context).clone(), access(context).clone());
    let DeleteScheduleInput { job, key, edits } = input;
    let deleted = to_the_end(async move { engine.delete_schedule(&access, &job, &key, edits).await }).await?;
    Ok(match deleted {
        Ok(deleted) => DeleteSchedulePayload { schedule: Some(Schedule(deleted)), user_errors: Vec::new() },
        Err(error) => DeleteSchedulePayload { schedule: None, user_errors: of_schedules(error)? },
    })
}
