//! The variables of templates: their values in a job result, and the names that a template may use.

use chrono_tz::Tz;
use serde_json::{Map, Value, json};
use values::template::Variable;

use super::fault::{Fault, MOST_FAULTS, did_you_mean};
use super::result::{JobResult, LineResult};
use super::{Instant, dates};

/// Records of the set that a template may see.
pub const VISIBLE_RECORDS: usize = 1000;

/// The fields of `result` in the record of a notification.
pub const FIELDS_OF_RESULT: [&str; 12] = [
    "id",
    "status",
    "message",
    "title",
    "startedBy",
    "dryRun",
    "attempt",
    "createdAt",
    "startedAt",
    "finishedAt",
    "durationMs",
    "counters",
];

/// The names that a template may use besides those that are known everywhere.
#[derive(Debug, Default)]
pub struct Names<'a> {
    /// Where the template is used.
    pub location: TemplateLocation,
    /// The arguments of the job; none if any name is allowed.
    pub arguments: Option<&'a [String]>,
    /// The values of the filter template; none if any name is allowed.
    pub values: Option<Vec<String>>,
    /// The number of each line with an identifier that templates may use for it.
    pub lines: &'a [(u64, String)],
    /// The number of the line: only lines with a lower number have a result.
    pub line_no: u64,
    /// Whether the line may run after an error has stopped the job.
    pub after_stop: bool,
}

/// Where a template is used. This decides which variables it has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TemplateLocation {
    /// In a line of a job.
    #[default]
    Line,
    /// In a notification rule.
    Notification,
    /// In a filter template. Only its values are checked here; arguments and lines are checked in the
    /// job that uses it.
    FilterTemplate,
}

/// The variables of notification rules besides dates.
const ROOTS_OF_NOTIFICATIONS: [&str; 7] = ["timeZone", "job", "result", "organization", "startedBy", "records", "this"];

const NO_SECRETS: &str = "this version keeps no secrets; do not write one into a job or pass it as an argument, because \
                          everybody who may read the job or its results would see it";
const NOT_FAILED: &str = "`failed` is known only in lines with `runOn: error` or `runOn: always`";

/// The variables of lines besides dates.
const ROOTS: [&str; 14] = [
    "since",
    "firstRun",
    "failed",
    "scheduledAt",
    "timeZone",
    "args",
    "job",
    "result",
    "organization",
    "startedBy",
    "lines",
    "records",
    "count",
    "this",
];

