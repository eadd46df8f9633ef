//! Schedules: when a job starts by itself.
//!
//! A schedule has **nominal** instants at which its job is meant to start. Each comes due at that
//! instant or, with `jitter`, a little later, always by the same amount for the same instant.

pub mod cron;
mod missed;
mod position;
mod read;

use chrono::TimeDelta;
use chrono_tz::Tz;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use self::cron::Cron;
use super::Instant;
use super::dates::stamp;
use super::fault::Fault;

pub use missed::{Firing, Missed, MissedStarts};
pub use position::{Fired, Position};
pub use read::{faults_of_shape, read_all};

/// The release of the IANA time zone data that is compiled in.
pub const TIME_ZONE_DATA: &str = chrono_tz::IANA_TZDB_VERSION;

/// Identity of a schedule in the store. It stays the same while the key of the schedule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScheduleId(pub Uuid);

/// One schedule of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Unique in its job.
    pub key: String,
    /// Its nominal instants.
    pub when: When,
    /// The time zone of its times.
    pub zone: Tz,
    /// How often it starts the job in total; 0 for no limit.
    pub executions: u64,
    /// No nominal instant is earlier.
    pub start_at: Option<Instant>,
    /// No nominal instant is later.
    pub end_at: Option<Instant>,
    /// The longest delay of a start.
    pub jitter: TimeDelta,
    /// What it does about missed starts.
    pub missed: Missed,
    /// The arguments that it passes to its job.
    pub arguments: Map<String, Value>,
    /// An inactive schedule starts nothing.
    pub active: bool,
}

/// The nominal instants of a schedule.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// The times of a cron expression.
    Cron(Box<Cron>),
    /// At this interval, counted from `startAt` or from when the schedule was saved.
    Every(TimeDelta),
    /// At this interval after the end of the last result that it started.
    AfterCompletion(TimeDelta),
    /// One instant.
    At(Instant),
}

impl Schedule {
    /// The first nominal instant after `after`. Intervals count from `anchor` if there is no
    /// `startAt`. None if there are no more, or if the next one depends on when a result ends.
    pub fn next(&self, after: Instant, anchor: Instant) -> Option<Instant> {
        let just_before = |start: Instant| start - TimeDelta::microseconds(1);
        let after = self.start_at.map_or(after, |start| after.max(just_before(start)));
        let next = match &self.when {
            When::Cron(cron) => cron.next(after, self.zone),
            When::Every(every) => self.next_of_interval(*every, after, anchor),
            When::AfterCompletion(every) => {
                // A `startAt` that had passed when the schedule was saved has no effect.
                let start = self.start_at.filter(|start| *start > anchor);
                start.or_else(|| anchor.checked_add_signed(*every)).filter(|first| *first > after)
            }
            When::At(at) => Some(*at).filter(|at| *at > after),
        };
        next.filter(|next| self.end_at.is_none_or(|end| *next <= end))
    }

    /// The first nominal instants after `after`, as if every started job ended at once.
    pub fn preview(&self, after: Instant, count: usize) -> Vec<Instant> {
        self.following(&self.begin(after), count)
    }

    /// The next nominal instants from a position, as if every started job ended at once.
    pub fn following(&self, position: &Position, count: usize) -> Vec<Instant> {
        let (mut position, mut instants) = (*position, Vec::new());
        while let Some(next) = position.next.filter(|_| instants.len() < count) {
            instants.push(next);
            let firing = Firing { starts: vec![next], left_out: None, handled: next };
            position = self.moved(&position, &firing, Fired { counted: 1, awaits: None, at: next });
        }
        instants
    }

    fn next_of_interval(&self, every: TimeDelta, after: Instant, anchor: Instant) -> Option<Instant> {
        let first = self.start_at.or_else(|| anchor.checked_add_signed(every))?;
        if after < first {
            return Some(first);
        }
        let every = every.num_microseconds().filter(|every| *every > 0)?;
        let passed = (after - first).num_microseconds()? / every + 1;
        first.checked_add_signed(TimeDelta::microseconds(passed.checked_mul(every)?))
    }

    /// When a nominal instant of the schedule with this identity comes due.
    pub fn due(&self, nominal: Instant, id: ScheduleId) -> Instant {
        // The delay is derived from a hash, so that every node computes the same.
        let most = self.jitter.num_microseconds().and_then(|most| u64::try_from(most).ok()).unwrap_or(0);
        if most == 0 {
            return nominal;
        }
        let mut hash = Sha256::new_with_prefix(id.0.as_bytes());
        hash.update(nominal.timestamp_micros().to_be_bytes());
        let number = hash.finalize().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let delay = i64::try_from(number % most).unwrap_or(0);
        nominal.checked_add_signed(TimeDelta::microseconds(delay)).unwrap_or(nominal)
    }

    /// The schedule in the shape of the job file, with every field, so that nothing depends on its job.
    pub fn document(&self) -> Value {
        let instant = |at: Option<Instant>| at.map(|at| json!(stamp(&at)));
        let (name, when) = match &self.when {
            When::Cron(cron) => ("cron", json!(cron.text())),
            When::Every(every) | When::AfterCompletion(every) => ("interval", json!(every.num_milliseconds())),
            When::At(at) => ("at", json!(stamp(at))),
        };
        let after = matches!(self.when, When::AfterCompletion(_)).then(|| json!("completion"));
        let fields = [
            ("key", Some(json!(self.key))),
            (name, Some(when)),
            ("after", after),
            ("timeZone", Some(json!(self.zone.name()))),
            ("executions", Some(json!(self.executions))),
            ("startAt", instant(self.start_at)),
            ("endAt", instant(self.end_at)),
            ("jitter", Some(json!(self.jitter.num_milliseconds()))),
            ("missed", Some(json!(self.missed.word()))),
            ("arguments", Some(json!(self.arguments))),
            ("active", Some(json!(self.active))),
        ];
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    /// Reads what [`Self::document`] wrote.
    ///
    /// # Errors
    /// Every fault, with its path.
    pub fn from_document(document: &Value) -> Result<Self, Vec<Fault>> {
        Self::read(document, "", Tz::UTC)
    }
}

#[cfg(test)]
mod tests;
