//! `deleteSchedule`.

use async_graphql::{Context, InputObject, SimpleObject};

use crate::objects::schedule::Schedule;
use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, user_errors};

/// Input of `deleteSchedule`.
#[derive(InputObject)]
pub(crate) struct DeleteScheduleInput {
    /// Key of the job.
    job: String,
    /// Key of the schedule.
    key: String,
    /// The version of the job that was edited. Without it, the newest version is changed.
    edits: Option<u32>,
}

/// Payload of `deleteSchedule`.
#[derive(SimpleObject)]
pub(crate) struct DeleteSchedulePayload {
    /// The removed schedule; null if none was removed.
    schedule: Option<Schedule>,
    /// Why nothing was removed; empty if it was.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: DeleteScheduleInput) -> Result<DeleteSchedulePayload> {
    let (schedules, access) = (engine(context).schedules(), access(context).clone());
    Ok(match to_the_end(async move { schedules.delete(&access, &input.job, &input.key, input.edits).await }).await? {
        Ok(deleted) => DeleteSchedulePayload { schedule: Some(Schedule(deleted)), user_errors: Vec::new() },
        Err(error) => DeleteSchedulePayload { schedule: None, user_errors: user_errors(error)? },
    })
}
