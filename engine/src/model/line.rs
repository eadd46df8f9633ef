//! Lines: the parts of a job, each a filter or an action.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use values::template::Variable;

use super::action::{Intake, ModuleDigest};
use super::catalogue::{Catalogue, Choice, Pin};
use super::criteria::{self, Reading};
use super::duration;
use super::fault::{Fault, field};
use super::filter::Filter;
use super::result::LineKind;
use super::retry::Retry;
use super::schema::Schema;
use super::template::Template;

/// The highest number that a line of a job may have; the job schema says the same.
pub const HIGHEST_LINE_NO: u32 = 1_000_000_000;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// A line of a valid job.
#[derive(Debug)]
pub struct Line {
    /// Its place in the order of lines.
    pub line_no: u32,
    /// Unique in the job.
    pub name: Option<String>,
    /// An inactive line is skipped.
    pub active: bool,
    /// What it does.
    pub work: Work,
    /// How long it may take.
    pub timeout: Duration,
    /// Whether an error ends the job.
    pub on_error: OnError,
    /// Whether and how it is tried again; only an action is.
    pub retry: Option<Retry>,
    /// Whether all records that it passed on are kept, for sources that read them later.
    pub keep: bool,
    /// Its place in the job's document: `lines[2]`.
    pub path: String,
}

/// What a line does.
#[derive(Debug)]
pub enum Work {
    /// Chooses records.
    Filter(FilterWork),
    /// Works on records.
    Action(Box<ActionWork>),
}

/// What a filter line does.
#[derive(Debug)]
pub struct FilterWork {
    /// Read once it is rendered.
    pub definition: Template,
    /// A predicate in JavaScript on each record that meets the criteria: the action that
    /// asks it, and what that is told.
    pub script: Option<Box<(ActionWork, Value)>>,
}

/// What an action line does.
#[derive(Debug)]
pub struct ActionWork {
    /// `module/action`.
    pub action: String,
    /// Name of the action in its module.
    pub name: String,
    /// The version of the module.
    pub module: ModuleDigest,
    /// What a job that is saved with this line keeps of that; none for what comes with the program.
    pub pin: Option<Pin>,
    /// How it wants its records, unless a parameter says otherwise.
    intake: Intake,
    /// The parameters that make it take batches when they are true.
    batching: Vec<String>,
    /// What it is told.
    pub parameters: Template,
    /// What its parameters must fit once they are rendered.
    pub schema: Arc<Schema>,
}

/// What an error of a line does to the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// As the job says.
    Inherit,
    /// Ends the job.
    Stop,
    /// The line's input goes on.
    Continue,
}

impl ActionWork {
    /// How it wants its records, given its rendered parameters.
    pub fn intake(&self, parameters: &Value) -> Intake {
        let batches = self.batching.iter().any(|name| parameters.get(name) == Some(&Value::Bool(true)));
        if self.intake == Intake::Whole && batches { Intake::Batches } else { self.intake }
    }
}

/// The action that asks a filter's script about records.
const SCRIPT_ACTION: &str = "js/keep";

impl Line {
    /// Reads a line whose shape the job schema has already accepted.
    ///
    /// # Errors
    /// Every fault, with its path below `path`.
    pub fn read(
        written: &Value,
        line_no: u32,
        path: &str,
        catalogue: &Catalogue,
        choice: Choice<'_>,
    ) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let timeout = duration::of_field((written, "timeout", path), duration::LONGEST_LINE, &mut faults);
        let retry = read_retry(written, path).unwrap_or_else(|more| {
            faults.extend(more);
            None
        });
        let work = read_work(written, path, (catalogue, choice)).map_err(|more| faults.extend(more));
        let (Ok(work), true) = (work, faults.is_empty()) else { return Err(faults) };
        Ok(Self {
            line_no,
            name: written["name"].as_str().map(str::to_owned),
            active: written["active"].as_bool().unwrap_or(true),
            work,
            timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
            on_error: OnError::from_word(written["onError"].as_str()),
            retry,
            keep: written["keep"].as_bool().unwrap_or(false),
            path: path.to_owned(),
        })
    }

    /// Whether an error of this line ends a job that says so of all its lines.
    pub fn stops(&self, job_stops: bool) -> bool {
        self.on_error == OnError::Stop || (self.on_error == OnError::Inherit && job_stops)
    }

    /// Filter or action.
    pub fn kind(&self) -> LineKind {
        match self.work {
            Work::Filter(_) => LineKind::Filter,
            Work::Action(_) => LineKind::Action,
        }
    }

    /// Full name of the action; none for a filter.
    pub fn action(&self) -> Option<&str> {
        match &self.work {
            Work::Filter(_) => None,
            Work::Action(work) => Some(&work.action),
        }
    }

    /// How people call it: by its name, else by what it does.
    pub fn title(&self) -> &str {
        self.name.as_deref().or(self.action()).unwrap_or("filter")
    }

    /// Every variable that is read when the line runs, with the path of the text that reads it.
    pub fn variables(&self) -> Vec<(String, Variable)> {
        let (template, path) = self.template();
        template.variables(&path)
    }

    /// What is rendered when the line runs, and its path in the document.
    pub fn template(&self) -> (&Template, String) {
        match &self.work {
            Work::Filter(work) => (&work.definition, field(&self.path, "filter")),
            Work::Action(work) => (&work.parameters, field(&self.path, "parameters")),
        }
    }
}

