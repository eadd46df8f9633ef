//! One attempt at a job result: the set on its way through the lines.

use std::sync::Arc;

use chrono_tz::Tz;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;
use values::template::Context;

use super::engine::Engine;
use super::perform::{Broken, Done, Performed};
use super::{act, select};
use crate::model::dates;
use crate::model::job::Job;
use crate::model::line::{Line, Work};
use crate::model::organization::{OrgScope, Organization};
use crate::model::record::{Records, Rejected, Sample, kept, kept_sentence, sample_of_rejected};
use crate::model::result::{Counters, JobResult, KEPT_REJECTED, LineResult};
use crate::model::status::Status;
use crate::model::variables::{self, Setting, VISIBLE_RECORDS};
use crate::ports::actions::Told;
use crate::ports::notices::{Change, Progress};
use crate::ports::queue::{Claimed, Finish, Lease, LeaseError};

/// Why the rest of the lines is skipped.
enum Rest {
    AfterStop(u32),
    AfterEmpty(u32),
}

/// One attempt at a job result: the set on its way through the lines.
pub(crate) struct Attempt<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) lease: Lease,
    pub(crate) job: &'a Job,
    pub(crate) result: JobResult,
    pub(crate) organization: &'a Organization,
    pub(crate) zone: Tz,
    pub(crate) kill: CancellationToken,
    variables: Map<String, Value>,
    records: Arc<Records>,
    lines: Vec<LineResult>,
    rejected: Vec<(u32, Rejected)>,
    rest: Option<Rest>,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(
        engine: &'a Engine,
        lease: Lease,
        claimed: Claimed,
        job: &'a Job,
        organization: &'a Organization,
        kill: CancellationToken,
    ) -> Self {
        let zone = job.time_zone.unwrap_or(organization.time_zone);
        let result = claimed.result;
        let about = (organization.key.as_str(), organization.name.as_str());
        let setting =
            Setting { result: &result, job_name: &job.name, organization: about, now: result.created_at, zone };
        let variables = variables::frame(&setting);
        let (lines, rejected) = (Vec::new(), Vec::new());
        Self {
            engine,
            lease,
            job,
            result,
            organization,
            zone,
            kill,
            variables,
            records: Arc::new(claimed.records),
            lines,
            rejected,
            rest: None,
        }
    }

    /// Does a line, or says why it is skipped.
    pub(crate) async fn line(&mut self, line: &Line) -> Result<(), LeaseError> {
        if let Some(reason) = self.reason_to_skip(line) {
            let skipped = self.new_line(line, Status::Skipped, reason);
            return self.end_line(skipped).await;
        }
        let mut result = self.new_line(line, Status::Running, String::new());
        result.counters.records_in = self.records.len() as u64;
        self.engine.queue.record(self.lease, &result).await?;
        self.engine.tell(self.lease.organization, self.lease.result, Change::Status);
        let worked = self.work(line, &mut result).await;
        self.settle(line, result, worked).await
    }

    fn reason_to_skip(&self, line: &Line) -> Option<String> {
        match self.rest {
            _ if !line.active => Some("The line is inactive.".to_owned()),
            Some(Rest::AfterStop(line_no)) => Some(format!("The job had stopped at line {line_no}.")),
            Some(Rest::AfterEmpty(line_no)) => Some(format!("Nothing was left after line {line_no}.")),
            None => None,
        }
    }

    async fn work(&mut self, line: &Line, result: &mut LineResult) -> Result<Done, Broken> {
        let context = self.context(line)?;
        let rendered = line.render(&context).map_err(Broken::of_faults)?;
        result.parameters = kept(&rendered);
        let mut told = Told::default();
        let done = match &line.work {
            Work::Filter(work) => select::select(self, line, (work, rendered), &mut told).await,
            Work::Action(work) => act::act(self, line, (work.as_ref(), &rendered), &self.records(), &mut told).await,
        };
        (result.log, result.effects) = (told.log, told.effects);
        done
    }

    /// The variables of a line. The set is shown only where it is asked for.
    fn context(&self, line: &Line) -> Result<Context, Broken> {
        let mut variables = self.variables.clone();
        variables.insert("count".to_owned(), self.records.len().into());
        if line.variables().iter().any(|(_, variable)| matches!(variable.root(), "records" | "")) {
            let visible = self.records.iter().take(VISIBLE_RECORDS).cloned().collect();
            variables.insert("records".to_owned(), Value::Array(visible));
        }
        Context::wraps(Value::Object(variables)).map_err(|error| Broken::Error(error.to_string()))
    }

    async fn settle(
        &mut self,
        line: &Line,
        mut result: LineResult,
        worked: Result<Done, Broken>,
    ) -> Result<(), LeaseError> {
        match worked {
            Err(Broken::Killed) => {
                let told = Told { log: result.log, effects: result.effects };
                let scope = OrgScope::of(self.lease.organization);
                self.engine.results.tell(scope, self.lease.result, line.line_no, &told).await?;
                return Err(LeaseError::Lost);
            }
            Err(Broken::Error(message)) => {
                (result.status, result.message) = (Status::Error, message);
                self.rest = line.stops(self.job.stops_on_error).then_some(Rest::AfterStop(line.line_no));
            }
            Ok(done) => self.take_up(line, &mut result, done),
        }
        self.end_line(result).await
    }

    fn take_up(&mut self, line: &Line, result: &mut LineResult, done: Done) {
        let counters = Counters {
            records_in: done.records_in,
            records_out: done.records.len() as u64,
            records_rejected: done.rejected.len() as u64,
        };
        (result.status, result.message, result.counters) = (done.status, done.message, counters);
        result.sample = Sample::of(&done.records);
        result.rejected = sample_of_rejected(&done.rejected, KEPT_REJECTED);
        self.rejected.extend(done.rejected.into_iter().map(|rejected| (line.line_no, rejected)));
        if done.status == Status::Error {
            self.rest = line.stops(self.job.stops_on_error).then_some(Rest::AfterStop(line.line_no));
            return;
        }
        self.records = Arc::new(done.records);
        let empty_filter = matches!(line.work, Work::Filter(_)) && self.records.is_empty();
        if empty_filter && !self.job.continues_when_empty {
            self.rest = Some(Rest::AfterEmpty(line.line_no));
        }
    }

    async fn end_line(&mut self, mut result: LineResult) -> Result<(), LeaseError> {
        result.finished_at = Some(self.engine.clock.now());
        result.message = kept_sentence(&result.message);
        self.engine.queue.record(self.lease, &result).await?;
        self.engine.tell(self.lease.organization, self.lease.result, Change::Status);
        let seen = variables::of_line(&result);
        if let Some(Value::Object(lines)) = self.variables.get_mut("lines") {
            let ids = [Some(result.line_no.to_string()), result.name.clone()];
            lines.extend(ids.into_iter().flatten().map(|id| (id, seen.clone())));
        }
        self.lines.push(result);
        Ok(())
    }

    fn new_line(&self, line: &Line, status: Status, message: String) -> LineResult {
        LineResult {
            line_no: line.line_no,
            name: line.name.clone(),
            kind: line.kind(),
            action: line.action().map(str::to_owned),
            status,
            message,
            started_at: (status == Status::Running).then(|| self.engine.clock.now()),
            finished_at: None,
            counters: Counters::default(),
            parameters: Value::Null,
            sample: Sample::default(),
            rejected: Vec::new(),
            log: Vec::new(),
            effects: Vec::new(),
        }
    }

    /// Ends the result with what its lines came to.
    pub(crate) async fn finish(self) -> Result<Performed, LeaseError> {
        let (status, message) = verdict(&self.lines, self.rest.as_ref(), self.records.len());
        let first = self.lines.iter().find(|line| line.status != Status::Skipped);
        let counters = Counters {
            records_in: first.map_or(0, |line| line.counters.records_in),
            records_out: self.records.len() as u64,
            records_rejected: self.lines.iter().map(|line| line.counters.records_rejected).sum(),
        };
        let message = kept_sentence(&message);
        let finish = Finish { status, message, at: self.engine.clock.now(), counters };
        let result = self.engine.queue.finish(self.lease, finish).await?;
        self.engine.tell(self.lease.organization, self.lease.result, Change::Status);
        let records = Arc::unwrap_or_clone(self.records);
        Ok(Performed { result, lines: self.lines, records, rejected: self.rejected })
    }

    /// The set as it stands before the line that runs now.
    pub(crate) fn records(&self) -> Arc<Records> {
        Arc::clone(&self.records)
    }

    /// Shows how far the line is.
    pub(crate) fn progress(&self, line: &Line, taken: usize, of: usize) {
        let progress =
            Progress { line_no: line.line_no, line: line.title().to_owned(), taken: taken as u64, of: of as u64 };
        self.engine.running.set_progress(self.lease.result, progress.clone());
        self.engine.tell(self.lease.organization, self.lease.result, Change::Progress(progress));
    }

    /// The date variables, as actions see them.
    pub(crate) fn dates(&self) -> Value {
        Value::Object(dates::variables(self.result.created_at, self.zone))
    }
}

