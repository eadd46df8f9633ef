//! Schedules as job files and the API write them.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::cron::Cron;
use super::{Missed, Schedule, When};
use crate::model::argument::Arguments;
use crate::model::criteria::Reading as Rendering;
use crate::model::duration;
use crate::model::fault::{Fault, did_you_mean, element, field};
use crate::model::schema::Schema;
use crate::model::{Instant, job, wall};

const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
const LONGEST_INTERVAL: Duration = Duration::from_secs(3660 * 24 * 60 * 60);
const LONGEST_JITTER: Duration = Duration::from_secs(24 * 60 * 60);
/// The years that instants may stand in.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2199;

/// Reads the schedules of a job whose times are meant in `zone` unless they say otherwise. The job
/// schema has already accepted the shape of those that no fault is told of.
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
            let told = format!("`{key}` is already the key of {first}; give each schedule its own");
            faults.push(Fault::at(field(&path, "key"), told));
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
    let job = job::schema();
    Schema::compile(&job["$defs"]["schedule"])
});

/// What the job schema says of the shape of one schedule.
pub fn faults_of_shape(document: &Value, path: &str) -> Vec<Fault> {
    match SCHEMA.as_ref() {
        Ok(schema) => schema.faults(document, path, Rendering::Rendered),
        Err(message) => vec![Fault::at(path, message.clone())],
    }
}

/// The zone with this IANA name.
///
/// # Errors
/// One sentence with the cure.
pub fn time_zone(name: &str) -> Result<Tz, String> {
    name.parse().map_err(|_| {
        let shown = shown(name);
        let near = did_you_mean(&shown, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
        let near = if near.is_empty() { "." } else { near.as_str() };
        format!("`{shown}` is not a time zone{near} Write an IANA name such as Europe/Madrid")
    })
}

impl Schedule {
    /// Reads a schedule that nobody has looked at, whose times are meant in `zone` unless it says otherwise.
    ///
    /// # Errors
    /// Every fault, with its path.
    pub fn check(document: &Value, zone: Tz) -> Result<Self, Vec<Fault>> {
        let faults = faults_of_shape(document, "");
        if faults.is_empty() { Self::read(document, "", zone) } else { Err(faults) }
    }

    /// Reads one schedule whose shape is accepted.
    ///
    /// # Errors
    /// Every fault, with its path below `path`.
    pub fn read(written: &Value, path: &str, zone: Tz) -> Result<Self, Vec<Fault>> {
        let mut reading = Reading { written, path, zone, faults: Vec::new() };
        if let Some(name) = written["timeZone"].as_str() {
            reading.zone = time_zone(name).unwrap_or_else(|message| reading.fault("timeZone", message, zone));
        }
        let when = reading.when();
        let (start_at, end_at) = (reading.moment("startAt", Edge::Begin), reading.moment("endAt", Edge::End));
        if let (Some(start), Some(end)) = (start_at, end_at)
            && end < start
        {
            reading.fault("endAt", "is before `startAt`, so the schedule would never start anything", ());
        }
        let jitter = reading.span("jitter", Duration::ZERO, LONGEST_JITTER).unwrap_or_default();
        match when {
            Some(When::Every(every)) if jitter > every => {
                reading.fault("jitter", "is longer than `interval`; starts would overtake each other", ());
            }
            _ => {}
        }
        let never = when.as_ref().and_then(|when| never(when, reading.zone, start_at, end_at));
        if let Some(word) = never.filter(|_| reading.faults.is_empty()) {
            reading.fault(word, "comes at no time from `startAt` to `endAt`; correct one of them", ());
        }
        let (zone, faults) = (reading.zone, reading.faults);
        let Some(when) = when.filter(|_| faults.is_empty()) else { return Err(faults) };
        Ok(Self {
            key: written["key"].as_str().unwrap_or_default().to_owned(),
            when,
            zone,
            executions: whole(&written["executions"]).unwrap_or(0),
            start_at,
            end_at,
            jitter,
            missed: written["missed"].as_str().and_then(Missed::from_word).unwrap_or(Missed::Latest),
            arguments: written["arguments"].as_object().cloned().unwrap_or_else(Map::new),
            active: written["active"].as_bool().unwrap_or(true),
        })
    }
}

/// The word for nominal instants that all lie outside of these two.
fn never(when: &When, zone: Tz, start: Option<Instant>, end: Option<Instant>) -> Option<&'static str> {
    match when {
        When::At(at) => (start.is_some_and(|start| *at < start) || end.is_some_and(|end| *at > end)).then_some("at"),
        When::Cron(cron) => {
            let first = cron.next(start? - TimeDelta::microseconds(1), zone);
            first.is_none_or(|first| end.is_some_and(|end| first > end)).then_some("cron")
        }
        When::Every(_) | When::AfterCompletion(_) => None,
    }
}

