//! One attempt at a job result: the set on its way through the lines.

mod finish;
mod job_outcome;
mod postpone;
mod resume;
mod settle;
mod skip_reason;
mod variables;
mod work;

use std::sync::{Arc, OnceLock};

use chrono_tz::Tz;
use serde_json::{Map, Value};
use tokio::time::Instant as Moment;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::journal::Journal;
use super::kill;
use super::line_sets::LineSets;
use super::outcome::{LineError, Stopped};
use crate::model::fault::field;
use crate::model::job::Job;
use crate::model::line::{Line, RunOn};
use crate::model::organization::{OrgScope, Organization};
use crate::model::record::{Rejected, Sample};
use crate::model::result::{Counters, JobResult, LineResult};
use crate::model::status::Status;
use crate::node::Node;
use crate::node::events::ResultChange;
use crate::node::running::LiveResult;
use crate::ports::queue::{Claimed, Lease};
use crate::records::Set;
use resume::ResumeState;
use skip_reason::SkipReason;

/// One attempt at a job result.
pub(crate) struct Attempt<'a> {
    node: &'a Arc<Node>,
    lease: Lease,
    job: &'a Job,
    pub(super) result: JobResult,
    organization: &'a Organization,
    zone: Tz,
    cancellation: CancellationToken,
    live: Arc<LiveResult>,
    journal: Journal,
    /// When the job reaches its own timeout.
    deadline: Option<Moment>,
    /// The variables that are the same in all lines, once a line needs them.
    frame: OnceLock<Map<String, Value>>,
    /// The current set.
    records: Set,
    /// The set that a failed filter took, until a line that runs after the stop takes it.
    input_of_failed: Option<Set>,
    line_sets: LineSets,
    lines: Vec<LineResult>,
    rejected: Vec<(u32, Rejected)>,
    skip_reason: Option<SkipReason>,
    failed_line: Option<u32>,
    resume: ResumeState,
}

impl<'a> Attempt<'a> {
    /// Begins a claimed result, or resumes it.
    pub(crate) async fn begin(
        node: &'a Arc<Node>,
        claimed: Claimed,
        job: &'a Job,
        organization: &'a Organization,
        live: &Arc<LiveResult>,
    ) -> Result<Self, Stopped> {
        let Claimed { lease, result, records, resume } = claimed;
        let zone = job.time_zone.unwrap_or(organization.time_zone);
        let frame = variables::of_notification(&result, job, organization, zone, &records);
        let mut attempt = Self {
            node,
            lease,
            job,
            organization,
            zone,
            cancellation: live.cancellation.clone(),
            live: Arc::clone(live),
            journal: Journal::new(node, lease, Arc::clone(live), Arc::clone(&job.modules)),
            deadline: deadline(node, job, &result),
            frame: frame.map_or_else(OnceLock::new, OnceLock::from),
            records: Set::held(records),
            input_of_failed: None,
            line_sets: LineSets::of(&job.lines),
            lines: Vec::new(),
            rejected: Vec::new(),
            skip_reason: None,
            failed_line: None,
            resume: ResumeState::default(),
            result,
        };
        if let Some(resume) = resume {
            attempt.resume_from(resume).await?;
        }
        Ok(attempt)
    }

    /// Runs a line, or skips it. A line that ended in an earlier attempt is passed over.
    pub(crate) async fn run_line(&mut self, line: &Line) -> Result<(), Stopped> {
        if self.resume.is_past(line.line_no) {
            return Ok(());
        }
        let attempt = self.resume.failed_attempts(line.line_no) + 1;
        let span = tracing::info_span!("line", line_no = line.line_no, title = line.title(), attempt);
        self.run_or_skip(line).instrument(span).await
    }

