//! One attempt at a job result: the set on its way through the lines.

mod journal;
mod resumed;
mod settle;
mod verdict;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;
use serde_json::{Map, Value};
use tokio::time::Instant as Moment;
use tokio_util::sync::CancellationToken;
use values::template::Context;

use super::checkpoint::LineCheckpoint;
use super::engine::Engine;
use super::line_sets::LineSets;
use super::perform::{Broken, Done, Halt, Performed, Unfinished};
use super::running::Live;
use super::set::Set;
use super::{act, select};
use crate::model::dates;
use crate::model::fault::{Fault, field};
use crate::model::job::Job;
use crate::model::line::{Line, RunOn, Work};
use crate::model::notify;
use crate::model::organization::{OrgScope, Organization};
use crate::model::record::{Rejected, Sample, kept};
use crate::model::result::{Counters, JobResult, LineResult};
use crate::model::status::Status;
use crate::model::variables::{self, Setting, VISIBLE_RECORDS};
use crate::ports::actions::Told;
use crate::ports::notices::{Change, Progress};
use crate::ports::parts::BatchDone;
use crate::ports::queue::{Claimed, Lease, LeaseError};
pub(crate) use journal::Journal;
use resumed::Resumed;
pub(crate) use resumed::read_parts;
use verdict::Rest;

/// How long a line may be at work before its record is written for whoever watches, and how
/// often it is written again. Shorter lines are written with the next write that has to be made.
const FIRST_NOTE: Duration = Duration::from_millis(50);
const NEXT_NOTES: Duration = Duration::from_secs(1);

/// One attempt at a job result: the set on its way through the lines.
pub(crate) struct Attempt<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) lease: Lease,
    pub(crate) job: &'a Job,
    pub(crate) result: JobResult,
    pub(crate) organization: &'a Organization,
    pub(crate) zone: Tz,
    pub(crate) kill: CancellationToken,
    live: Arc<Live>,
    journal: Journal,
    /// When the job's own time is over.
    deadline: Option<Moment>,
    variables: Map<String, Value>,
    records: Set,
    /// The set that a failed filter took, until a line that runs after the stop takes it.
    input_of_failed: Option<Set>,
    line_sets: LineSets,
    lines: Vec<LineResult>,
    rejected: Vec<(u32, Rejected)>,
    rest: Option<Rest>,
    failed_line: Option<u32>,
    resumed: Resumed,
}

/// What a line is at work with: its checkpoint, and what an earlier attempt recorded of it.
#[derive(Clone, Copy)]
pub(crate) struct AtLine<'a> {
    pub(crate) line: &'a Line,
    pub(crate) checkpoint: &'a Arc<LineCheckpoint>,
    pub(crate) done: &'a [BatchDone],
    /// How long it may take.
    pub(crate) timeout: Duration,
    pub(crate) attempt: u32,
}

impl<'a> Attempt<'a> {
    /// Begins, or goes on from where the result was.
    pub(crate) async fn begin(
        engine: &'a Engine,
        claimed: Claimed,
        job: &'a Job,
        organization: &'a Organization,
        live: &Arc<Live>,
    ) -> Result<Self, Halt> {
        let Claimed { lease, result, records, resume } = claimed;
        let zone = job.time_zone.unwrap_or(organization.time_zone);
        let variables = frame(&result, job, organization, zone, &records);
        let mut attempt = Self {
            engine,
            lease,
            job,
            organization,
            zone,
            kill: live.kill.clone(),
            live: Arc::clone(live),
            journal: Journal::of(engine, lease, Arc::clone(live), job.modules()),
            deadline: deadline(engine, job, &result),
            variables,
            records: Set::held(records),
            input_of_failed: None,
            line_sets: LineSets::of(&job.lines),
            lines: Vec::new(),
            rejected: Vec::new(),
            rest: None,
            failed_line: None,
            resumed: Resumed::default(),
            result,
        };
        if let Some(resume) = resume {
            attempt.go_on(resume).await?;
        }
        Ok(attempt)
    }

    /// Does a line, or says why it is skipped. A line that was done before is passed over.
    pub(crate) async fn line(&mut self, line: &Line) -> Result<(), Halt> {
        if self.resumed.is_past(line.line_no) {
            return Ok(());
        }
        let may_run = self.rest.is_none() || (line.run_on == RunOn::Always && !self.is_stopped());
        if may_run && self.is_over() {
            self.stop_before(line).await;
        }
        if let Some(reason) = self.reason_to_skip(line) {
            return self.skip(line, reason).await;
        }
        if let Some(input) = self.input_of_failed.take() {
            self.records = input;
        }
        self.join(line).await?;
        let unmet = self.unmet(line);
        if let Ok(Some(reason)) = unmet {
            return self.skip(line, reason).await;
        }
        let mut result = self.new_line(line, Status::Running, String::new());
        result.counters.records_in = self.records.len() as u64;
        self.live.line(&result);
        self.tell_status();
        if self.resumed.careful {
            self.journal.note().await?;
        }
        let worked = match (unmet, self.resumed.condemned) {
            (Err(broken), _) => Err(broken.into()),
            (_, Some(condemned)) if condemned == line.line_no => Err(resumed::condemned_line().into()),
            _ => self.watched(line, &mut result).await,
        };
        self.settle(line, result, worked).await
    }

