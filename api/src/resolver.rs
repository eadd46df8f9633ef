//! What resolvers share: what they find in a request, and how they work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_graphql::Context;
use engine::engine::Engine;
use engine::model::organization::{Access, OrgScope};
use engine::ports::audit::inherit_entry;
use tokio::time::timeout;

use crate::budget::AnswerBudget;
use crate::error::ApiError;

/// The answer of a resolver: a value, or a refusal of the whole field.
pub(crate) type Result<T, E = ApiError> = std::result::Result<T, E>;

/// The engine behind the schema.
pub(crate) fn engine<'a>(context: &Context<'a>) -> &'a Engine {
    context.data_unchecked()
}

/// The caller. The guard refuses every request without one.
pub(crate) fn access<'a>(context: &Context<'a>) -> &'a Access {
    context.data_unchecked()
}

/// The budget of the answer.
pub(crate) fn budget<'a>(context: &Context<'a>) -> &'a AnswerBudget {
    context.data_unchecked::<Arc<AnswerBudget>>()
}

/// The organization in which the caller acts.
pub(crate) fn scope(context: &Context<'_>) -> OrgScope {
    access(context).scope()
}

/// Does the work to its end even if the caller disconnects or the request times out. Otherwise a kill could be in the
/// store while the worker never hears of it.
pub(crate) async fn to_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T> {
    tokio::spawn(inherit_entry(work)).await.map_err(|error| ApiError::internal(&error))
}

/// Does the work, or gives it up when the time is over.
pub(crate) async fn in_time<T>(time: Duration, work: impl Future<Output = T>) -> Result<T, ApiError> {
    timeout(time, work).await.map_err(|_| ApiError::too_slow())
}

/// Whether a document does something that takes longer than others.
#[derive(Clone, Default)]
pub(crate) struct LongerTime(Arc<AtomicBool>);

impl LongerTime {
    /// Asks for [`Options::install_time`](crate::options::Options::install_time), from the beginning of the document.
    pub(crate) fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