    async fn run_or_skip(&mut self, line: &Line) -> Result<(), Stopped> {
        let may_run = self.skip_reason.is_none() || (line.run_on == RunOn::Always && !self.is_stopped());
        if may_run && self.is_timed_out() {
            self.stop_before(line).await;
        }
        if let Some(reason) = self.find_reason_to_skip(line) {
            return self.skip(line, reason).await;
        }
        if let Some(input) = self.input_of_failed.take() {
            self.records = input;
        }
        self.add_joining_records(line).await?;
        let unmet = self.find_unmet_condition(line);
        if let Ok(Some(reason)) = unmet {
            return self.skip(line, reason).await;
        }
        let mut result = self.new_line_result(line, Status::Running, String::new());
        result.counters.records_in = self.records.len() as u64;
        self.live.set_line(&result);
        self.publish_status();
        if self.resume.careful {
            self.journal.write_notes().await?;
        }
        let worked = match (unmet, self.resume.condemned) {
            (Err(error), _) => Err(error.into()),
            (_, Some(condemned)) if condemned == line.line_no => Err(resume::condemned_line().into()),
            _ => self.work_and_write_notes(line, &mut result).await,
        };
        self.settle(line, result, worked).await
    }

    async fn skip(&mut self, line: &Line, reason: String) -> Result<(), Stopped> {
        let skipped = self.new_line_result(line, Status::Skipped, reason);
        self.end_line(skipped).await
    }

    /// Stops the job because it reached its timeout between two lines, or while this line waited for other jobs.
    async fn stop_before(&mut self, line: &Line) {
        self.skip_reason = Some(SkipReason::TimedOutBefore(line.line_no));
        if self.resume.is_at(line.line_no) {
            // The input of the line is kept, so that a retry can begin with it.
            self.failed_line.get_or_insert(line.line_no);
            let reason = "the job that waits for it reached its timeout";
            kill::kill_awaited(self.node, self.scope(), &self.result, reason).await;
        }
    }

    /// Whether an error, or the job's timeout, has stopped the job.
    fn is_stopped(&self) -> bool {
        self.skip_reason.is_some_and(SkipReason::is_stop)
    }

    fn find_reason_to_skip(&self, line: &Line) -> Option<String> {
        match (self.skip_reason, line.run_on) {
            _ if !line.active => Some("The line is inactive.".to_owned()),
            (None | Some(SkipReason::EmptySet(_)), RunOn::Error) => {
                Some("No error stopped the job before this line.".to_owned())
            }
            (Some(reason), RunOn::Success) => Some(reason.message()),
            _ => None,
        }
    }

    /// Why the line's condition does not hold; none if it holds.
    fn find_unmet_condition(&self, line: &Line) -> Result<Option<String>, LineError> {
        let Some(when) = &line.when else { return Ok(None) };
        when.unmet(&self.context(line)?, self.zone, &field(&line.path, "when")).map_err(LineError::of_faults)
    }

    /// Whether the job has reached its own timeout.
    fn is_timed_out(&self) -> bool {
        self.deadline.is_some_and(|end| end <= Moment::now())
    }

    fn new_line_result(&self, line: &Line, status: Status, message: String) -> LineResult {
        LineResult {
            line_no: line.line_no,
            name: line.name.clone(),
            kind: line.kind(),
            action: line.action().map(str::to_owned),
            status,
            message,
            started_at: (status == Status::Running).then(|| self.node.clock.now()),
            finished_at: None,
            attempt: self.resume.failed_attempts(line.line_no) + 1,
            retry_at: None,
            counters: Counters::default(),
            parameters: Arc::default(),
            sample: Sample::default(),
            rejected: Vec::new(),
            log: Vec::new(),
            effects: Vec::new(),
        }
    }

    fn scope(&self) -> OrgScope {
        OrgScope::of(self.lease.organization)
    }

    fn publish_status(&self) {
        self.node.publish(self.lease.organization, self.lease.result, ResultChange::Status);
    }
}

/// The job's own timeout counts from when it first began, waits included.
fn deadline(node: &Arc<Node>, job: &Job, result: &JobResult) -> Option<Moment> {
    let elapsed = result.started_at.map(|began| (node.clock.now() - began).to_std().unwrap_or_default());
    Some(Moment::now() + job.timeout?.saturating_sub(elapsed.unwrap_or_default()))
}
