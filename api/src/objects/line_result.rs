//! Line results.

use async_graphql::{Object, SimpleObject};
use engine::model::{effect, record, result as model};
use serde_json::Value;

use super::module::Capability;
use super::moment::Moment;
use super::page::BULKY;
use super::status::{LineKind, LogLevel, Status};

/// The record of one execution of a line.
#[derive(Debug, Clone)]
pub(crate) struct LineResult(pub(crate) model::LineResult);

/// The record of one execution of a line.
#[Object]
impl LineResult {
    /// Number of the line in the job.
    async fn line_no(&self) -> u32 {
        self.0.line_no
    }

    /// Name of the line, if it has one.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Filter or action.
    async fn kind(&self) -> LineKind {
        self.0.kind.into()
    }

    /// Full name of the action, `module/action`; null for a filter.
    async fn action(&self) -> Option<&str> {
        self.0.action.as_deref()
    }

    /// Where it stands.
    async fn status(&self) -> Status {
        self.0.status.into()
    }

    /// One sentence for a clerk.
    async fn message(&self) -> &str {
        &self.0.message
    }

    /// When it began.
    async fn started_at(&self) -> Option<Moment> {
        self.0.started_at.map(Moment)
    }

    /// When it ended.
    async fn finished_at(&self) -> Option<Moment> {
        self.0.finished_at.map(Moment)
    }

    /// Records that the line was given, or took from its source.
    async fn records_in(&self) -> u64 {
        self.0.counters.records_in
    }

    /// Records that went on to the next line.
    async fn records_out(&self) -> u64 {
        self.0.counters.records_out
    }

    /// Records that left the set with a reason.
    async fn records_rejected(&self) -> u64 {
        self.0.counters.records_rejected
    }

    /// The parameters, or the filter definition, as rendered; null if it came to none.
    #[graphql(complexity = "BULKY")]
    async fn parameters(&self) -> &Value {
        &self.0.parameters
    }

    /// The first records that went on: at most 20, and 64 KiB of JSON.
    #[graphql(complexity = "BULKY + child_complexity")]
    async fn sample(&self) -> Sample<'_> {
        Sample(&self.0.sample)
    }

    /// The first 100 rejected records; `recordsRejected` says how many there were.
    #[graphql(complexity = "BULKY + child_complexity")]
    async fn rejected(&self) -> Vec<Rejected<'_>> {
        self.0.rejected.iter().map(Rejected).collect()
    }

    /// The last messages of the action, oldest first.
    #[graphql(complexity = "BULKY + child_complexity")]
    async fn log(&self) -> Vec<LogEntry<'_>> {
        self.0.log.iter().map(|entry| LogEntry { level: entry.level.into(), message: &entry.message }).collect()
    }

    /// What it did outside of its sandbox, or in a dry run would have done, in order; at most 200.
    #[graphql(complexity = "BULKY + child_complexity")]
    async fn effects(&self) -> Vec<Effect<'_>> {
        self.0.effects.iter().map(Effect::of).collect()
    }
}

/// One thing that a line did outside of its sandbox, or in a dry run would have done.
#[derive(SimpleObject)]
pub(crate) struct Effect<'a> {
    /// How it reached outside.
    capability: Capability,
    /// Whether it was carried out. In a dry run it was only noted; else it did not get through.
    done: bool,
    /// One sentence for a clerk.
    summary: &'a str,
    /// The same for programs: an object whose members depend on the capability.
    detail: &'a Value,
}

impl<'a> Effect<'a> {
    fn of(effect: &'a effect::Effect) -> Self {
        let effect::Effect { capability, done, summary, detail } = effect;
        Self { capability: (*capability).into(), done: *done, summary, detail }
    }
}

/// The first records of a set.
pub(crate) struct Sample<'a>(pub(super) &'a record::Sample);

/// The first records of a set.
#[Object]
impl Sample<'_> {
    /// The records that fitted: JSON objects.
    async fn records(&self) -> &[Value] {
        &self.0.records
    }

    /// Whether there were more.
    async fn cut(&self) -> bool {
        self.0.cut
    }
}

/// A record that left the set, and why.
pub(crate) struct Rejected<'a>(&'a record::Rejected);

/// A record that left the set, and why.
#[Object]
impl Rejected<'_> {
    /// The record as the line got it: a JSON object.
    async fn record(&self) -> &Value {
        &self.0.record
    }

    /// One sentence for the person who has to mend it.
    async fn reason(&self) -> &str {
        &self.0.reason
    }
}

/// One message that an action logged.
#[derive(SimpleObject)]
pub(crate) struct LogEntry<'a> {
    /// How much it matters.
    level: LogLevel,
    /// What it said.
    message: &'a str,
}
