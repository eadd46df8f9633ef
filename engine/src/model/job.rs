//! Jobs: a named, ordered list of lines. A [`Job`] that exists is valid.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::action::ModuleDigest;
use super::argument::Arguments;
use super::catalogue::{Catalogue, Choice, Pin};
use super::criteria::Reading;
use super::fault::{Fault, did_you_mean, element, field};
use super::filter;
use super::line::{ActionWork, Line, Work};
use super::schema::Schema;
use super::variables::Names;

const SCHEMA_TEXT: &str = include_str!("job.schema.json");
const DEFAULT_BATCH: usize = 1000;
const LINE_STEP: u64 = 10;

/// Words of the job file that a later version will know, and what to do until then.
const NOT_YET: [(&str, &str); 10] = [
    ("schedules", "this version starts no job by itself; take the schedules out and start the job by hand"),
    ("retry", "this version tries a line once; take `retry` out"),
    ("queue", "this version has one queue; take `queue` out"),
    ("priority", "this version runs jobs in the order they were started; take `priority` out"),
    ("overlap", "this version lets results of a job overlap; take `overlap` out"),
    ("notify", "this version notifies nobody; take `notify` out"),
    ("module", "this version keeps jobs outside of modules; take `module` out"),
    ("filterTemplates", "this version has no filter templates; write source and criteria in the line's `filter`"),
    ("template", "this version has no filter templates; write source and criteria in the line's `filter`"),
    ("jobs", "a file holds one job; put each into a file of its own"),
];

static SCHEMA: LazyLock<Result<Schema, String>> = LazyLock::new(|| Schema::compile(&schema()));

/// The JSON Schema of a job file.
pub fn schema() -> Value {
    serde_json::from_str(SCHEMA_TEXT).unwrap_or_default()
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
        let mut faults = faults_of_shape(document);
        let arguments = Arguments::read(document.get("arguments")).unwrap_or_else(|message| {
            faults.push(Fault::at("arguments", format!("is not a JSON Schema: {message}")));
            Arguments::default()
        });
        let time_zone = read_zone(document).unwrap_or_else(|fault| {
            faults.push(fault);
            None
        });
        let (lines, ids) = read_lines(document, (catalogue, choice), &mut faults);
        faults.extend(faults_of_names(&lines, &ids, &arguments));
        if !faults.is_empty() {
            return Err(faults);
        }
        let key = document["key"].as_str().unwrap_or_default().to_owned();
        Ok(Self {
            name: document["name"].as_str().map_or_else(|| key.clone(), str::to_owned),
            key,
            active: document["active"].as_bool().unwrap_or(true),
            stops_on_error: document["stopsOnError"].as_bool().unwrap_or(false),
            time_zone,
            batch_size: document["batchSize"]
                .as_u64()
                .and_then(|size| usize::try_from(size).ok())
                .unwrap_or(DEFAULT_BATCH),
            continues_when_empty: document["onEmpty"] == "continue",
            arguments,
            lines,
        })
    }

    fn actions(&self) -> impl Iterator<Item = &ActionWork> {
        self.lines.iter().filter_map(|line| match &line.work {
            Work::Action(work) => Some(work.as_ref()),
            Work::Filter(work) => work.script.as_ref().map(|script| &script.0),
        })
    }

    /// The modules that its lines use, each version once.
    pub fn modules(&self) -> Vec<ModuleDigest> {
        let modules: BTreeMap<_, _> = self.actions().map(|work| (&work.module.digest, &work.module)).collect();
        modules.into_values().cloned().collect()
    }

    /// What saving it keeps of the versions that its lines came to mean.
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

