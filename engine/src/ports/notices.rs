//! Hints that something changed, for whoever watches. Hints may be lost: the
//! store holds the truth, and a watcher that fell behind reads it again.

use tokio::sync::broadcast;

use crate::model::organization::OrganizationId;
use crate::model::result::ResultId;

const KEPT: usize = 4096;

/// Something changed on a job result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Whose result.
    pub organization: OrganizationId,
    /// Which result.
    pub result: ResultId,
    /// What changed.
    pub change: Change,
}

/// What changed on a job result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Its status, or one of its lines': read it again.
    Status,
    /// Its running line logged something.
    Log,
    /// A line goes on.
    Progress(Progress),
}

/// How far the running line of a result has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Number of the line.
    pub line_no: u32,
    /// How people call the line.
    pub line: String,
    /// Records taken so far.
    pub taken: u64,
    /// Of how many.
    pub of: u64,
}

/// Where notices are published and heard.
#[derive(Debug, Clone)]
pub struct Notices(broadcast::Sender<Notice>);

impl Default for Notices {
    fn default() -> Self {
        Self(broadcast::Sender::new(KEPT))
    }
}

impl Notices {
    /// Tells everybody who listens now.
    pub fn publish(&self, notice: Notice) {
        // An error only says that nobody listens.
        let _ = self.0.send(notice);
    }

    /// Listens from now on.
    pub fn listen(&self) -> broadcast::Receiver<Notice> {
        self.0.subscribe()
    }
}
