//! Jobs: named, ordered lists of lines. Every [`Job`] is valid.

mod file;
mod lines;
mod shape;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use chrono_tz::Tz;
use serde_json::Value;

use super::action::ModuleDigest;
use super::argument::Arguments;
use super::catalogue::{Catalogue, Choice, Pin};
use super::duration::{LONGEST_JOB, of_field};
use super::fault::{self, Fault, MOST_FAULTS};
use super::job_schema::job_schema;
use super::line::{ActionWork, Line, Work};
use super::notify::NotifyRule;
use super::overlap::Overlap;
use super::schedule::{self, Schedule};
use super::schema::{Schema, integer};
use super::template_version::TemplateVersion;
use super::wall::time_zone;

pub use file::{JobFile, Part, file_schema};
pub use shape::{MAX_LINES, MAX_PATTERNS};

const DEFAULT_BATCH: usize = 1000;

static SCHEMA: LazyLock<Result<Schema, String>> = LazyLock::new(|| Schema::compile(&job_schema()));

/// A valid job that can be performed.
#[derive(Debug)]
pub struct Job {
    /// Unique in its organization.
    pub key: String,
    /// The name shown to people.
    pub name: String,
    /// An inactive job never starts by itself.
    pub active: bool,
    /// Whether a line in error ends the job.
    pub stops_on_error: bool,
    /// The time zone of dates; none for the organization's.
    pub time_zone: Option<Tz>,
    /// How many records an action gets at once.
    pub batch_size: usize,
    /// Whether lines after a filter that keeps no records still run.
    pub continues_when_empty: bool,
    /// The queue that its results wait in; none for the default one.
    pub queue: Option<String>,
    /// From -1000 to 1000. Results with a higher priority leave their queue first.
    pub priority: i32,
    /// What a start does while an earlier result has not ended; none for the default of the kind of start.
    pub overlap: Option<Overlap>,
    /// How long a result may take from its first beginning to its end, waits between tries included.
    pub timeout: Option<Duration>,
    /// Who is notified when a result ends.
    pub notify: Vec<NotifyRule>,
    /// The arguments that a start may pass.
    pub arguments: Arguments,
    /// In the order of `lineNo`.
    pub lines: Vec<Line>,
    /// The modules that its lines and notification rules use, each version once.
    pub modules: Arc<[ModuleDigest]>,
}

impl Job {
    /// Reads a job.
    ///
    /// # Errors
    /// Every fault at once, each with its path.
    pub fn read(document: &Value, catalogue: &Catalogue, choice: Choice<'_>) -> Result<Self, Vec<Fault>> {
        if let Some(fault) = shape::excess(document) {
            return Err(vec![fault]);
        }
        let mut faults = shape::faults(document);
        if faults.len() > MOST_FAULTS {
            return Err(fault::first(faults));
        }
        let arguments = Arguments::read(document.get("arguments")).unwrap_or_else(|message| {
            faults.push(Fault::at("arguments", format!("cannot be used as a JSON Schema: {message}")));
            Arguments::default()
        });
        let time_zone = read_zone(document).unwrap_or_else(|fault| {
            faults.push(fault);
            None
        });
        let timeout = of_field((document, "timeout", ""), LONGEST_JOB, &mut faults);
        let (lines, ids) = lines::read(document, (catalogue, choice), &mut faults);
        faults.extend(lines::faults_of_names(&lines, &ids, &arguments));
        let notify = lines::read_rules(document, (catalogue, choice), &mut faults);
        schedule::read_all(document, time_zone.unwrap_or_default(), &arguments, &mut faults);
        if !faults.is_empty() {
            return Err(fault::first(faults));
        }
        let key = document["key"].as_str().unwrap_or_default().to_owned();
        Ok(Self {
            modules: modules_of(actions(&lines, &notify)),
            name: document["name"].as_str().map_or_else(|| key.clone(), str::to_owned),
            key,
            active: document["active"].as_bool().unwrap_or(true),
            stops_on_error: document["stopsOnError"].as_bool().unwrap_or(true),
            time_zone,
            batch_size: integer(&document["batchSize"]).unwrap_or(DEFAULT_BATCH),
            continues_when_empty: document["onEmpty"] == "continue",
            queue: document["queue"].as_str().map(str::to_owned),
            priority: integer(&document["priority"]).unwrap_or(0),
            overlap: document["overlap"].as_str().and_then(Overlap::from_word),
            timeout,
            notify,
            arguments,
            lines,
        })
    }

    /// The schedules of the job. `document` is what the job was read from, and `zone` belongs to its
    /// organization.
    ///
    /// # Errors
    /// Every fault, with its path. A schedule that is valid in UTC can have a fault in another zone,
    /// for example an `endAt` before its `startAt`.
    pub fn schedules(&self, document: &Value, zone: Tz) -> Result<Vec<Schedule>, Vec<Fault>> {
        let mut faults = Vec::new();
        let zone = self.time_zone.unwrap_or(zone);
        let schedules = schedule::read_all(document, zone, &self.arguments, &mut faults);
        let active = |schedule: Schedule| Schedule { active: schedule.active && self.active, ..schedule };
        if faults.is_empty() { Ok(schedules.into_iter().map(active).collect()) } else { Err(faults) }
    }

    /// The filter templates that its lines use, each once.
    pub fn templates(&self) -> Vec<TemplateVersion> {
        let used = self.lines.iter().filter_map(|line| match &line.work {
            Work::Filter(work) => work.template(),
            Work::Action(_) => None,
        });
        used.collect::<BTreeSet<_>>().into_iter().cloned().collect()
    }

    /// The module versions that its lines and rules were resolved to. They are saved with the job.
    pub fn pins(&self) -> Vec<Pin> {
        let mut pins: Vec<Pin> = Vec::new();
        for pin in actions(&self.lines, &self.notify).filter_map(|work| work.pin.as_ref()) {
            if !pins.contains(pin) {
                pins.push(pin.clone());
            }
        }
        pins
    }
}

/// The actions of lines, of their scripts, and of notification rules.
fn actions<'a>(lines: &'a [Line], notify: &'a [NotifyRule]) -> impl Iterator<Item = &'a ActionWork> {
    let lines = lines.iter().chain(notify.iter().map(|rule| &rule.line));
    lines.filter_map(|line| match &line.work {
        Work::Action(work) => Some(work.as_ref()),
        Work::Filter(work) => work.script.as_ref().map(|script| &script.0),
    })
}

fn modules_of<'a>(actions: impl Iterator<Item = &'a ActionWork>) -> Arc<[ModuleDigest]> {
    let modules: BTreeMap<_, _> = actions.map(|work| (&work.module.digest, &work.module)).collect();
    modules.into_values().cloned().collect()
}

fn read_zone(document: &Value) -> Result<Option<Tz>, Fault> {
    let Some(name) = document.get("timeZone").and_then(Value::as_str) else { return Ok(None) };
    time_zone(name).map(Some).map_err(|message| Fault::at("timeZone", message))
}

#[cfg(test)]
mod tests;
