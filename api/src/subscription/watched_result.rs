//! A job result that a subscription watches. Events are only hints that say when to read: what is sent is always what
//! the store says, so that nothing is lost when events are.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, ID};
use engine::engine::Engine;
use engine::model::organization::OrgScope;
use engine::model::result::{JobResult, LineResult, ResultId};
use engine::node::events::{ResultChange, ResultEvent};
use engine::ports::results::LinesOf;
use engine::ports::{Listed, PAGE_BYTES, StoreError};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::absent;
use super::read_permit::ReadPermit;
use crate::objects::global_id::result_id;
use crate::options::Options;
use crate::resolver::{Result, engine, scope};

/// A read that took long is followed by a pause of this many times its length.
pub(super) const PAUSE: u32 = 4;

/// A watched job result.
pub(super) struct WatchedResult {
    pub id: ResultId,
    pub engine: Engine,
    pub permit: Arc<ReadPermit>,
    /// How often the result is read without an event.
    pub reread: Duration,
    scope: OrgScope,
    events: Receiver<ResultEvent>,
}

impl WatchedResult {
    /// Starts to listen, before anything is read: a change after the first read is heard. Waits for the permit to read.
    ///
    /// # Errors
    /// `NOT_FOUND` if the id is not that of a job result.
    pub async fn listen(context: &Context<'_>, id: &ID) -> Result<Self> {
        let id = result_id(id).ok_or_else(absent)?;
        let (permit, reread) = (ReadPermit::of(context), context.data_unchecked::<Options>().reread);
        let (engine, scope) = (engine(context).clone(), scope(context));
        permit.acquire().await;
        let events = engine.events().listen();
        Ok(Self { id, engine, permit, reread, scope, events })
    }

    /// The result, if the organization has it.
    pub async fn find(&self) -> Result<Option<JobResult>, StoreError> {
        self.engine.results().find(self.scope, self.id).await
    }

    /// A page of its lines, after the one with this number.
    pub async fn lines(&self, after: Option<u32>) -> Result<Listed<(ResultId, LineResult)>, StoreError> {
        let lines = LinesOf { after, ..LinesOf::all(std::slice::from_ref(&self.id)) };
        self.engine.results().lines_within(self.scope, lines, PAGE_BYTES).await
    }

    /// Waits for an event about the result; none if events were missed, so that anything may have changed.
    pub async fn next_change(&mut self) -> Option<ResultChange> {
        loop {
            match self.events.recv().await {
                Ok(event) if event.result == self.id => return Some(event.change),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return None,
                // The engine stops, and the socket with it.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// Forgets the events so far: the next read shows what they are about.
    pub fn skip_events(&mut self) {
        self.events = self.events.resubscribe();
    }
}
