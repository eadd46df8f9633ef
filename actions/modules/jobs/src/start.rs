//! `job.start`: starts another job, once or for each record, and can wait for its end.

use ropewalk_sdk::{Action, Context, Failure, Outcome, Records, Rejection, Severity, Value, jobs, json};
use serde::Deserialize;
use serde_json::Map;

#[derive(Deserialize)]
pub struct Parameters {
    job: String,
    #[serde(default)]
    arguments: Map<String, Value>,
    #[serde(default)]
    records: Handed,
    title: Option<String>,
    #[serde(default)]
    wait: bool,
    #[serde(default)]
    response: Response,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Handed {
    #[default]
    None,
    Set,
    Each,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Response {
    #[default]
    Ignore,
    Records,
}

pub struct Start {
    start: jobs::Start,
    handed: Handed,
    wait: bool,
    response: Response,
    dry_run: bool,
    set: Vec<Value>,
    /// How many jobs were started for single records.
    started: usize,
}

impl Action for Start {
    const NAME: &'static str = "job.start";
    const TITLE: &'static str = "Start a job";
    const SUMMARY: &'static str = "Starts another job of the organization, once or for each record, and can wait for its end. The records stay unchanged, or are replaced by those of the started job.";
    type Parameters = Parameters;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["job"],
            "additionalProperties": false,
            "properties": {
                "job": {
                    "type": "string",
                    "minLength": 1,
                    "title": "Job",
                    "description": "Key of the job to start.",
                    "examples": ["weekly-report"]
                },
                "arguments": {
                    "type": "object",
                    "default": {},
                    "title": "Arguments",
                    "description": "Arguments of the job. Its defaults apply to arguments that are missing.",
                    "examples": [{ "day": "$<today>", "top": 5 }]
                },
                "records": {
                    "enum": ["none", "set", "each"],
                    "default": "none",
                    "title": "Records",
                    "description": "none starts the job once without records. set starts it once with all records as the set of its first line, and not at all if there are none. each starts it for each record, with that record as its set."
                },
                "wait": {
                    "type": "boolean",
                    "default": false,
                    "title": "Wait",
                    "description": "Whether the line waits until the started jobs have ended. No worker is busy meanwhile. If a started job ends in error or is killed, the line fails; with records: each, the record is rejected. If the result of this job is killed, the started jobs are killed too."
                },
                "response": {
                    "enum": ["ignore", "records"],
                    "default": "ignore",
                    "title": "Response",
                    "description": "Needs wait. records replaces the records of this line with those of the last lines of the started jobs. A last line with more records than a sample needs keep: true."
                },
                "title": {
                    "type": "string",
                    "minLength": 1,
                    "title": "Title",
                    "description": "Title of the result of the job.",
                    "examples": ["Reminders of $<today>"]
                }
            }
        })
    }

    fn open(parameters: Parameters, context: &Context) -> Result<Start, Failure> {
        let Parameters { job, arguments, records, title, wait, response } = parameters;
        if response == Response::Records && !wait {
            return Err(Failure::new("response: the records of the job are only known at its end; write wait: true"));
        }
        let start = jobs::Start { title, ..jobs::start(job).arguments(arguments) };
        let dry_run = context.dry_run;
        Ok(Start { start, handed: records, wait, response, dry_run, set: Vec::new(), started: 0 })
    }

    fn take(&mut self, records: Records) -> Result<Outcome, Failure> {
        match self.handed {
            Handed::Each => return self.start_each(records.values()?),
            Handed::Set => self.set.extend(records.values()?),
            Handed::None => {}
        }
        // The records of the job replace these.
        let replaced = self.response == Response::Records && !self.dry_run;
        Ok(if replaced { Outcome::of(Vec::new()) } else { Outcome::unchanged() })
    }

    /// The job is started here, because the set is complete only now, and because this is called for an
    /// empty set too.
    fn close(&mut self) -> Result<Outcome, Failure> {
        let count = self.set.len();
        match self.handed {
            Handed::Each => return Ok(Outcome::unchanged()),
            Handed::Set if count == 0 => {
                let message = format!("There are no records, so `{}` was not started.", self.start.job);
                return Ok(Outcome::unchanged().saying(message).with(Severity::Info));
            }
            Handed::Set => self.start.records = Some(std::mem::take(&mut self.set).into()),
            Handed::None => {}
        }
        let result = self.send(&self.start)?;
        if !self.wait || self.dry_run {
            return Ok(Outcome::unchanged().saying(self.message(count, &result)));
        }
        let ended = self
            .ended()?
            .into_iter()
            .next()
            .ok_or_else(|| Failure::new("The result of the started job no longer exists."))?;
        if ended.failed() {
            return Err(Failure::new(describe(&ended)));
        }
        let severity = match ended.status.as_str() {
            "warning" => Severity::Warning,
            "info" => Severity::Info,
            _ => Severity::Success,
        };
        let message = describe(&ended);
        let outcome = match (self.response, ended.records) {
            (Response::Records, Some(records)) => Outcome::of(records.values()?),
            _ => Outcome::unchanged(),
        };
        Ok(outcome.saying(message).with(severity))
    }
}

impl Start {
    fn send(&self, start: &jobs::Start) -> Result<String, Failure> {
        Ok(if self.wait { start.awaited()? } else { start.now()? })
    }

    /// How the started jobs ended. Fails while some have not ended; the host then passes the batch again
    /// when they have.
    fn ended(&self) -> Result<Vec<jobs::Ended>, Failure> {
        let waiting = || Failure::new(format!("The line waits for `{}` to end.", self.start.job));
        jobs::wait(self.response == Response::Records)?.ok_or_else(waiting)
    }

    fn start_each(&mut self, records: Vec<Value>) -> Result<Outcome, Failure> {
        let count = records.len();
        for record in &records {
            let start = jobs::Start { records: Some(vec![record.clone()].into()), ..self.start.clone() };
            self.send(&start)?;
        }
        self.started += count;
        let verb = if self.dry_run { "Would start" } else { "Started" };
        let message = format!("{verb} `{}` {}.", self.start.job, words::counted(self.started, "time"));
        if !self.wait || self.dry_run {
            return Ok(Outcome::unchanged().saying(message));
        }
        self.outcome_of_each(self.ended()?).map(|outcome| outcome.saying(message))
    }

    fn outcome_of_each(&self, ended: Vec<jobs::Ended>) -> Result<Outcome, Failure> {
        let (mut rejected, mut passed_on) = (Vec::new(), Vec::new());
        let mut warned = false;
        for (index, ended) in (0..).zip(ended) {
            warned |= ended.status == "warning";
            if ended.failed() {
                rejected.push(Rejection { index, reason: describe(&ended) });
            } else if let Some(records) = ended.records {
                passed_on.extend(records.values()?);
            }
        }
        let outcome = match self.response {
            Response::Records => Outcome::of(passed_on),
            Response::Ignore => Outcome::unchanged(),
        };
        Ok(outcome.rejecting(rejected).with(if warned { Severity::Warning } else { Severity::Success }))
    }

    fn message(&self, count: usize, result: &str) -> String {
        let job = &self.start.job;
        let with = if count == 0 { String::new() } else { format!(" with {}", words::records(count)) };
        match self.dry_run {
            true => format!("Would start `{job}`{with}."),
            false => format!("Started `{job}`{with}; its result is {result}."),
        }
    }
}

fn describe(ended: &jobs::Ended) -> String {
    format!("`{}` ended as {}: {}", ended.job, ended.status, ended.message)
}

#[cfg(test)]
mod tests;
