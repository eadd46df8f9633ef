//! Reads schedules from job files and the API.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::cron::Cron;
use super::{Missed, Schedule, When};
use crate::model::argument::Arguments;
use crate::model::fault::{Fault, duplicate, element, field};
use crate::model::job_schema::job_schema;
use crate::model::schema::{Schema, faults_by, integer};
use crate::model::text::shortened;
use crate::model::wall::{self, time_zone};
use crate::model::{Instant, criteria, duration};

const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
const LONGEST_INTERVAL: Duration = Duration::from_secs(3660 * 24 * 60 * 60);
const LONGEST_JITTER: Duration = Duration::from_secs(24 * 60 * 60);
/// Characters of a value that a message shows.
const SHOWN: usize = 60;
/// The years in which an instant may be.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2199;

/// Reads the schedules of a job. `zone` is the time zone of schedules without one of their own. A
/// schedule for which `faults` has a fault of its shape already is left out.
pub fn read_all(document: &Value, zone: Tz, arguments: &Arguments, faults: &mut Vec<Fault>) -> Vec<Schedule> {
    let misshapen: Vec<_> = faults.iter().map(|fault| fault.path.clone()).collect();
    let mut keys: BTreeMap<&str, String> = BTreeMap::new();
    let mut schedules = Vec::new();
    for (index, written) in document["schedules"].as_array().into_iter().flatten().enumerate() {
        let path = element("schedules", index);
        if misshapen.iter().any(|place| *place == path || place.starts_with(&format!("{path}."))) {
            continue;
        }
        let key = written["key"].as_str().unwrap_or_default();
        if let Some(first) = keys.get(key) {
            faults.push(Fault::at(field(&path, "key"), duplicate(format_args!("`{key}`"), "key", first)));
        } else {
            keys.insert(key, path.clone());
        }
        match Schedule::read(written, &path, zone) {
            Ok(schedule) => {
                faults.extend(faults_of_arguments(&schedule, arguments, &path));
                schedules.push(schedule);
            }
            Err(more) => faults.extend(more),
        }
    }
    schedules
}

fn faults_of_arguments(schedule: &Schedule, arguments: &Arguments, path: &str) -> Vec<Fault> {
    let path = field(path, "arguments");
    arguments.complete_at(schedule.arguments.clone(), &path).err().unwrap_or_default()
}

static SCHEMA: LazyLock<Result<Schema, String>> = LazyLock::new(|| {
    let job = job_schema();
    Schema::compile(&job["$defs"]["schedule"])
});

/// Every fault of the shape of one schedule, as the job schema describes it.
pub fn faults_of_shape(document: &Value, path: &str) -> Vec<Fault> {
    faults_by(&SCHEMA, document, path, criteria::Reading::Rendered)
}

impl Schedule {
    /// Checks the shape of a schedule and reads it. `zone` is its time zone if it has none of its own.
    ///
    /// # Errors
    /// Every fault, with its path.
    pub fn check(document: &Value, zone: Tz) -> Result<Self, Vec<Fault>> {
        let faults = faults_of_shape(document, "");
        if faults.is_empty() { Self::read(document, "", zone) } else { Err(faults) }
    }

    /// Reads one schedule whose shape was checked.
    ///
    /// # Errors
    /// Every fault, with its path below `path`.
    pub fn read(written: &Value, path: &str, zone: Tz) -> Result<Self, Vec<Fault>> {
        let mut reader = Reader { written, path, zone, faults: Vec::new() };
        if let Some(name) = written["timeZone"].as_str() {
            reader.zone = time_zone(name).unwrap_or_else(|message| reader.fault("timeZone", message, zone));
        }
        let when = reader.when();
        let (start_at, end_at) = (reader.instant("startAt", Edge::Begin), reader.instant("endAt", Edge::End));
        if let (Some(start), Some(end)) = (start_at, end_at)
            && end < start
        {
            reader.fault("endAt", "is before `startAt`, so the schedule would never start anything", ());
        }
        let jitter = reader.span("jitter", Duration::ZERO, LONGEST_JITTER).unwrap_or_default();
        match when {
            Some(When::Every(every)) if jitter > every => {
                reader.fault("jitter", "is longer than `interval`; starts would overtake each other", ());
            }
            _ => {}
        }
        let outside = when.as_ref().and_then(|when| outside(when, reader.zone, start_at, end_at));
        if let Some(name) = outside.filter(|_| reader.faults.is_empty()) {
            reader.fault(name, "has no time between `startAt` and `endAt`; correct one of them", ());
        }
        let (zone, faults) = (reader.zone, reader.faults);
        let Some(when) = when.filter(|_| faults.is_empty()) else { return Err(faults) };
        Ok(Self {
            key: written["key"].as_str().unwrap_or_default().to_owned(),
            when,
            zone,
            executions: integer(&written["executions"]).unwrap_or(0),
            start_at,
            end_at,
            jitter,
            missed: written["missed"].as_str().and_then(Missed::from_word).unwrap_or(Missed::Latest),
            arguments: written["arguments"].as_object().cloned().unwrap_or_else(Map::new),
            active: written["active"].as_bool().unwrap_or(true),
        })
    }
}