/// A whole number from 0 on, however it is written: 5, 5.0, 5e0.
fn whole(number: &Value) -> Option<u64> {
    let whole = |number: &f64| *number >= 0.0 && number.fract() == 0.0;
    number.as_u64().or_else(|| number.as_f64().filter(whole).map(|number| number as u64))
}

/// The beginning of what somebody wrote.
fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Which end of a day is meant by its date.
#[derive(Clone, Copy)]
enum Edge {
    Begin,
    End,
}

impl Edge {
    fn of(self, day: NaiveDate, zone: Tz) -> Option<Instant> {
        match self {
            Self::Begin => wall::first_instant(day.and_time(NaiveTime::MIN), zone),
            Self::End => wall::last_instant(day.and_time(END_OF_DAY), zone),
        }
    }
}

/// The last moment of a day that stores can keep.
const END_OF_DAY: NaiveTime = match NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

struct Reading<'a> {
    written: &'a Value,
    path: &'a str,
    zone: Tz,
    faults: Vec<Fault>,
}

impl Reading<'_> {
    /// Notes what is wrong, and goes on with something else in its place.
    fn fault<T>(&mut self, name: &str, message: impl Into<String>, instead: T) -> T {
        let place = if name.is_empty() { self.path.to_owned() } else { field(self.path, name) };
        self.faults.push(Fault::at(place, message));
        instead
    }

    fn when(&mut self) -> Option<When> {
        let said: Vec<_> =
            ["cron", "interval", "at"].into_iter().filter(|word| self.written.get(word).is_some()).collect();
        let word = match said.as_slice() {
            [word] => *word,
            [] => return self.fault("", "says none of `cron`, `interval` and `at`; write one of them", None),
            several => {
                let told = format!("says {}; a schedule has one of them, and a job may have several schedules", {
                    several.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" and ")
                });
                return self.fault("", told, None);
            }
        };
        if word != "interval" && self.written.get("after").is_some() {
            self.fault("after", "belongs to `interval`; take it out", ());
        }
        match word {
            "cron" => match Cron::parse(self.written["cron"].as_str().unwrap_or_default()) {
                Ok(cron) => Some(When::Cron(Box::new(cron))),
                Err(message) => self.fault("cron", message, None),
            },
            "at" => self.moment("at", Edge::Begin).map(When::At),
            _ => {
                let every = self.span("interval", SHORTEST_INTERVAL, LONGEST_INTERVAL)?;
                let after_completion = self.written["after"] == "completion";
                Some(if after_completion { When::AfterCompletion(every) } else { When::Every(every) })
            }
        }
    }

    /// A span of time: milliseconds, or a number with a unit.
    fn span(&mut self, name: &str, least: Duration, most: Duration) -> Option<TimeDelta> {
        let span = match self.written.get(name)? {
            Value::String(text) => duration::parse(text, most),
            number => whole(number).map(Duration::from_millis).ok_or_else(|| {
                let number = shown(&number.to_string());
                format!("{number} is no span of time; write a whole number of milliseconds, or a text such as 15m")
            }),
        };
        let span = span.and_then(|span| match span {
            _ if span < least => Err(format!("is shorter than {}, the least that is allowed", duration::shown(least))),
            _ if span > most => Err(format!("is longer than {}, the most that is allowed", duration::shown(most))),
            span => Ok(span),
        });
        let read = span.and_then(|span| TimeDelta::from_std(span).map_err(|error| error.to_string()));
        read.map(Some).unwrap_or_else(|message| self.fault(name, message, None))
    }

    /// An instant; a date and a time without an offset are meant in the zone, and a date alone is
    /// meant at its `edge`.
    fn moment(&mut self, name: &str, edge: Edge) -> Option<Instant> {
        let text = self.written.get(name)?.as_str()?.trim();
        let wall = text.parse::<NaiveDateTime>().ok();
        let wall = wall.or_else(|| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").ok());
        let instant = text.parse::<Instant>().ok();
        let instant = instant.or_else(|| wall::first_instant(wall?, self.zone));
        let instant = instant.or_else(|| edge.of(text.parse().ok()?, self.zone));
        let text = shown(text);
        let Some(instant) = instant else {
            let told = format!(
                "`{text}` is no instant; write it as 2026-12-01T09:00:00Z, or as 2026-12-01T09:00 in the \
                 schedule's time zone"
            );
            return self.fault(name, told, None);
        };
        if !YEARS.contains(&instant.year()) {
            let told = format!("{text} is not in the years {} to {}", YEARS.start(), YEARS.end());
            return self.fault(name, told, None);
        }
        let micros = Instant::from_timestamp_micros(instant.timestamp_micros());
        Some(micros.unwrap_or(instant))
    }
}