fn read_work(written: &Value, path: &str, catalogue: (&Catalogue, Choice<'_>)) -> Result<Work, Vec<Fault>> {
    let fault = |place: &str, message: &str| Err(vec![Fault::at(place, message)]);
    match (written.get("filter"), written.get("action").and_then(Value::as_str)) {
        (Some(_), None) if written.get("parameters").is_some() => {
            fault(&field(path, "parameters"), "belong to an action; a filter is told all in `filter`")
        }
        (Some(filter), None) => read_filter(filter, &field(path, "filter"), catalogue),
        (None, Some(action)) => read_action(action, written, path, catalogue).map(|work| Work::Action(Box::new(work))),
        (Some(_), Some(_)) => fault(path, "is both a filter and an action; make two lines of it"),
        (None, None) => fault(path, "says neither `filter` nor `action`"),
    }
}

/// Only an action can say of a failure that it may pass.
fn read_retry(written: &Value, path: &str) -> Result<Option<Retry>, Vec<Fault>> {
    let place = field(path, "retry");
    match written.get("retry") {
        None => Ok(None),
        Some(_) if written.get("filter").is_some() => {
            Err(vec![Fault::at(place, "belongs to an action; what a filter fails of does not pass by itself")])
        }
        Some(retry) => Retry::read(retry, &place).map(Some),
    }
}

fn read_filter(written: &Value, path: &str, (catalogue, choice): (&Catalogue, Choice<'_>)) -> Result<Work, Vec<Fault>> {
    let template = Template::parse(&close_criteria(written), path, |name| name == "script");
    let mut faults = Filter::check(written, path);
    let script =
        written.get("script").map(|script| read_script(script, path, (catalogue, choice)).map(Box::new)).transpose();
    match (template, script) {
        (Ok(definition), Ok(script)) if faults.is_empty() => Ok(Work::Filter(FilterWork { definition, script })),
        (template, script) => {
            faults.extend(template.err().into_iter().flatten());
            faults.extend(script.err().into_iter().flatten());
            Err(faults)
        }
    }
}

/// The action that asks the script, with the script as it was written.
fn read_script(
    script: &Value,
    path: &str,
    catalogue: (&Catalogue, Choice<'_>),
) -> Result<(ActionWork, Value), Vec<Fault>> {
    let parameters = serde_json::json!({"script": script});
    let written = serde_json::json!({"parameters": parameters});
    Ok((read_action(SCRIPT_ACTION, &written, path, catalogue)?, parameters))
}

/// The definition with criteria that no rendered value can change.
fn close_criteria(written: &Value) -> Value {
    let mut definition = written.clone();
    if let Some(tree) = definition.get_mut("where") {
        criteria::close(tree);
    }
    definition
}

fn read_action(
    name: &str,
    written: &Value,
    path: &str,
    (catalogue, choice): (&Catalogue, Choice<'_>),
) -> Result<ActionWork, Vec<Fault>> {
    let found = catalogue.find(name, choice);
    let found = found.map_err(|unknown| vec![Fault::at(field(path, "action"), unknown.to_string())])?;
    let offered = found.offered;
    let place = field(path, "parameters");
    let parameters = written.get("parameters").cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    let mut faults = offered.schema.faults(&parameters, &place, Reading::Written);
    match Template::parse(&parameters, &place, |name| offered.spec.is_raw(name)) {
        Ok(parameters) if faults.is_empty() => {
            let schema = Arc::clone(&offered.schema);
            Ok(ActionWork {
                action: offered.spec.full_name(),
                name: offered.spec.name.clone(),
                module: found.offering.installed.info.named(),
                pin: found.pin(),
                intake: offered.spec.intake,
                batching: offered.spec.batching(),
                parameters,
                schema,
            })
        }
        template => {
            faults.extend(template.err().into_iter().flatten());
            Err(faults)
        }
    }
}

impl OnError {
    fn from_word(word: Option<&str>) -> Self {
        match word {
            Some("stop") => Self::Stop,
            Some("continue") => Self::Continue,
            _ => Self::Inherit,
        }
    }
}
