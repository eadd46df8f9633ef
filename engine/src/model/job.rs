//! Jobs: a named, ordered list of lines. A [`Job`] that exists is valid.

mod file;
mod lines;
mod shape;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Duration;

use chrono_tz::Tz;
use serde_json::Value;

use super::action::ModuleDigest;
use super::argument::Arguments;
use super::catalogue::{Catalogue, Choice, Pin};
use super::duration::{LONGEST_JOB, of_field};
use super::fault::{self, Fault, MOST_FAULTS};
use super::filter_template::TemplateVersion;
use super::line::{ActionWork, Line, Work};
use super::notify::NotifyRule;
use super::overlap::Overlap;
use super::schedule::{self, Schedule};
use super::schema::Schema;

pub use file::{JobFile, Part, file_schema};
pub use shape::{MAX_LINES, MAX_PATTERNS};

const SCHEMA_TEXT: &str = include_str!("job.schema.json");
const DEFAULT_BATCH: usize = 1000;

static SCHEMA: LazyLock<Result<Schema, String>> = LazyLock::new(|| Schema::compile(&schema()));

/// The JSON Schema of a job.
pub fn schema() -> Value {
    serde_json::from_str(SCHEMA_TEXT).unwrap_or_default()
}

/// Whether a job may have a field with this name.
pub fn is_field(name: &str) -> bool {
    schema()["properties"].get(name).is_some()
}

/// A valid job, ready to be performed.
#[derive(Debug)]
pub struct Job {
    /// Unique in its organization.
    pub key: String,
    /// For people.
    pub name: String,
    /// An inactive job never starts by itself.
    pub active: bool,
    /// Whether a line in error ends the job.
    pub stops_on_error: bool,
    /// The zone in which dates are meant; none takes the organization's.
    pub time_zone: Option<Tz>,
    /// How many records an action is handed at once.
    pub batch_size: usize,
    /// Whether lines after a filter that leaves nothing still run.
    pub continues_when_empty: bool,
    /// The queue that its results wait in; none for the default one.
    pub queue: Option<String>,
    /// Results with a higher one leave their queue first: from -1000 to 1000.
    pub priority: i32,
    /// What becomes of a start while an earlier result is not ended; none leaves it to whoever starts.
    pub overlap: Option<Overlap>,
    /// How long a result may take from its first beginning to its end, waits between tries included.
    pub timeout: Option<Duration>,
    /// Who is told when a result ends.
    pub notify: Vec<NotifyRule>,
    /// What a start may pass.
    pub arguments: Arguments,
    /// In the order of `lineNo`.
    pub lines: Vec<Line>,
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
            faults.push(Fault::at("arguments", format!("is not a JSON Schema: {message}")));
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
            name: document["name"].as_str().map_or_else(|| key.clone(), str::to_owned),
            key,
            active: document["active"].as_bool().unwrap_or(true),
            stops_on_error: document["stopsOnError"].as_bool().unwrap_or(true),
            time_zone,
            batch_size: document["batchSize"]
                .as_u64()
                .and_then(|size| usize::try_from(size).ok())
                .unwrap_or(DEFAULT_BATCH),
            continues_when_empty: document["onEmpty"] == "continue",
            queue: document["queue"].as_str().map(str::to_owned),
            priority: document["priority"].as_i64().and_then(|priority| i32::try_from(priority).ok()).unwrap_or(0),
            overlap: document["overlap"].as_str().and_then(Overlap::from_word),
            timeout,
            notify,
            arguments,
            lines,
        })
    }

    /// When it starts by itself, given the document that it was read from and the zone of its organization.
    ///
    /// # Errors
    /// Every fault, with its path: in another zone than UTC, other instants are before or after one another.
    pub fn schedules(&self, document: &Value, zone: Tz) -> Result<Vec<Schedule>, Vec<Fault>> {
        let mut faults = Vec::new();
        let zone = self.time_zone.unwrap_or(zone);
        let schedules = schedule::read_all(document, zone, &self.arguments, &mut faults);
        let active = |schedule: Schedule| Schedule { active: schedule.active && self.active, ..schedule };
        if faults.is_empty() { Ok(schedules.into_iter().map(active).collect()) } else { Err(faults) }
    }

    /// The actions of its lines, of their scripts, and of its notification rules.
    fn actions(&self) -> impl Iterator<Item = &ActionWork> {
        let lines = self.lines.iter().chain(self.notify.iter().map(|rule| &rule.line));
        lines.filter_map(|line| match &line.work {
            Work::Action(work) => Some(work.as_ref()),
            Work::Filter(work) => work.script.as_ref().map(|script| &script.0),
        })
    }

    /// The modules that its lines and rules use, each version once.
    pub fn modules(&self) -> Vec<ModuleDigest> {
        let modules: BTreeMap<_, _> = self.actions().map(|work| (&work.module.digest, &work.module)).collect();
        modules.into_values().cloned().collect()
    }

    /// The filter templates that its lines use, each once.
    pub fn templates(&self) -> Vec<TemplateVersion> {
        let used = self.lines.iter().filter_map(|line| match &line.work {
            Work::Filter(work) => work.template(),
            Work::Action(_) => None,
        });
        used.collect::<BTreeSet<_>>().into_iter().cloned().collect()
    }

    /// What saving it keeps of the versions that its lines and rules came to mean.
    pub fn pins(&self) -> Vec<Pin> {
        let mut pins: Vec<Pin> = Vec::new();
        for pin in self.actions().filter_map(|work| work.pin.as_ref()) {
            if !pins.contains(pin) {
                pins.push(pin.clone());
            }
        }
        pins
    }
}

fn read_zone(document: &Value) -> Result<Option<Tz>, Fault> {
    let Some(name) = document.get("timeZone").and_then(Value::as_str) else { return Ok(None) };
    schedule::time_zone(name).map(Some).map_err(|message| Fault::at("timeZone", message))
}

#[cfg(test)]
mod tests;
