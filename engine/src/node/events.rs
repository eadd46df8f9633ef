//! Events of job results, for those who watch them. Events may be lost: the store is authoritative, and a watcher that
//! fell behind reads it again.

use tokio::sync::broadcast;

use crate::model::organization::OrganizationId;
use crate::model::result::ResultId;

/// How many events a slow watcher may fall behind.
const CAPACITY: usize = 4096;

/// Something changed on a job result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultEvent {
    /// Whose result.
    pub organization: OrganizationId,
    /// Which result.
    pub result: ResultId,
    /// What changed.
    pub change: ResultChange,
}

/// What changed on a job result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResultChange {
    /// Its status, or one of its lines': read it again.
    Status,
    /// Its running line logged a message.
    Log,
    /// Its running line progressed.
    Progress(Progress),
}

/// The progress of the running line of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Number of the line.
    pub line_no: u32,
    /// The title of the line.
    pub line: String,
    /// Records taken so far.
    pub taken: u64,
    /// How many records there are.
    pub of: u64,
}

/// Publishes events.
#[derive(Debug, Clone)]
pub struct Events(broadcast::Sender<ResultEvent>);

impl Default for Events {
    fn default() -> Self {
        Self(broadcast::Sender::new(CAPACITY))
    }
}

impl Events {
    /// Publishes an event to all current listeners.
    pub fn publish(&self, event: ResultEvent) {
        // It only fails if nobody listens.
        let _ = self.0.send(event);
    }

    /// Listens to the events from now on.
    pub fn listen(&self) -> broadcast::Receiver<ResultEvent> {
        self.0.subscribe()
    }
}
