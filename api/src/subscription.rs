//! The subscriptions of the schema.

mod log_watch;
pub(crate) mod read_permit;
mod result_watch;
mod watched_result;

use async_graphql::{Context, ID, Subscription};
use futures_util::Stream;

use crate::error::{ApiError, Code};
use crate::objects::job_result::JobResult;
use crate::resolver::Result;
use log_watch::{LogAppended, LogWatch};
use result_watch::ResultWatch;

/// The subscriptions, over a WebSocket with the subprotocol `graphql-transport-ws`.
pub(crate) struct Subscription;

/// The subscriptions, over a WebSocket with the subprotocol `graphql-transport-ws`.
#[Subscription]
impl Subscription {
    /// A job result: its present state, then each change of the result, its lines or its progress. Completes when the
    /// result has ended. Changes in quick succession may be sent together.
    async fn job_result_changed(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Global id of the job result, or its bare UUID.")] id: ID,
    ) -> Result<impl Stream<Item = Result<JobResult>> + use<>> {
        Ok(ResultWatch::begin(context, &id).await?.into_stream())
    }

    /// The log of a job result: the messages so far, in order, then new ones. A retried line logs from its beginning; a
    /// subscription that begins later gets only the newest attempt. Completes when the result has ended and all
    /// messages were sent. A client that was disconnected continues after its last cursor: no message is lost or sent
    /// twice. A client that does not read a message within 10 seconds is disconnected.
    async fn log_appended(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Global id of the job result, or its bare UUID.")] job_result: ID,
        #[graphql(desc = "The `cursor` of the last message that the client has; default: the beginning.")]
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<LogAppended>> + use<>> {
        Ok(LogWatch::begin(context, &job_result, after.as_deref()).await?.into_stream())
    }
}

fn absent() -> ApiError {
    ApiError::new(Code::NotFound, "There is no such job result in this organization.")
}
