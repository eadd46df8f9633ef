//! Schedules: when a job starts by itself.
//!
//! A schedule names **nominal** instants: those its job is meant to start at. Each comes due at
//! that instant or, with `jitter`, a little later, always by the same amount for the same instant.

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

pub use missed::{Firing, LeftOut, Missed};
pub use position::{Fired, Position};
pub use read::{faults_of_shape, read_all, time_zone};

/// The release of the IANA time zone data that is compiled in.
pub const TIME_ZONE_DATA: &str = chrono_tz::IANA_TZDB_VERSION;

/// Identity of a schedule in the store; as long as its key stays, so does this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScheduleId(pub Uuid);

/// One schedule of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Unique in its job.
    pub key: String,
    /// Its nominal instants.
    pub when: When,
    /// The zone in which its times are meant.
    pub zone: Tz,
    /// How often it starts the job in all; 0 for ever.
    pub executions: u64,
    /// No nominal instant is earlier.
    pub start_at: Option<Instant>,
    /// No nominal instant is later.
    pub end_at: Option<Instant>,
    /// By how much a start comes later at most.
    pub jitter: TimeDelta,
    /// What becomes of starts that fell into a time when nobody watched.
    pub missed: Missed,
    /// What it passes to its job.
    pub arguments: Map<String, Value>,
    /// Whether it starts anything.
    pub active: bool,
}

/// The nominal instants of a schedule.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// Those of an expression.
    Cron(Box<Cron>),
    /// One each time so much has passed: since `startAt`, or since the schedule was saved.
    Every(TimeDelta),
    /// One when so much has passed since what it started has ended.
    AfterCompletion(TimeDelta),
    /// This one.
    At(Instant),
}

impl Schedule {
    /// The first nominal instant after this one. Intervals count from `anchor` where there is no
    /// `startAt`. None if there is none, or if it depends on when a result ends.
    pub fn next(&self, after: Instant, anchor: Instant) -> Option<Instant> {
        let just_before = |start: Instant| start - TimeDelta::microseconds(1);
        let after = self.start_at.map_or(after, |start| after.max(just_before(start)));
        let next = match &self.when {
            When::Cron(cron) => cron.next(after, self.zone),
            When::Every(every) => self.next_of_interval(*every, after, anchor),
            When::AfterCompletion(every) => {
                // A `startAt` that had passed when it was saved is none.
                let start = self.start_at.filter(|start| *start > anchor);
                start.or_else(|| anchor.checked_add_signed(*every)).filter(|first| *first > after)
            }
            When::At(at) => Some(*at).filter(|at| *at > after),
        };
        next.filter(|next| self.end_at.is_none_or(|end| *next <= end))
    }

    /// The first nominal instants after this one, if every start ended at once.
    pub fn preview(&self, after: Instant, count: usize) -> Vec<Instant> {
        self.following(&self.begin(after), count)
    }

    /// The next nominal instants from a position, if every start ended at once.
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
        let most = self.jitter.num_microseconds().and_then(|most| u64::try_from(most).ok()).unwrap_or(0);
        if most == 0 {
            return nominal;
        }
        let mut hash = Sha256::new_with_prefix(id.0.as_bytes());
        hash.update(nominal.timestamp_micros().to_be_bytes());
        let chance = hash.finalize().iter().take(8).fold(0_u64, |chance, byte| chance << 8 | u64::from(*byte));
        let later = i64::try_from(chance % most).unwrap_or(0);
        nominal.checked_add_signed(TimeDelta::microseconds(later)).unwrap_or(nominal)
    }

    /// All that it says, in the shape of the job file, with nothing left to its job.
    pub fn document(&self) -> Value {
        let instant = |at: Option<Instant>| at.map(|at| json!(stamp(&at)));
        let (word, when) = match &self.when {
            When::Cron(cron) => ("cron", json!(cron.text())),
            When::Every(every) | When::AfterCompletion(every) => ("interval", json!(every.num_milliseconds())),
            When::At(at) => ("at", json!(stamp(at))),
        };
        let after = matches!(self.when, When::AfterCompletion(_)).then(|| json!("completion"));
        let fields = [
            ("key", Some(json!(self.key))),
            (word, Some(when)),
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
