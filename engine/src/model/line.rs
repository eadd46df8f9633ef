//! Lines: the parts of a job, each a filter or an action.

mod action_work;
mod condition;
mod filter_work;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use values::template::{Context, Variable};

use super::catalogue::{Catalogue, Choice};
use super::duration;
use super::fault::{Fault, field};
use super::result::LineKind;
use super::retry::Retry;
use super::variables::Names;

pub use action_work::ActionWork;
pub use condition::Condition;
pub use filter_work::FilterWork;

/// The highest `lineNo`. The job schema has the same limit.
pub const HIGHEST_LINE_NO: u32 = 1_000_000_000;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// A line of a valid job.
#[derive(Debug)]
pub struct Line {
    /// The number that orders the lines of a job.
    pub line_no: u32,
    /// Unique in the job.
    pub name: Option<String>,
    /// An inactive line is skipped.
    pub active: bool,
    /// What it does.
    pub work: Work,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// Whether an error ends the job.
    pub on_error: OnError,
    /// How it is tried again; only for actions.
    pub retry: Option<Retry>,
    /// Whether all records that it passes on are kept, for sources that read them later.
    pub keep: bool,
    /// The condition on the variables under which the line runs; none if it always runs.
    pub when: Option<Condition>,
    /// Whether it runs before or after an error has stopped the job.
    pub run_on: RunOn,
    /// Whether a field that it names may be missing in all records.
    pub fields_optional: bool,
    /// Its path in the job's document, such as `lines[2]`.
    pub path: String,
}

/// What a line does.
#[derive(Debug)]
pub enum Work {
    /// Chooses records.
    Filter(Box<FilterWork>),
    /// Processes records.
    Action(Box<ActionWork>),
}

/// Whether a line runs before or after an error has stopped the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOn {
    /// While no error has stopped the job.
    Success,
    /// Only after an error has stopped it.
    Error,
    /// In both cases.
    Always,
}

/// What an error of a line does to the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// As the job's `stopsOnError` says.
    Inherit,
    /// Ends the job.
    Stop,
    /// The job continues with the line's input.
    Continue,
}

impl Line {
    /// Reads a line whose shape was checked.
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
        let when = read_when(written, path).unwrap_or_else(|more| {
            faults.extend(more);
            None
        });
        faults.extend(fault_of_on_error(written, path, choice));
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
            when,
            run_on: RunOn::from_word(written["runOn"].as_str()),
            fields_optional: written["fields"] == "optional",
            path: path.to_owned(),
        })
    }

    /// Whether an error of this line ends its job. An error of a filter always does, because there are
    /// no records to continue with.
    pub fn stops(&self, job_stops: bool) -> bool {
        match (&self.work, self.on_error) {
            (Work::Filter(_), _) | (_, OnError::Stop) => true,
            (_, OnError::Inherit) => job_stops,
            (_, OnError::Continue) => false,
        }
    }

    /// Whether it is a filter or an action.
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

    /// The line as messages name it: its name, or else its action.
    pub fn title(&self) -> &str {
        self.name.as_deref().or(self.action()).unwrap_or("filter")
    }

    /// Every variable that is used when the line runs, with the path of the text that uses it.
    pub fn variables(&self) -> Vec<(String, Variable)> {
        let mut variables = match &self.work {
            Work::Filter(work) => work.variables(&field(&self.path, "filter")),
            Work::Action(work) => work.parameters.variables(&field(&self.path, "parameters")),
        };
        variables.extend(self.variables_of_condition());
        variables
    }

    fn variables_of_condition(&self) -> Vec<(String, Variable)> {
        self.when.as_ref().map(|when| when.variables(&field(&self.path, "when"))).unwrap_or_default()
    }

    /// A fault for every unknown variable.
    pub fn faults_of_names(&self, names: &Names<'_>) -> Vec<Fault> {
        match &self.work {
            Work::Filter(work) => {
                let mut faults = work.faults_of_names(names, &field(&self.path, "filter"));
                faults.extend(names.faults(self.variables_of_condition()));
                let named = work.lines.iter();
                faults.extend(
                    named.filter_map(|(place, line)| Some(Fault::at(place, names.fault_of_line(&line.to_string())?))),
                );
                faults
            }
            Work::Action(_) => names.faults(self.variables()),
        }
    }

    /// Renders the filter definition or the parameters with these variables.
    ///
    /// # Errors
    /// Texts that cannot be rendered, and values that do not fit the filter template.
    pub fn render(&self, variables: &Context) -> Result<Arc<Value>, Vec<Fault>> {
        match (self.constant(), &self.work) {
            (Some(constant), _) => Ok(Arc::clone(constant)),
            (None, Work::Filter(work)) => work.render(variables, &field(&self.path, "filter")).map(Arc::new),
            (None, Work::Action(work)) => {
                let rendered = work.parameters.render(variables, &field(&self.path, "parameters"));
                rendered.map(Arc::new).map_err(|fault| vec![fault])
            }
        }
    }

    /// The filter definition or the parameters, if they have no placeholder.
    fn constant(&self) -> Option<&Arc<Value>> {
        match &self.work {
            Work::Filter(work) => work.constant.as_ref(),
            Work::Action(work) => work.constant.as_ref(),
        }
    }

    /// Whether anything of it is rendered with variables.
    pub fn needs_variables(&self) -> bool {
        self.constant().is_none() || self.when.is_some()
    }
}

