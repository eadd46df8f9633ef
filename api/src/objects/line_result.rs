//! Line results.

use std::sync::Arc;

use async_graphql::{Context, Object, SimpleObject};
use engine::model::{effect, record, result as model};
use engine::ports::parts::PartKind;
use serde_json::Value;

use super::kept_records::{self, KeptPage, KeptRecord, RejectedRecord};
use super::module::Capability;
use super::moment::Moment;
use super::page::{self, BULKY};
use super::status::{LineKind, LogLevel, Status};
use crate::resolver::Result;

/// The record of one execution of a line.
#[derive(Debug, Clone)]
pub(crate) struct LineResult {
    result: model::ResultId,
    lines: Arc<Vec<model::LineResult>>,
    index: usize,
}

/// The fields that need more of a line than its summary.
pub(super) const DETAILS: [&str; 5] = ["parameters", "sample", "rejected", "log", "effects"];

impl LineResult {
    /// A line of the job result with this id.
    pub(crate) fn of(result: model::ResultId, lines: Arc<Vec<model::LineResult>>, index: usize) -> Self {
        Self { result, lines, index }
    }

    fn line(&self) -> &model::LineResult {
        &self.lines[self.index]
    }
}

/// The record of one execution of a line.
#[Object]
impl LineResult {
    /// Number of the line in the job.
    async fn line_no(&self) -> u32 {
        self.line().line_no
    }

    /// Name of the line, if it has one.
    async fn name(&self) -> Option<&str> {
        self.line().name.as_deref()
    }

    /// Whether it is a filter or an action.
    async fn kind(&self) -> LineKind {
        self.line().kind.into()
    }

    /// Full name of the action, `module/action`; null for a filter.
    async fn action(&self) -> Option<&str> {
        self.line().action.as_deref()
    }

    /// Its status.
    async fn status(&self) -> Status {
        self.line().status.into()
    }

    /// Summary in one sentence.
    async fn message(&self) -> &str {
        &self.line().message
    }

    /// When it began.
    async fn started_at(&self) -> Option<Moment> {
        self.line().started_at.map(Moment)
    }

    /// When it ended.
    async fn finished_at(&self) -> Option<Moment> {
        self.line().finished_at.map(Moment)
    }

    /// Number of the attempt: 1 for the first.
    async fn attempt(&self) -> u32 {
        self.line().attempt
    }

    /// When it is retried; null unless it waits for a retry.
    async fn retry_at(&self) -> Option<Moment> {
        self.line().retry_at.map(Moment)
    }

    /// Records that the line got from the line before or from its source.
    async fn records_in(&self) -> u64 {
        self.line().counters.records_in
    }

    /// Records that it passed on to the next line.
    async fn records_out(&self) -> u64 {
        self.line().counters.records_out
    }

    /// Records that it rejected.
    async fn records_rejected(&self) -> u64 {
        self.line().counters.records_rejected
    }

    /// The rendered parameters or filter definition; null if they were not rendered.
    #[graphql(complexity = "BULKY")]
    async fn parameters(&self) -> &Value {
        &self.line().parameters
    }

    /// The first records that it passed on: at most 20, and 64 KiB of JSON.
    #[graphql(complexity = "BULKY + child_complexity")]
    async fn sample(&self) -> Sample<'_> {
        Sample(&self.line().sample)
    }

    /// The first 100 rejected records; `recordsRejected` is the total number.
    #[graphql(complexity = "BULKY + child_complexity")]
    async fn rejected(&self) -> Vec<Rejected<'_>> {
        self.line().rejected.iter().map(Rejected).collect()
    }

    /// The stored rejected records, in pages: at most 10,000 of a line, and none of a dry run.
    #[graphql(complexity = "page::cost(first, child_complexity)")]
    async fn rejected_records(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many: 1 to 100.", default_with = "page::USUAL")] first: i32,
        #[graphql(desc = "The `endCursor` of the previous page.")] after: Option<String>,
    ) -> Result<KeptPage<RejectedRecord>> {
        kept_records::page(context, self.result, (self.line().line_no, PartKind::Rejected), first, after.as_deref())
            .await
    }

    /// All records that the line passed on, in pages. They are stored only if the line has `keep: true`.
    #[graphql(complexity = "page::cost(first, child_complexity)")]
    async fn records(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many: 1 to 100.", default_with = "page::USUAL")] first: i32,
        #[graphql(desc = "The `endCursor` of the previous page.")] after: Option<String>,
    ) -> Result<KeptPage<KeptRecord>> {
        kept_records::page(context, self.result, (self.line().line_no, PartKind::Output), first, after.as_deref()).await
    }

    /// The log of the action so far, oldest message first: the first 1,000 messages, then how many were left out.
    #[graphql(complexity = "BULKY + child_complexity")]
    async fn log(&self) -> Vec<LogEntry<'_>> {
        self.line().log.iter().map(LogEntry::of).collect()
    }

    /// What it did outside of its sandbox, or in a dry run would have done, in order; at most 200 effects.
    #[graphql(complexity = "BULKY + child_complexity")]
    async fn effects(&self) -> Vec<Effect<'_>> {
        self.line().effects.iter().map(Effect::of).collect()
    }
}

/// An effect of a line outside of its sandbox, or in a dry run what it would have done.
#[derive(SimpleObject)]
pub(crate) struct Effect<'a> {
    /// The capability that it used.
    capability: Capability,
    /// Whether it was carried out. In a dry run, effects are only recorded; otherwise false means that it failed.
    done: bool,
    /// Summary in one sentence.
    summary: &'a str,
    /// Details for programs: an object whose members depend on the capability.
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
    /// The records: JSON objects.
    async fn records(&self) -> &[Value] {
        &self.0.records
    }

    /// Whether the set has more records.
    async fn cut(&self) -> bool {
        self.0.cut
    }
}

/// A rejected record, and why it was rejected.
pub(crate) struct Rejected<'a>(&'a record::Rejected);

/// A rejected record, and why it was rejected.
#[Object]
impl Rejected<'_> {
    /// The record that the line got: a JSON object.
    async fn record(&self) -> &Value {
        &self.0.record
    }

    /// Why it was rejected, in one sentence.
    async fn reason(&self) -> &str {
        &self.0.reason
    }
}

/// A message that an action logged.
#[derive(SimpleObject)]
pub(crate) struct LogEntry<'a> {
    /// Severity of the message.
    level: LogLevel,
    /// Text of the message.
    message: &'a str,
    /// When it was logged, in milliseconds; null if that is not known.
    at: Option<Moment>,
}

impl<'a> LogEntry<'a> {
    fn of(entry: &'a model::LogEntry) -> Self {
        Self { level: entry.level.into(), message: &entry.message, at: entry.at.map(Moment::in_milliseconds) }
    }
}
