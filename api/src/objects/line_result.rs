//! Line results.

use async_graphql::{Context, Object, SimpleObject};
use engine::model::{effect, record, result as model};
use engine::ports::parts::PartKind;
use serde_json::Value;

use super::Result;
use super::kept::{self, KeptPage, KeptRecord, RejectedRecord};
use super::module::Capability;
use super::moment::Moment;
use super::page::{self, BULKY};
use super::status::{LineKind, LogLevel, Status};

/// The record of one execution of a line.
#[derive(Debug, Clone)]
pub(crate) struct LineResult {
    result: model::ResultId,
    line: model::LineResult,
}

impl LineResult {
    /// A line of the job result with this id.
    pub(crate) fn of(result: model::ResultId, line: model::LineResult) -> Self {
        Self { result, line }
    }
}

/// The record of one execution of a line.
#[Object]
impl LineResult {
    /// Number of the line in the job.
    async fn line_no(&self) -> u32 {
        self.line.line_no
    }

    /// Name of the line, if it has one.
    async fn name(&self) -> Option<&str> {
        self.line.name.as_deref()
    }

    /// Filter or action.
    async fn kind(&self) -> LineKind {
        self.line.kind.into()
    }

    /// Full name of the action, `module/action`; null for a filter.
    async fn action(&self) -> Option<&str> {
        self.line.action.as_deref()
    }

    /// Where it stands.
    async fn status(&self) -> Status {
        self.line.status.into()
    }

    /// One sentence for a clerk.
    async fn message(&self) -> &str {
        &self.line.message
    }

    /// When it began.
    async fn started_at(&self) -> Option<Moment> {
        self.line.started_at.map(Moment)
    }

    /// When it ended.
    async fn finished_at(&self) -> Option<Moment> {
        self.line.finished_at.map(Moment)
    }

    /// How often it was tried, this time included.
    async fn attempt(&self) -> u32 {
        self.line.attempt
    }

    /// When it is tried again; null unless it waits for that.
    async fn retry_at(&self) -> Option<Moment> {
        self.line.retry_at.map(Moment)
    }

    /// Records that the line was given, or took from its source.
    async fn records_in(&self) -> u64 {
        self.line.counters.records_in
    }

    /// Records that went on to the next line.
    async fn records_out(&self) -> u64 {
        self.line.counters.records_out
    }

    /// Records that left the set with a reason.
    async fn records_rejected(&self) -> u64 {
        self.line.counters.records_rejected
    }

    /// The parameters, or the filter definition, as rendered; null if it came to none.
    #[graphql(complexity = "BULKY")]
    async fn parameters(&self) -> &Value {
        &self.line.parameters
    }

    /// The first records that went on: at most 20, and 64 KiB of JSON.
    #[graphql(complexity = "BULKY + child_complexity")]
    async fn sample(&self) -> Sample<'_> {
        Sample(&self.line.sample)
    }

    /// The first 100 rejected records; `recordsRejected` says how many there were.
    #[graphql(complexity = "BULKY + child_complexity")]
    async fn rejected(&self) -> Vec<Rejected<'_>> {
        self.line.rejected.iter().map(Rejected).collect()
    }

    /// All rejected records that are kept of a real run, at most 10,000 of a line, page by page.
    #[graphql(complexity = "page::cost(first, child_complexity)")]
    async fn rejected_records(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many: 1 to 100.", default_with = "page::USUAL")] first: i32,
        #[graphql(desc = "The `endCursor` of the page before.")] after: Option<String>,
    ) -> Result<KeptPage<RejectedRecord>> {
        kept::page(context, self.result, (self.line.line_no, PartKind::Rejected), first, after.as_deref()).await
    }

    /// All records that the line passed on, page by page, where its job says `keep: true`; else
    /// there are none.
    #[graphql(complexity = "page::cost(first, child_complexity)")]
    async fn records(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many: 1 to 100.", default_with = "page::USUAL")] first: i32,
        #[graphql(desc = "The `endCursor` of the page before.")] after: Option<String>,
    ) -> Result<KeptPage<KeptRecord>> {
        kept::page(context, self.result, (self.line.line_no, PartKind::Output), first, after.as_deref()).await
    }

    /// The messages of the action, oldest first, of a running line as far as it has come. The
    /// first 1,000, and how many were left out after them.
    #[graphql(complexity = "BULKY + child_complexity")]
    async fn log(&self) -> Vec<LogEntry<'_>> {
        self.line.log.iter().map(LogEntry::of).collect()
    }

    /// What it did outside of its sandbox, or in a dry run would have done, in order; at most 200.
    #[graphql(complexity = "BULKY + child_complexity")]
    async fn effects(&self) -> Vec<Effect<'_>> {
        self.line.effects.iter().map(Effect::of).collect()
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
    /// When; null if that is not known.
    at: Option<Moment>,
}

impl<'a> LogEntry<'a> {
    fn of(entry: &'a model::LogEntry) -> Self {
        Self { level: entry.level.into(), message: &entry.message, at: entry.at.map(Moment) }
    }
}
