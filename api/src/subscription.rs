//! What can be watched.

mod log;
pub(crate) mod turn;
mod watch;

use async_graphql::{Context, ID, Subscription};
use futures_util::Stream;

use crate::objects::global_id::result_id;
use crate::objects::job_result::JobResult;
use crate::objects::{Result, engine, scope};
use crate::options::Options;
use crate::refusal::{Code, Refusal};
use log::{LogAppended, LogWatch};
use turn::Turn;

/// What can be watched, over a WebSocket that speaks `graphql-transport-ws`.
pub(crate) struct Subscription;

/// What can be watched, over a WebSocket that speaks `graphql-transport-ws`.
#[Subscription]
impl Subscription {
    /// A job result: as it stands now, then whenever it, one of its lines or its progress
    /// changes. Completes once it has ended. What happens quickly may be told together.
    async fn job_result_changed(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Global id of the job result, or its bare UUID.")] id: ID,
    ) -> Result<impl Stream<Item = Result<JobResult>> + use<>> {
        let id = result_id(&id).ok_or_else(absent)?;
        let (turn, reread) = (Turn::of(context), context.data_unchecked::<Options>().reread);
        let first = watch::Watch::begin(engine(context).clone(), scope(context), id, (turn, reread)).await?;
        first.map(watch::Watch::into_stream).ok_or_else(absent)
    }

    /// The log of a job result: what its lines have logged, in order, then what they log.
    /// A line that is tried again logs from its beginning; a subscription that begins later gets its newest try.
    /// Completes once the result has ended and every message was sent. A client that was cut off
    /// continues after the last cursor it got: nothing is lost, and nothing sent twice. A client that does not
    /// take a message within 10 seconds is disconnected.
    async fn log_appended(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Global id of the job result, or its bare UUID.")] job_result: ID,
        #[graphql(desc = "The `cursor` of the last message that is known; the beginning, without one.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<LogAppended>> + use<>> {
        let id = result_id(&job_result).ok_or_else(absent)?;
        let (turn, reread) = (Turn::of(context), context.data_unchecked::<Options>().reread);
        let (engine, scope) = (engine(context).clone(), scope(context));
        let watch = LogWatch::begin(engine, scope, id, after.as_deref(), (turn, reread)).await?;
        watch.map(LogWatch::into_stream).ok_or_else(absent)
    }
}

fn absent() -> Refusal {
    Refusal::new(Code::NotFound, "There is no such job result in this organization.")
}
