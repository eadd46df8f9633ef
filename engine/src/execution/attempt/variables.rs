//! The variables that the templates of a line see.

use chrono_tz::Tz;
use serde_json::{Map, Value};
use values::template::Context;

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

/// The variables before the first line. Those of a notification describe the result that it reports.
pub(super) fn before_first_line(
    result: &JobResult,
    job: &Job,
    owner: &Organization,
    zone: Tz,
    records: &[Value],
) -> Map<String, Value> {
    let organization = (owner.key.as_str(), owner.name.as_str());
    let (job_name, now) = (job.name.as_str(), result.now);
    match (result.notification_of, records) {
        (Some(_), [summary]) => {
            let started_by = summary["result"]["startedBy"].as_str().unwrap_or_default().to_owned();
            let subject = JobResult { job: job.key.clone(), started_by, ..result.clone() };
            notify::variables(&Setting { result: &subject, job_name, organization, now, zone }, summary)
        }
        _ => variables::frame(&Setting { result, job_name, organization, now, zone }),
    }
}

impl Attempt<'_> {
    /// The variables of a line. Records are only added if its templates name them.
    pub(super) fn context(&self, line: &Line) -> Result<Context, LineError> {
        let mut variables = self.variables.clone();
        variables.insert("count".to_owned(), self.records.len().into());
        if line.run_on != RunOn::Success {
            variables.insert("failed".to_owned(), variables::of_failed(self.find_failed_line()));
        }
        self.add_records(line, &mut variables)?;
        Context::wraps(Value::Object(variables)).map_err(|error| LineError::Failed(error.to_string()))
    }

    /// Adds the records that the templates of a line name. A list that would have to be cut is an error.
    fn add_records(&self, line: &Line, variables: &mut Map<String, Value>) -> Result<(), LineError> {
        for (place, variable) in line.variables() {
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
                    variables["lines"][id]["records"] = Value::Array(first.clone());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes a line that has ended visible to the lines after it.
    pub(super) fn add_line_variables(&mut self, line: &LineResult) {
        let visible = variables::of_line(line);
        if let Some(Value::Object(lines)) = self.variables.get_mut("lines") {
            let ids = [Some(line.line_no.to_string()), line.name.clone()];
            lines.extend(ids.into_iter().flatten().map(|id| (id, visible.clone())));
        }
    }

    /// An earlier line, by its name or its number.
    fn find_line(&self, id: &str) -> Option<&LineResult> {
        self.lines.iter().find(|line| line.name.as_deref() == Some(id) || line.line_no.to_string() == id)
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
