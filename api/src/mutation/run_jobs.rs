//! `runJobs`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::execution::start::STARTED_AT_ONCE;

use super::run_job::{self, RunJobInput, RunJobPayload};
use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, UserErrorCode, user_errors};

/// Input of `runJobs`.
#[derive(InputObject)]
pub(crate) struct RunJobsInput {
    /// The starts, 1 to 500. They may be of different jobs.
    starts: Vec<RunJobInput>,
}

/// Payload of `runJobs`.
#[derive(SimpleObject)]
pub(crate) struct RunJobsPayload {
    /// The answer to each start, in the order of the input.
    pub(super) starts: Vec<RunJobPayload>,
    /// Why no start was tried; empty if each was answered.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: RunJobsInput) -> Result<RunJobsPayload> {
    if !(1..=STARTED_AT_ONCE).contains(&input.starts.len()) {
        let message = format!("There must be 1 to {STARTED_AT_ONCE} starts; send more in several calls.");
        let error = UserError::at(UserErrorCode::Invalid, "starts", message);
        return Ok(RunJobsPayload { starts: Vec::new(), user_errors: vec![error] });
    }
    let (mut answers, mut starts) = (Vec::with_capacity(input.starts.len()), Vec::with_capacity(input.starts.len()));
    for start in input.starts {
        answers.push(run_job::read(start).map(|start| starts.push(start)));
    }
    let (jobs, access) = (engine(context).jobs(), access(context).clone());
    let mut started = to_the_end(async move { jobs.start_all(&access, starts).await }).await??.into_iter();
    let starts = answers.into_iter().map(|read| match read {
        Err(error) => Some(RunJobPayload::refused(vec![error])),
        Ok(()) => started.next().map(|started| match started.map_err(user_errors) {
            Ok(result) => RunJobPayload::started(result),
            Err(Ok(errors)) => RunJobPayload::refused(errors),
            // The other starts are answered nevertheless.
            Err(Err(error)) => {
                RunJobPayload::refused(vec![UserError::at(UserErrorCode::Unavailable, "", error.message)])
            }
        }),
    });
    Ok(RunJobsPayload { starts: starts.flatten().collect(), user_errors: Vec::new() })
}