impl Names<'_> {
    /// A fault for each of these variables that is not known, at the path of the text that reads it.
    pub fn faults(&self, variables: Vec<(String, Variable)>) -> Vec<Fault> {
        let faults = variables.into_iter().filter_map(|(path, variable)| Some(Fault::at(path, self.fault(&variable)?)));
        faults.take(MOST_FAULTS).collect()
    }

    /// One sentence that says why the variable is not known; none if it is.
    pub fn fault(&self, variable: &Variable) -> Option<String> {
        let path: Vec<&str> = variable.path.iter().map(String::as_str).collect();
        match path.as_slice() {
            [] => None,
            ["secret", ..] => Some(NO_SECRETS.to_owned()),
            ["failed", ..] if self.location == TemplateLocation::Line && !self.after_stop => {
                Some(NOT_FAILED.to_owned())
            }
            ["failed", name, ..] => unknown("failed", name, &["line", "lineNo", "message", "status"]),
            ["values", rest @ ..] => self.unknown_value(rest),
            [root, ..] if !self.knows(root) => Some(self.unknown_root(root)),
            ["args", name, ..] => self.unknown_argument(name),
            ["lines", ..] if self.location == TemplateLocation::FilterTemplate => None,
            ["lines", name, rest @ ..] => self.unknown_line(name, rest),
            ["job", name, ..] => unknown("job", name, &["key", "name", "version"]),
            ["result", name, ..] if self.location == TemplateLocation::Notification => {
                unknown("result", name, &FIELDS_OF_RESULT)
            }
            ["result", name, ..] => unknown("result", name, &["id", "attempt"]),
            ["organization", name, ..] => unknown("organization", name, &["key", "name"]),
            _ => None,
        }
    }

    fn roots(&self) -> &'static [&'static str] {
        if self.location == TemplateLocation::Notification { &ROOTS_OF_NOTIFICATIONS } else { &ROOTS }
    }

    fn knows(&self, root: &str) -> bool {
        self.roots().contains(&root) || dates::NAMES.contains(&root)
    }

    fn unknown_root(&self, root: &str) -> String {
        if ROOTS.contains(&root) {
            let known = ROOTS_OF_NOTIFICATIONS.iter().filter(|name| **name != "this").map(|name| format!("`{name}`"));
            let known = known.collect::<Vec<_>>().join(", ");
            return format!("`{root}` is known only in lines; a notification may use {known} and dates");
        }
        let own = (self.location == TemplateLocation::FilterTemplate).then_some("values");
        let known = self.roots().iter().copied().filter(|name| *name != "this").chain(own);
        let near = did_you_mean(root, known.chain(dates::NAMES));
        format!("there is no variable `{root}`{near}")
    }

    fn unknown_argument(&self, name: &str) -> Option<String> {
        let known = self.arguments?;
        if known.iter().any(|argument| argument == name) {
            return None;
        }
        let near = did_you_mean(name, known.iter().map(String::as_str));
        Some(format!("the job declares no argument `{name}`{near}"))
    }

    fn unknown_value(&self, path: &[&str]) -> Option<String> {
        if self.location != TemplateLocation::FilterTemplate {
            return Some("`values` is known only in filter templates; use `args` in a line".to_owned());
        }
        let (name, known) = (path.first()?, self.values.as_ref()?);
        if known.iter().any(|value| value == name) {
            return None;
        }
        let near = did_you_mean(name, known.iter().map(String::as_str));
        Some(format!("the template declares no value `{name}`{near}"))
    }

    /// One sentence that says why a line cannot be used here; none if it can.
    pub fn fault_of_line(&self, name: &str) -> Option<String> {
        if self.location == TemplateLocation::Line { self.unknown_line(name, &[]) } else { None }
    }

    fn unknown_line(&self, name: &str, rest: &[&str]) -> Option<String> {
        let earlier = self.lines.iter().filter(|(number, _)| *number < self.line_no);
        if !earlier.clone().any(|(_, line)| line == name) {
            if self.lines.iter().any(|(_, line)| line == name) {
                return Some(format!("line `{name}` has no result yet; use an earlier line"));
            }
            let near = did_you_mean(name, earlier.map(|(_, line)| line.as_str()));
            return Some(format!("there is no earlier line `{name}`{near}"));
        }
        rest.first().and_then(|field| {
            unknown(&format!("lines.{name}"), field, &["status", "count", "rejected", "message", "records"])
        })
    }
}

fn unknown(root: &str, name: &str, known: &[&str]) -> Option<String> {
    let near = did_you_mean(name, known.iter().copied());
    (!known.contains(&name)).then(|| format!("`{root}` has no field `{name}`{near}"))
}

/// The source of the variables that are the same in all lines of a job result.
#[derive(Debug, Clone)]
pub struct Setting<'a> {
    /// The job result.
    pub result: &'a JobResult,
    /// Name of the job.
    pub job_name: &'a str,
    /// Key and name of the organization.
    pub organization: (&'a str, &'a str),
    /// The clock reading that all templates of the result use.
    pub now: Instant,
    /// The time zone of the job.
    pub zone: Tz,
}

/// The variables before the first line.
pub fn frame(setting: &Setting<'_>) -> Map<String, Value> {
    let result = setting.result;
    let local = |instant: Instant| dates::stamp(&instant.with_timezone(&setting.zone));
    let mut variables = dates::variables(setting.now, setting.zone);
    let more = json!({
        "since": result.since.map_or_else(|| dates::BEGINNING.to_owned(), local),
        "firstRun": result.since.is_none(),
        "scheduledAt": result.scheduled.as_ref().map(|scheduled| local(scheduled.at)),
        "timeZone": setting.zone.name(),
        "args": result.arguments,
        "job": {"key": result.job, "name": setting.job_name, "version": result.version},
        "result": {"id": result.id.0.to_string(), "attempt": result.attempt},
        "organization": {"key": setting.organization.0, "name": setting.organization.1},
        "startedBy": result.started_by,
        "lines": {},
    });
    if let Value::Object(more) = more {
        variables.extend(more);
    }
    variables
}

/// The variable `lines.NAME` of a line that ended. Its `records` are added only where a template uses
/// them.
pub fn of_line(line: &LineResult) -> Value {
    json!({
        "status": line.status.word(),
        "count": line.counters.records_out,
        "rejected": line.counters.records_rejected,
        "message": line.message,
    })
}

/// The variable `failed`: the line that stopped the job. Without a stop, all its fields are null.
pub fn of_failed(line: Option<&LineResult>) -> Value {
    json!({
        "line": line.map(|line| line.name.clone().unwrap_or_else(|| line.line_no.to_string())),
        "lineNo": line.map(|line| line.line_no),
        "message": line.map(|line| line.message.as_str()),
        "status": line.map(|line| line.status.word()),
    })
}