    async fn skip(&mut self, line: &Line, reason: String) -> Result<(), Halt> {
        let skipped = self.new_line(line, Status::Skipped, reason);
        self.end_line(skipped).await
    }

    /// The job's time was over between two lines, or while a line waited for other jobs.
    async fn stop_before(&mut self, line: &Line) {
        self.rest = Some(Rest::BeforeLine(line.line_no));
        if self.resumed.is_at(line.line_no) {
            // Its input is kept, so that a retry can go on from it.
            self.failed_line.get_or_insert(line.line_no);
            let scope = OrgScope::of(self.lease.organization);
            let why = "the time of the job that waits for it was over";
            self.engine.kill_awaited(scope, &self.result, why).await;
        }
    }

    /// Whether an error, or the end of the job's time, has stopped the job.
    fn is_stopped(&self) -> bool {
        self.rest.is_some_and(|rest| !matches!(rest, Rest::AfterEmpty(_)))
    }

    fn reason_to_skip(&self, line: &Line) -> Option<String> {
        match (self.rest, line.run_on) {
            _ if !line.active => Some("The line is inactive.".to_owned()),
            (None | Some(Rest::AfterEmpty(_)), RunOn::Error) => {
                Some("No error had stopped the job before this line.".to_owned())
            }
            (Some(rest), RunOn::Success) => Some(rest.reason()),
            _ => None,
        }
    }

    /// Why the line's condition does not hold; none if it holds.
    fn unmet(&self, line: &Line) -> Result<Option<String>, Broken> {
        let Some(when) = &line.when else { return Ok(None) };
        when.unmet(&self.context(line)?, self.zone, &field(&line.path, "when")).map_err(Broken::of_faults)
    }

    /// Whether the job's own time is over.
    fn is_over(&self) -> bool {
        self.deadline.is_some_and(|end| end <= Moment::now())
    }

    /// Works on a line, and writes now and then how far it is.
    async fn watched(&self, line: &Line, result: &mut LineResult) -> Result<Done, Unfinished> {
        tokio::select! {
            biased;
            worked = self.work(line, result) => worked,
            never = self.note_now_and_then() => match never {},
        }
    }

    /// Writes how far the line is, for as long as it works.
    async fn note_now_and_then(&self) -> Infallible {
        let mut next = FIRST_NOTE;
        loop {
            tokio::time::sleep(next).await;
            next = NEXT_NOTES;
            match self.journal.note().await {
                Ok(()) => {
                    self.engine.health.working();
                    self.tell_status();
                }
                // What was killed is interrupted, and tells what it did until then.
                Err(LeaseError::Lost) => self.kill.cancel(),
                Err(LeaseError::Store(error)) => self.engine.health.paused(&error),
            }
        }
    }

    async fn work(&self, line: &Line, result: &mut LineResult) -> Result<Done, Unfinished> {
        let context = self.context(line)?;
        let rendered = line.render(&context).map_err(Broken::of_faults)?;
        result.parameters = kept(&rendered);
        self.live.line(result);
        let (made, done) = (self.resumed.is_at(line.line_no), self.resumed.done(line.line_no));
        let tries = self.resumed.tries(line.line_no);
        let (at, recorded) = ((line.line_no, tries), !done.is_empty());
        let sets = (self.records.clone(), self.line_sets.kept());
        let checkpoint = LineCheckpoint::of(self.journal.clone(), at, self.failed_line, sets, (made, recorded));
        let at_line =
            AtLine { line, checkpoint: &Arc::new(checkpoint), done, timeout: self.time_for(line), attempt: tries + 1 };
        let mut told = Told::default();
        let done = match &line.work {
            Work::Filter(work) => {
                select::select(self, at_line, (work, rendered), &mut told).await.map_err(Unfinished::from)
            }
            Work::Action(work) => act::act(self, at_line, (work.as_ref(), &rendered), &self.records, &mut told).await,
        };
        (result.log, result.effects) = (told.log, told.effects);
        match (at_line.checkpoint.refusal(), at_line.checkpoint.awaited(), done) {
            (Some(error), ..) => Err(Broken::Halted(error).into()),
            // Whatever the action made of it: it has not seen how the jobs ended.
            (None, Some(awaited), Err(unfinished)) if !matches!(unfinished.why, Broken::Killed) => {
                Err(Unfinished { why: Broken::Waiting(awaited), ..unfinished })
            }
            (_, _, done) => done,
        }
    }

    /// How long a line may take: its own time, but no longer than the job has left. After a stop it
    /// has all of its own time, so that a job whose time is over can still say so.
    fn time_for(&self, line: &Line) -> Duration {
        match self.deadline.filter(|_| !self.is_stopped()) {
            Some(end) => line.timeout.min(end.saturating_duration_since(Moment::now())),
            None => line.timeout,
        }
    }

