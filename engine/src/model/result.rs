//! Job results and line results: what happened in one execution.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::Instant;
use super::action::ModuleDigest;
use super::effect::Effect;
use super::filter_template::TemplateVersion;
use super::record::{Rejected, Sample, size_of_text};
use super::status::Status;

/// Identity of a job result. Time-ordered, so that newer ones sort last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResultId(pub Uuid);

/// How many rejected records a line result keeps at most.
pub const KEPT_REJECTED: usize = 100;

/// How many records came in, went out and were rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Records that a line was given; of a job: that its first line was given or took from a source.
    pub records_in: u64,
    /// Records that went on.
    pub records_out: u64,
    /// Records that left the set with a reason.
    pub records_rejected: u64,
}

impl Counters {
    /// Whether there were records, and all of them were rejected.
    pub fn rejected_all(&self) -> bool {
        self.records_rejected > 0 && self.records_rejected == self.records_in
    }
}

/// The record of one execution of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobResult {
    /// Identity.
    pub id: ResultId,
    /// Key of the job.
    pub job: String,
    /// Version of the job it runs, whatever is edited later.
    pub version: u32,
    /// What the start called it.
    pub title: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// One sentence for a clerk; empty while it is pending.
    pub message: String,
    /// Who or what started it.
    pub started_by: String,
    /// Whether effects are only noted, not carried out.
    pub dry_run: bool,
    /// Key of the queue it waits in.
    pub queue: String,
    /// Higher comes first in its queue.
    pub priority: i32,
    /// The result that this one tries again.
    pub retry_of: Option<ResultId>,
    /// The result whose identity names what its lines do outside: its own, or that of the
    /// result that it goes on with, so that nothing is done twice.
    pub root: ResultId,
    /// The result that this one tells of, if it carries out a rule of `notify`.
    pub notice_of: Option<ResultId>,
    /// The schedule that started it, and the instant that it was meant for.
    pub scheduled: Option<Scheduled>,
    /// The result whose line started it.
    pub started_from: Option<ResultId>,
    /// How many results started one another until this one: 0 for one that no line started.
    pub depth: u32,
    /// The one clock reading of all its templates: when the start was accepted, or what it was meant for.
    pub now: Instant,
    /// Arguments of the start, defaults filled in.
    pub arguments: Map<String, Value>,
    /// The start of the last full success, or what the start gave.
    pub since: Option<Instant>,
    /// When the start was accepted.
    pub created_at: Instant,
    /// When a worker first took it up.
    pub started_at: Option<Instant>,
    /// When it ended.
    pub finished_at: Option<Instant>,
    /// How often a worker took it up.
    pub attempt: u32,
    /// Counters over all lines: in at the first, out at the last, all rejected.
    pub counters: Counters,
    /// The modules it ran with.
    pub modules: Vec<ModuleDigest>,
    /// The versions of filter templates it runs with.
    pub templates: Vec<TemplateVersion>,
    /// The first line in error, from which a retry goes on.
    pub failed_line: Option<u32>,
}

/// The nominal instant of a schedule that a result is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// Key of the schedule in its job.
    pub schedule: String,
    /// The instant that the start was meant for, however late it came.
    pub at: Instant,
}

impl JobResult {
    /// Whether it is about the work of its job: dry runs and results that tell of others are not, so
    /// that nothing waits for them, and neither `since` nor the history goes by them.
    pub fn is_real(&self) -> bool {
        !self.dry_run && self.notice_of.is_none()
    }
}

/// Filter or action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// Chooses records.
    Filter,
    /// Works on them.
    Action,
}

impl LineKind {
    /// The word used in files and in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Action => "action",
        }
    }

    /// The kind that a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Filter, Self::Action].into_iter().find(|kind| kind.word() == word)
    }
}

/// The record of one execution of a line.
#[derive(Debug, Clone, PartialEq)]
pub struct LineResult {
    /// Number of the line in the job.
    pub line_no: u32,
    /// Name of the line, if it has one.
    pub name: Option<String>,
    /// Filter or action.
    pub kind: LineKind,
    /// Full name of the action; none for a filter.
    pub action: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// One sentence for a clerk.
    pub message: String,
    /// When it began.
    pub started_at: Option<Instant>,
    /// When it ended.
    pub finished_at: Option<Instant>,
    /// How often it was tried, this time included.
    pub attempt: u32,
    /// When it is tried again, while it waits for that.
    pub retry_at: Option<Instant>,
    /// Records in, out, rejected.
    pub counters: Counters,
    /// The parameters or the filter definition as rendered; null if it came to none.
    pub parameters: Value,
    /// The first records that went on.
    pub sample: Sample,
    /// The first [`KEPT_REJECTED`] rejected records; the counter says how many there were.
    pub rejected: Vec<Rejected>,
    /// The last messages of the action's log, oldest first.
    pub log: Vec<LogEntry>,
    /// What it did outside, or in a dry run would have done.
    pub effects: Vec<Effect>,
}

impl LineResult {
    /// How people call it: its number, with its name or what it does.
    pub fn called(&self) -> String {
        match self.name.as_deref().or(self.action.as_deref()) {
            Some(title) => format!("{} ({title})", self.line_no),
            None => self.line_no.to_string(),
        }
    }

    /// Bytes of what may be large: parameters, records and texts.
    pub fn bytes(&self) -> usize {
        let rejected = self.rejected.iter().map(|one| size_of_text(&one.record) + one.reason.len()).sum::<usize>();
        let log = self.log.iter().map(|entry| entry.message.len()).sum::<usize>();
        size_of_text(&self.parameters) + size_of_text(&self.sample.records) + rejected + log
    }
}

/// One message that an action logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// `debug`, `info`, `warn` or `error`.
    pub level: LogLevel,
    /// What it said, cut at a bound.
    pub message: String,
    /// When, if that is known.
    pub at: Option<Instant>,
}

/// How much a log message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// For whoever wrote the action.
    Debug,
    /// For whoever watches.
    Info,
    /// Somebody should look.
    Warn,
    /// Something failed.
    Error,
}

impl LogLevel {
    /// The word used in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The level that a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Debug, Self::Info, Self::Warn, Self::Error].into_iter().find(|level| level.word() == word)
    }
}
