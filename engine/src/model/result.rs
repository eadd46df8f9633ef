//! Job results and line results: what happened in one execution.

use std::sync::Arc;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::Instant;
use super::action::ModuleDigest;
use super::effect::Effect;
use super::record::{Rejected, Sample, size_of_text};
use super::status::Status;
use super::template_version::TemplateVersion;

/// Identity of a job result. Time-ordered, so that newer ones sort last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResultId(pub Uuid);

impl ResultId {
    /// When the result was created, to the millisecond. 1970 for one that is not of version 7.
    pub fn created_at(self) -> Instant {
        let time = self.0.get_timestamp().map(|time| time.to_unix());
        time.and_then(|(seconds, nanos)| Instant::from_timestamp(i64::try_from(seconds).ok()?, nanos))
            .unwrap_or_default()
    }
}

/// Rejected records that are stored with a line result.
pub const KEPT_REJECTED: usize = 100;

/// How many records came in, went out and were rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Records that came into the line, or for a job, that its first line got or took from a source.
    pub records_in: u64,
    /// Records that the line passed on.
    pub records_out: u64,
    /// Records that were rejected with a reason.
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
    /// The title that the start gave.
    pub title: Option<String>,
    /// The current status.
    pub status: Status,
    /// One sentence for people; empty while it is pending.
    pub message: String,
    /// Who or what started it.
    pub started_by: String,
    /// Whether effects are only recorded and not carried out.
    pub dry_run: bool,
    /// Key of the queue it waits in.
    pub queue: String,
    /// Results with a higher priority leave their queue first.
    pub priority: i32,
    /// The result of which this is a retry.
    pub retry_of: Option<ResultId>,
    /// The identity in the idempotency keys of its effects: its own, or for a retry that of the result
    /// that it continues, so that no effect happens twice.
    pub root: ResultId,
    /// The result that this one reports, if it carries out a notification rule.
    pub notification_of: Option<ResultId>,
    /// The schedule that started it, with the nominal instant.
    pub scheduled: Option<Scheduled>,
    /// The result whose line started it.
    pub started_from: Option<ResultId>,
    /// The length of the chain of results that started each other: 0 if no line started it.
    pub depth: u32,
    /// The clock reading that all its templates use: the nominal instant of a schedule, or the instant
    /// when the start was accepted.
    pub now: Instant,
    /// The arguments of the start, with defaults.
    pub arguments: Map<String, Value>,
    /// The start of the last full success, or the value that the start gave.
    pub since: Option<Instant>,
    /// When the start was accepted.
    pub created_at: Instant,
    /// When a worker first took it up.
    pub started_at: Option<Instant>,
    /// When it ended.
    pub finished_at: Option<Instant>,
    /// How often a worker took it up.
    pub attempt: u32,
    /// Records into the first line, out of the last line, and rejected by all lines.
    pub counters: Counters,
    /// The module versions that it uses.
    pub modules: Vec<ModuleDigest>,
    /// The versions of filter templates that it uses.
    pub templates: Vec<TemplateVersion>,
    /// The first line in error, at which a retry begins.
    pub failed_line: Option<u32>,
}

/// The nominal instant of a schedule for which a result was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// Key of the schedule in its job.
    pub schedule: String,
    /// The nominal instant, even if the start was late.
    pub at: Instant,
}

impl JobResult {
    /// Whether it did the work of its job. This is false for dry runs and notifications. Nothing waits
    /// for those, and they count neither for `since` nor for the limits of the history.
    pub fn is_real(&self) -> bool {
        !self.dry_run && self.notification_of.is_none()
    }
}

/// The kind of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// A filter, which chooses records.
    Filter,
    /// An action, which processes records.
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

    /// The kind with this word.
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
    /// Whether it is a filter or an action.
    pub kind: LineKind,
    /// Full name of the action; none for a filter.
    pub action: Option<String>,
    /// The current status.
    pub status: Status,
    /// One sentence for people.
    pub message: String,
    /// When it began.
    pub started_at: Option<Instant>,
    /// When it ended.
    pub finished_at: Option<Instant>,
    /// The number of the current try, from 1.
    pub attempt: u32,
    /// When the next try begins, while the line waits for it.
    pub retry_at: Option<Instant>,
    /// Records in, out and rejected.
    pub counters: Counters,
    /// The rendered parameters or filter definition; null if they were not rendered.
    pub parameters: Arc<Value>,
    /// The first records that it passed on.
    pub sample: Sample,
    /// The first [`KEPT_REJECTED`] rejected records.
    pub rejected: Vec<Rejected>,
    /// The last messages of the action's log, oldest first.
    pub log: Vec<LogEntry>,
    /// The effects that it had, or in a dry run would have had.
    pub effects: Vec<Effect>,
}

impl LineResult {
    /// The line as messages name it: its number, with its name or its action.
    pub fn called(&self) -> String {
        match self.name.as_deref().or(self.action.as_deref()) {
            Some(title) => format!("{} ({title})", self.line_no),
            None => self.line_no.to_string(),
        }
    }

    /// The line without the parts that may be large.
    #[must_use]
    pub fn without_details(&self) -> Self {
        Self {
            parameters: Arc::default(),
            sample: Sample { records: Arc::default(), cut: self.sample.cut },
            rejected: Vec::new(),
            log: Vec::new(),
            effects: Vec::new(),
            ..self.clone()
        }
    }

    /// The size in bytes of the parts that may be large: parameters, records and texts.
    pub fn bytes(&self) -> usize {
        let sizes = self.rejected.iter().map(|rejected| size_of_text(&rejected.record) + rejected.reason.len());
        let rejected = sizes.sum::<usize>();
        let log = self.log.iter().map(|entry| entry.message.len()).sum::<usize>();
        size_of_text(&*self.parameters) + size_of_text(&*self.sample.records) + rejected + log
    }
}

/// One message that an action logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// `debug`, `info`, `warn` or `error`.
    pub level: LogLevel,
    /// The text, cut if it is too long.
    pub message: String,
    /// When it was logged, if that is known.
    pub at: Option<Instant>,
}

/// The level of a log message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// For the author of the action.
    Debug,
    /// For users.
    Info,
    /// Something may need attention.
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

    /// The level with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Debug, Self::Info, Self::Warn, Self::Error].into_iter().find(|level| level.word() == word)
    }
}
