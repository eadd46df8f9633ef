//! `job.start`: starts another job, and does not wait for its end.

use ropewalk_sdk::{Action, Context, Failure, Outcome, Records, Severity, Value, jobs, json};
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
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Handed {
    #[default]
    None,
    Set,
}

pub struct Start {
    start: jobs::Start,
    handed: Handed,
    dry_run: bool,
    set: Vec<Value>,
}

impl Action for Start {
    const NAME: &'static str = "job.start";
    const TITLE: &'static str = "Start a job";
    const SUMMARY: &'static str = "Starts another job of the organization once, with or without the records, and does not wait for its end. The records go on unchanged.";
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
                    "description": "What the job is told; its own defaults fill what is left out.",
                    "examples": [{ "day": "$<today>", "top": 5 }]
                },
                "records": {
                    "enum": ["none", "set"],
                    "default": "none",
                    "title": "Records",
                    "description": "set hands all records to the job as the set of its first line; without any record nothing is started then. none starts it in any case."
                },
                "title": {
                    "type": "string",
                    "minLength": 1,
                    "title": "Title",
                    "description": "What to call the result of the job.",
                    "examples": ["Reminders of $<today>"]
                }
            }
        })
    }

    fn open(parameters: Parameters, context: &Context) -> Result<Start, Failure> {
        let Parameters { job, arguments, records, title } = parameters;
        let start = jobs::Start { title, ..jobs::start(job).arguments(arguments) };
        Ok(Start { start, handed: records, dry_run: context.dry_run, set: Vec::new() })
    }

    fn take(&mut self, records: Records) -> Result<Outcome, Failure> {
        if self.handed == Handed::Set {
            self.set.extend(records.values()?);
        }
        Ok(Outcome::unchanged())
    }

    /// Only now is the set complete, and a set that has no records is closed too.
    fn close(&mut self) -> Result<Outcome, Failure> {
        let count = self.set.len();
        if self.handed == Handed::Set && count == 0 {
            let message = format!("There are no records for `{}`, so it was not started.", self.start.job);
            return Ok(Outcome::unchanged().saying(message).with(Severity::Info));
        }
        if self.handed == Handed::Set {
            self.start.records = Some(std::mem::take(&mut self.set).into());
        }
        let result = self.start.now()?;
        Ok(Outcome::unchanged().saying(self.told(count, &result)))
    }
}

impl Start {
    fn told(&self, count: usize, result: &str) -> String {
        let job = &self.start.job;
        let with = if count == 0 { String::new() } else { format!(" with {}", words::records(count)) };
        match self.dry_run {
            true => format!("Would start `{job}`{with}."),
            false => format!("Started `{job}`{with}; its result is {result}."),
        }
    }
}

#[cfg(test)]
mod tests {
    use ropewalk_sdk::jobs::Error;
    use ropewalk_sdk::testing::{context, host, run, run_in};

    use super::*;

    #[test]
    fn starts_once_whatever_the_set() {
        let host = host();
        let parameters = json!({"job": "other", "arguments": {"n": 5}, "title": "Again"});
        let report = run::<Start>(parameters.clone(), &[json!([{"a": 1}]), json!([{"a": 2}])]).expect("runs");
        assert_eq!(report.message(), "Started `other`; its result is result-1.");
        assert_eq!(report.records, json!([{"a": 1}, {"a": 2}]));
        run::<Start>(parameters, &[]).expect("runs");
        let started = host.started();
        assert_eq!(started.len(), 2);
        assert_eq!((started[0].title.as_deref(), started[0].arguments.get("n")), (Some("Again"), Some(&json!(5))));
        assert!(started[0].records.is_none());
    }

    #[test]
    fn hands_the_whole_set_over() {
        let host = host();
        let parameters = json!({"job": "other", "records": "set"});
        let report = run::<Start>(parameters.clone(), &[json!([{"a": 1}]), json!([{"a": 2}])]).expect("runs");
        assert_eq!(report.message(), "Started `other` with 2 records; its result is result-1.");
        assert_eq!(host.started()[0].records.as_ref().map(Records::text), Some("[{\"a\":1},{\"a\":2}]"));
        let empty = run::<Start>(parameters.clone(), &[]).expect("runs");
        assert_eq!(empty.message(), "There are no records for `other`, so it was not started.");
        assert_eq!(empty.outcomes[0].severity, Severity::Info);
        assert_eq!(host.started().len(), 1);
        let dry = Context { dry_run: true, ..context() };
        let dry = run_in::<Start>(parameters, &[json!([{}])], &dry).expect("runs");
        assert_eq!(dry.message(), "Would start `other` with 1 record.");
    }

    #[test]
    fn what_goes_wrong_is_told() {
        let host = host();
        for (error, temporary) in
            [(Error::Invalid("no such job".to_owned()), false), (Error::Unavailable("away".to_owned()), true)]
        {
            host.refuse_starts(error);
            assert_eq!(run::<Start>(json!({"job": "x"}), &[]).expect_err("refused").temporary, temporary);
        }
    }
}
