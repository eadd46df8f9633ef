//! The variables that the templates of a line see.

use chrono_tz::Tz;
use serde_json::{Map, Value};
use values::template::{Context, Variable};

use super::Attempt;
use super::skip_reason::SkipReason;
use crate::execution::outcome::LineError;
use crate::model::fault::Fault;
use crate::model::job::Job;
use crate::model::line::{Line, RunOn};
use crate::model::notify;
use crate::model::organization::Organization;
use crate::model::result::{JobResult, LineResult};
use crate::model::variables::{self, Setting, VISIBLE_RECORDS};
use crate::records::counted;

/// The variables of a notification, which describe the result that it reports; none if the result is no notification.
pub(super) fn of_notification(
    result: &JobResult,
    job: &Job,
    organization: &Organization,
    zone: Tz,
    records: &[Value],
) -> Option<Map<String, Value>> {
    let (Some(_), [summary]) = (result.notification_of, records) else { return None };
    let started_by = summary["result"]["startedBy"].as_str().unwrap_or_default().to_owned();
    let subject = JobResult { job: job.key.clone(), started_by, ..result.clone() };
    Some(notify::variables(&setting(&subject, job, organization, zone), summary))
}

fn setting<'a>(result: &'a JobResult, job: &'a Job, organization: &'a Organization, zone: Tz) -> Setting<'a> {
    let organization = (organization.key.as_str(), organization.name.as_str());
    Setting { result, job_name: &job.name, organization, now: result.now, zone }
}

impl Attempt<'_> {
    /// The variables of a line. Records and earlier lines are only added if its templates name them.
    pub(super) fn context(&self, line: &Line) -> Result<Context, LineError> {
        if !line.needs_variables() {
            return Ok(Context::null());
        }
        let frame = || variables::frame(&setting(&self.result, self.job, self.organization, self.zone));
        let mut variables = self.frame.get_or_init(frame).clone();
        variables.insert("count".to_owned(), self.records.len().into());
        if line.run_on != RunOn::Success {
            variables.insert("failed".to_owned(), variables::of_failed(self.find_failed_line()));
        }
        let named = line.variables();
        if variables.contains_key("lines") {
            variables.insert("lines".to_owned(), Value::Object(self.lines_named(&named)));
        }
        self.add_records(named, &mut variables)?;
        Context::wraps(Value::Object(variables)).map_err(|error| LineError::Failed(error.to_string()))
    }

    /// The variable `lines`: the lines that these variables name. If one names `lines` as a whole, or a line that has not
    /// ended, it has all lines that have ended.
    fn lines_named(&self, variables: &[(String, Variable)]) -> Map<String, Value> {
        let named: Option<Vec<_>> = variables
            .iter()
            .filter(|(_, variable)| matches!(variable.root(), "lines" | ""))
            .map(|(_, variable)| {
                let id = variable.path.get(1)?;
                Some((id.clone(), self.find_line(id)?))
            })
            .collect();
        let all = || {
            self.lines.iter().flat_map(|line| {
                let ids = [Some(line.line_no.to_string()), line.name.clone()];
                ids.into_iter().flatten().map(move |id| (id, line))
            })
        };
        let visible = |(id, line)| (id, variables::of_line(line));
        match named {
            Some(named) => named.into_iter().map(visible).collect(),
            None => all().map(visible).collect(),
        }
    }

    /// Adds the records that the templates of a line name. A list that would have to be cut is an error.
    fn add_records(&self, named: Vec<(String, Variable)>, variables: &mut Map<String, Value>) -> Result<(), LineError> {
        for (place, variable) in named {
            let path: Vec<_> = variable.path.iter().map(String::as_str).collect();
            match path[..] {
                ["records", ref below @ ..] => {
                    let first = self.records.first(VISIBLE_RECORDS);
                    if !is_covered(first, self.records.len(), below) {
                        let cure = "choose fewer with a filter, or use an action that takes the set itself";
                        return Err(too_many(&place, "records", self.records.len(), cure));
                    }
                    variables.insert("records".to_owned(), Value::Array(first.to_vec()));
                }
                ["lines", id, "records", ref below @ ..] => {
                    let Some(earlier) = self.find_line(id) else { continue };
                    let (first, count) = (&earlier.sample.records, earlier.counters.records_out);
                    let count = usize::try_from(count).unwrap_or(usize::MAX);
                    if !is_covered(first, count, below) {
                        let cure = format!("read them all with the source {{ line: {id} }} of a filter");
                        return Err(too_many(&place, &format!("lines.{id}.records"), count, &cure));
                    }
                    variables["lines"][id]["records"] = Value::Array(first.to_vec());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// An earlier line, by its name or its number.
    fn find_line(&self, id: &str) -> Option<&LineResult> {
        let number = id.parse::<u32>().ok().filter(|number| number.to_string() == id);
        self.lines.iter().find(|line| line.name.as_deref() == Some(id) || Some(line.line_no) == number)
    }

    /// The line whose error stopped the job.
    fn find_failed_line(&self) -> Option<&LineResult> {
        let stopped_at = self.skip_reason.and_then(SkipReason::stopped_at)?;
        self.lines.iter().find(|line| line.line_no == stopped_at)
    }
}

/// Whether the first records of a set are all that a template reads: because the set has no more, or because the
/// template names one of them by its position. `path` is what the template names below the list.
fn is_covered(first: &[Value], count: usize, path: &[&str]) -> bool {
    let position = path.first().and_then(|position| position.parse::<usize>().ok());
    first.len() == count || position.is_some_and(|position| position < first.len() || position >= count)
}

fn too_many(place: &str, name: &str, count: usize, cure: &str) -> LineError {
    let message = format!("`{name}` has {}, but a template can see at most {VISIBLE_RECORDS}; {cure}", counted(count));
    Fault::at(place, message).into()
}