fn read_work(written: &Value, path: &str, catalogue: (&Catalogue, Choice<'_>)) -> Result<Work, Vec<Fault>> {
    let fault = |place: &str, message: &str| Err(vec![Fault::at(place, message)]);
    match (written.get("filter"), written.get("action").and_then(Value::as_str)) {
        (Some(_), None) if written.get("parameters").is_some() => {
            fault(&field(path, "parameters"), "belong to an action; write everything about a filter in `filter`")
        }
        (Some(filter), None) => {
            FilterWork::read(filter, &field(path, "filter"), catalogue).map(|work| Work::Filter(Box::new(work)))
        }
        (None, Some(action)) => {
            ActionWork::read(action, written, path, catalogue).map(|work| Work::Action(Box::new(work)))
        }
        (Some(_), Some(_)) => fault(path, "has both `filter` and `action`; split it into two lines"),
        (None, None) => fault(path, "has neither `filter` nor `action`; add one of them"),
    }
}

fn read_when(written: &Value, path: &str) -> Result<Option<Condition>, Vec<Fault>> {
    let read = |when| Condition::read(when, &field(path, "when"));
    written.get("when").map(read).transpose()
}

/// Earlier versions allowed a job to continue after a filter in error. Jobs that were saved then stay
/// valid, but their filters now end the job.
fn fault_of_on_error(written: &Value, path: &str, choice: Choice<'_>) -> Option<Fault> {
    let continues = written.get("filter").is_some() && written["onError"] == "continue";
    let message =
        "a filter in error always ends the job, because there are no records to continue with; remove `onError`";
    (continues && matches!(choice, Choice::Newest(_))).then(|| Fault::at(field(path, "onError"), message))
}

/// Only an action can report a failure as temporary.
fn read_retry(written: &Value, path: &str) -> Result<Option<Retry>, Vec<Fault>> {
    let place = field(path, "retry");
    match written.get("retry") {
        None => Ok(None),
        Some(_) if written.get("filter").is_some() => {
            Err(vec![Fault::at(place, "belongs to an action; an error of a filter is never temporary")])
        }
        Some(retry) => Retry::read(retry, &place).map(Some),
    }
}

impl RunOn {
    fn from_word(word: Option<&str>) -> Self {
        match word {
            Some("error") => Self::Error,
            Some("always") => Self::Always,
            _ => Self::Success,
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