/// What the schema says of the whole, and of each filter with its placeholders.
fn faults_of_shape(document: &Value) -> Vec<Fault> {
    let schema = match SCHEMA.as_ref() {
        Ok(schema) => schema,
        Err(message) => return vec![Fault::at("", message.clone())],
    };
    let mut rest = document.clone();
    let mut faults = take_words_of_later(&mut rest, "");
    for (index, line) in lines_mut(&mut rest).iter_mut().enumerate() {
        let path = element("lines", index);
        faults.extend(take_words_of_later(line, &path));
        if let Some(definition) = line.get_mut("filter").filter(|definition| definition.is_object()) {
            let path = field(&path, "filter");
            faults.extend(take_words_of_later(definition, &path));
            faults.extend(filter::faults_of_shape(definition, &path));
            *definition = Value::Object(Map::new());
        }
    }
    faults.extend(schema.faults(&rest, "", Reading::Rendered));
    faults
}

fn lines_mut(document: &mut Value) -> &mut [Value] {
    document.get_mut("lines").and_then(Value::as_array_mut).map_or(&mut [], Vec::as_mut_slice)
}

fn take_words_of_later(part: &mut Value, path: &str) -> Vec<Fault> {
    let Some(fields) = part.as_object_mut() else { return Vec::new() };
    let taken = NOT_YET
        .iter()
        .filter_map(|(word, cure)| fields.shift_remove(*word).map(|_| Fault::at(field(path, word), *cure)));
    taken.collect()
}

fn read_zone(document: &Value) -> Result<Option<Tz>, Fault> {
    let Some(name) = document.get("timeZone").and_then(Value::as_str) else { return Ok(None) };
    name.parse().map(Some).map_err(|_| {
        let near = did_you_mean(name, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
        Fault::at("timeZone", format!("`{name}` is not a time zone{near} Write an IANA name such as Europe/Madrid"))
    })
}

/// What templates may call the lines: each number, and the name and the number that mean it.
type Ids = Vec<(u64, String)>;

/// Reads every line that has the right shape.
fn read_lines(
    document: &Value,
    (catalogue, choice): (&Catalogue, Choice<'_>),
    faults: &mut Vec<Fault>,
) -> (Vec<Line>, Ids) {
    let mut numbers = BTreeMap::new();
    let mut names = BTreeMap::new();
    let misshapen: Vec<_> = faults.iter().map(|fault| fault.path.clone()).collect();
    let (mut lines, mut ids) = (Vec::new(), Ids::new());
    let mut highest = 0_u64;
    for (index, written) in document["lines"].as_array().into_iter().flatten().enumerate() {
        let path = element("lines", index);
        let number = written["lineNo"].as_u64().unwrap_or(highest.saturating_add(LINE_STEP));
        highest = highest.max(number);
        if let Some(first) = numbers.insert(number, path.clone()) {
            faults.push(Fault::at(
                field(&path, "lineNo"),
                format!("{number} is already the number of {first}; give each line its own"),
            ));
        }
        if let Some((name, first)) =
            written["name"].as_str().and_then(|name| Some((name, names.insert(name, path.clone())?)))
        {
            faults.push(Fault::at(
                field(&path, "name"),
                format!("`{name}` is already the name of {first}; give each line its own"),
            ));
        }
        ids.push((number, number.to_string()));
        ids.extend(written["name"].as_str().map(|name| (number, name.to_owned())));
        if misshapen.iter().any(|place| place.starts_with(&path)) {
            continue;
        }
        match Line::read(written, u32::try_from(number).unwrap_or(u32::MAX), &path, catalogue, choice) {
            Ok(line) => lines.push(line),
            Err(more) => faults.extend(more),
        }
    }
    lines.sort_by_key(|line| line.line_no);
    (lines, ids)
}

fn faults_of_names(lines: &[Line], ids: &Ids, arguments: &Arguments) -> Vec<Fault> {
    let mut faults = Vec::new();
    for line in lines {
        let called = |earlier: bool| {
            let ids = ids.iter().filter(move |(number, _)| (*number < line.line_no.into()) == earlier);
            ids.map(|(_, id)| id.clone()).collect()
        };
        let names = Names { arguments: arguments.names(), earlier: called(true), later: called(false) };
        let (template, path) = line.template();
        let unknown = template.variables(&path).into_iter();
        faults.extend(unknown.filter_map(|(path, variable)| Some(Fault::at(path, names.fault(&variable)?))));
    }
    faults
}

#[cfg(test)]
mod tests;