/// The name of the field whose nominal instants are all before `start` or after `end`, if there is one.
fn outside(when: &When, zone: Tz, start: Option<Instant>, end: Option<Instant>) -> Option<&'static str> {
    match when {
        When::At(at) => (start.is_some_and(|start| *at < start) || end.is_some_and(|end| *at > end)).then_some("at"),
        When::Cron(cron) => {
            let first = cron.next(start? - TimeDelta::microseconds(1), zone);
            first.is_none_or(|first| end.is_some_and(|end| first > end)).then_some("cron")
        }
        When::Every(_) | When::AfterCompletion(_) => None,
    }
}

/// The end of a day that its date means.
#[derive(Clone, Copy)]
enum Edge {
    Begin,
    End,
}

impl Edge {
    fn instant(self, day: NaiveDate, zone: Tz) -> Option<Instant> {
        match self {
            Self::Begin => wall::first_instant(day.and_time(NaiveTime::MIN), zone),
            Self::End => wall::last_instant(day.and_time(END_OF_DAY), zone),
        }
    }
}

/// The last time of a day that stores can keep.
const END_OF_DAY: NaiveTime = match NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

struct Reader<'a> {
    written: &'a Value,
    path: &'a str,
    zone: Tz,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    /// Notes a fault in a field and returns `instead`, so that reading can continue.
    fn fault<T>(&mut self, name: &str, message: impl Into<String>, instead: T) -> T {
        let place = if name.is_empty() { self.path.to_owned() } else { field(self.path, name) };
        self.faults.push(Fault::at(place, message));
        instead
    }

    fn when(&mut self) -> Option<When> {
        let present: Vec<_> =
            ["cron", "interval", "at"].into_iter().filter(|name| self.written.get(name).is_some()).collect();
        let name = match present.as_slice() {
            [name] => *name,
            [] => return self.fault("", "has none of `cron`, `interval` and `at`; add one of them", None),
            several => {
                let several = several.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
                let message = format!(
                    "has {several}; a schedule may have only one of them, but a job may have several schedules"
                );
                return self.fault("", message, None);
            }
        };
        if name != "interval" && self.written.get("after").is_some() {
            self.fault("after", "is only for `interval`; remove it", ());
        }
        match name {
            "cron" => match Cron::parse(self.written["cron"].as_str().unwrap_or_default()) {
                Ok(cron) => Some(When::Cron(Box::new(cron))),
                Err(message) => self.fault("cron", message, None),
            },
            "at" => self.instant("at", Edge::Begin).map(When::At),
            _ => {
                let every = self.span("interval", SHORTEST_INTERVAL, LONGEST_INTERVAL)?;
                let after_completion = self.written["after"] == "completion";
                Some(if after_completion { When::AfterCompletion(every) } else { When::Every(every) })
            }
        }
    }

    /// A duration: a number of milliseconds, or a text with a unit.
    fn span(&mut self, name: &str, least: Duration, most: Duration) -> Option<TimeDelta> {
        let span = match self.written.get(name)? {
            Value::String(text) => duration::parse(text, most),
            number => integer(number).map(Duration::from_millis).ok_or_else(|| {
                let number = shortened(&number.to_string(), SHOWN);
                format!("{number} is not a duration; write a whole number of milliseconds, or a text such as 15m")
            }),
        };
        let span = span.and_then(|span| match span {
            _ if span < least => {
                Err(format!("is shorter than {}, the shortest duration allowed here", duration::shown(least)))
            }
            _ if span > most => Err(duration::too_long(most)),
            span => Ok(span),
        });
        let read = span.and_then(|span| TimeDelta::from_std(span).map_err(|error| error.to_string()));
        read.map(Some).unwrap_or_else(|message| self.fault(name, message, None))
    }

    /// An instant. A date and a time without an offset are in the zone of the schedule; a date alone
    /// means this `edge` of its day.
    fn instant(&mut self, name: &str, edge: Edge) -> Option<Instant> {
        let text = self.written.get(name)?.as_str()?.trim();
        let wall = text.parse::<NaiveDateTime>().ok();
        let wall = wall.or_else(|| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").ok());
        let instant = text.parse::<Instant>().ok();
        let instant = instant.or_else(|| wall::first_instant(wall?, self.zone));
        let instant = instant.or_else(|| edge.instant(text.parse().ok()?, self.zone));
        let text = shortened(text, SHOWN);
        let Some(instant) = instant else {
            let message = format!(
                "`{text}` is not an instant; write it as 2026-12-01T09:00:00Z, or as 2026-12-01T09:00 in the \
                 schedule's time zone"
            );
            return self.fault(name, message, None);
        };
        if !YEARS.contains(&instant.year()) {
            let message = format!("{text} is not in the years {} to {}", YEARS.start(), YEARS.end());
            return self.fault(name, message, None);
        }
        let micros = Instant::from_timestamp_micros(instant.timestamp_micros());
        Some(micros.unwrap_or(instant))
    }
}