    /// The variables of a line. Records are shown only where they are asked for.
    fn context(&self, line: &Line) -> Result<Context, Broken> {
        let mut variables = self.variables.clone();
        variables.insert("count".to_owned(), self.records.len().into());
        if line.run_on != RunOn::Success {
            variables.insert("failed".to_owned(), variables::of_failed(self.failed()));
        }
        self.add_records(line, &mut variables)?;
        Context::wraps(Value::Object(variables)).map_err(|error| Broken::Error(error.to_string()))
    }

    /// Adds the records that the templates of a line name. A list that would have to be cut is an error.
    fn add_records(&self, line: &Line, variables: &mut Map<String, Value>) -> Result<(), Broken> {
        for (place, variable) in line.variables() {
            let path: Vec<_> = variable.path.iter().map(String::as_str).collect();
            match path[..] {
                ["records", ref rest @ ..] => {
                    let first = self.records.first(VISIBLE_RECORDS);
                    if !shows(first, self.records.len(), rest) {
                        let cure = "choose fewer with a filter, or use an action that takes the set itself";
                        return Err(too_many(&place, "records", self.records.len(), cure));
                    }
                    variables.insert("records".to_owned(), Value::Array(first.to_vec()));
                }
                ["lines", id, "records", ref rest @ ..] => {
                    let Some(earlier) = self.line_called(id) else { continue };
                    let (first, count) = (&earlier.sample.records, earlier.counters.records_out);
                    let count = usize::try_from(count).unwrap_or(usize::MAX);
                    if !shows(first, count, rest) {
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

    /// An earlier line, by its name or its number.
    fn line_called(&self, id: &str) -> Option<&LineResult> {
        self.lines.iter().find(|line| line.name.as_deref() == Some(id) || line.line_no.to_string() == id)
    }

    /// The line at which an error stopped the job.
    fn failed(&self) -> Option<&LineResult> {
        let stopped = self.rest?.stopped_at()?;
        self.lines.iter().find(|line| line.line_no == stopped)
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
            attempt: self.resumed.tries(line.line_no) + 1,
            retry_at: None,
            counters: Counters::default(),
            parameters: Value::Null,
            sample: Sample::default(),
            rejected: Vec::new(),
            log: Vec::new(),
            effects: Vec::new(),
        }
    }

    fn tell_status(&self) {
        self.engine.tell(self.lease.organization, self.lease.result, Change::Status);
    }

    /// What is heard of the line while it works.
    pub(crate) fn listener(&self) -> Arc<act::Heard> {
        Arc::new(act::Heard::of(self.engine, self.lease, Arc::clone(&self.live)))
    }

    /// The set as it stands before the line that runs now.
    pub(crate) fn records(&self) -> Set {
        self.records.clone()
    }

    /// The sets that earlier lines passed on.
    pub(crate) fn line_sets(&self) -> &LineSets {
        &self.line_sets
    }

    /// Shows how far the line is.
    pub(crate) fn progress(&self, line: &Line, taken: usize, of: usize) {
        let progress =
            Progress { line_no: line.line_no, line: line.title().to_owned(), taken: taken as u64, of: of as u64 };
        self.live.set_progress(progress.clone());
        self.engine.tell(self.lease.organization, self.lease.result, Change::Progress(progress));
    }

    /// The date variables, as actions see them.
    pub(crate) fn dates(&self) -> Value {
        Value::Object(dates::variables(self.result.now, self.zone))
    }

    /// Ends the result with what its lines came to.
    pub(crate) async fn finish(self) -> Result<Performed, Halt> {
        settle::finish(self).await
    }
}

/// Whether the first records of a set are all that a template looks at: the whole set, or those that it
/// names by their position.
fn shows(first: &[Value], count: usize, path: &[&str]) -> bool {
    let position = path.first().and_then(|position| position.parse::<usize>().ok());
    first.len() == count || position.is_some_and(|position| position < first.len() || position >= count)
}

fn too_many(place: &str, name: &str, count: usize, cure: &str) -> Broken {
    let message = format!("`{name}` stands for {}, more than a template may see; {cure}", act::counted(count));
    Fault::at(place, message).into()
}

/// The job's own time counts from its first beginning, waits included.
fn deadline(engine: &Engine, job: &Job, result: &JobResult) -> Option<Moment> {
    let gone = result.started_at.map(|began| (engine.clock.now() - began).to_std().unwrap_or_default());
    Some(Moment::now() + job.timeout?.saturating_sub(gone.unwrap_or_default()))
}

/// The variables before the first line. One that tells of another result knows that one.
fn frame(result: &JobResult, job: &Job, about: &Organization, zone: Tz, records: &[Value]) -> Map<String, Value> {
    let organization = (about.key.as_str(), about.name.as_str());
    let (job_name, now) = (job.name.as_str(), result.now);
    match (result.notice_of, records) {
        (Some(_), [summary]) => {
            let started_by = summary["result"]["startedBy"].as_str().unwrap_or_default().to_owned();
            let told = JobResult { job: job.key.clone(), started_by, ..result.clone() };
            notify::variables(&Setting { result: &told, job_name, organization, now, zone }, summary)
        }
        _ => variables::frame(&Setting { result, job_name, organization, now, zone }),
    }
}