/// How the job ends, and the sentence that says so.
fn verdict(lines: &[LineResult], rest: Option<&Rest>, records: usize) -> (Status, String) {
    let worked: Vec<_> = lines.iter().filter(|line| line.status != Status::Skipped).collect();
    let status = Status::of_job(worked.iter().map(|line| line.status));
    let worst = worked.iter().find(|line| line.status == status);
    let stopped_at = |line_no: u32| lines.iter().find(|line| line.line_no == line_no);
    match (status, rest, worst) {
        (Status::Error, Some(Rest::AfterStop(line_no)), _) => {
            let told = stopped_at(*line_no).map_or_else(String::new, |line| {
                let before = act::counted(usize::try_from(line.counters.records_in).unwrap_or(usize::MAX));
                format!("Stopped at line {} after {before}: {}", line.called(), line.message)
            });
            (status, told)
        }
        (Status::Error, _, Some(line)) => (status, format!("Line {} failed: {}", line.called(), line.message)),
        (Status::Warning, _, Some(line)) => (status, format!("Line {}: {}", line.called(), line.message)),
        (_, Some(Rest::AfterEmpty(line_no)), _) => (Status::Info, format!("Nothing matched at line {line_no}.")),
        _ if worked.is_empty() => (Status::Info, "No line is active.".to_owned()),
        _ if worked.iter().all(|line| line.status == Status::Info) => {
            (Status::Info, "There was nothing to do.".to_owned())
        }
        _ => (status, format!("{}; {} came out.", lines_did(worked.len()), act::counted(records))),
    }
}

fn lines_did(count: usize) -> String {
    if count == 1 { "The line did its work".to_owned() } else { format!("All {count} lines did their work") }
}
