//! A running line: what a filter or an action has to know of its result and of earlier attempts.

use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;
use serde_json::Value;

use super::checkpoint::LineCheckpoint;
use super::filter_scope::FilterScope;
use super::line_sets::LineSets;
use crate::deadline::Deadline;
use crate::model::dates;
use crate::model::line::Line;
use crate::model::organization::Organization;
use crate::model::result::{JobResult, LogEntry};
use crate::node::Node;
use crate::node::events::{Progress, ResultChange};
use crate::node::running::LiveResult;
use crate::ports::actions::Listener;
use crate::ports::parts::BatchDone;
use crate::ports::queue::Lease;
use crate::records::Set;

#[derive(Clone, Copy)]
pub(crate) struct LineRun<'a> {
    pub(crate) node: &'a Arc<Node>,
    pub(crate) lease: Lease,
    pub(crate) live: &'a Arc<LiveResult>,
    pub(crate) organization: &'a Organization,
    pub(crate) result: &'a JobResult,
    /// The zone of the job.
    pub(crate) zone: Tz,
    pub(crate) batch_size: usize,
    pub(crate) line: &'a Line,
    /// The set before the line.
    pub(crate) records: &'a Set,
    /// The sets that earlier lines passed on.
    pub(crate) line_sets: &'a LineSets,
    pub(crate) checkpoint: &'a Arc<LineCheckpoint>,
    /// The batches that an earlier attempt recorded as done.
    pub(crate) done: &'a [BatchDone],
    /// How long the line may take.
    pub(crate) timeout: Duration,
    /// Which attempt at the line this is, from 1.
    pub(crate) attempt: u32,
}

impl<'a> LineRun<'a> {
    /// The deadline of the line, if it begins now.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::new(self.live.cancellation.clone(), self.timeout)
    }

    pub(crate) fn filter_scope(&self) -> FilterScope<'a> {
        FilterScope {
            node: self.node,
            organization: self.organization,
            set: self.records.clone(),
            lines: self.line_sets,
            own: Some(self.result.id),
        }
    }

    /// What an earlier attempt recorded of a batch with this many records.
    pub(crate) fn find_done(self, number: u32, taken: usize) -> Option<&'a BatchDone> {
        self.done.iter().find(|done| done.batch == number && done.taken as usize == taken)
    }

    /// The date variables, as actions see them.
    pub(crate) fn dates(&self) -> Value {
        Value::Object(dates::variables(self.result.now, self.zone))
    }

    /// Publishes how far the line is.
    pub(crate) fn show_progress(&self, taken: usize, of: usize) {
        let (line_no, line) = (self.line.line_no, self.line.title().to_owned());
        let progress = Progress { line_no, line, taken: taken as u64, of: of as u64 };
        self.live.set_progress(progress.clone());
        self.node.publish(self.lease.organization, self.lease.result, ResultChange::Progress(progress));
    }

    /// Receives the line's log.
    pub(crate) fn listener(&self) -> Arc<dyn Listener> {
        Arc::new(LogForwarder { node: Arc::clone(self.node), lease: self.lease, live: Arc::clone(self.live) })
    }
}

/// Publishes what a line logs.
struct LogForwarder {
    node: Arc<Node>,
    lease: Lease,
    live: Arc<LiveResult>,
}

impl Listener for LogForwarder {
    fn logged(&self, entry: &LogEntry) {
        self.live.add_log(entry.clone());
        self.node.publish(self.lease.organization, self.lease.result, ResultChange::Log);
    }
}
