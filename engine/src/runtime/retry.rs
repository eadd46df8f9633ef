//! Trying a result again that has ended: from its first line in error, or only with the records
//! that were rejected. Either makes a new result, which names the old one and changes nothing of it.

use super::engine::Engine;
use super::notices;
use super::start::LONGEST_TITLE;
use super::usage::QuotaReached;
use crate::model::fault::Fault;
use crate::model::notify::job_of;
use crate::model::organization::{Access, OrgScope};
use crate::model::overlap::Overlap;
use crate::model::record::Records;
use crate::model::result::{JobResult, LineKind, LineResult, ResultId};
use crate::model::status::Status;
use crate::ports::StoreError;
use crate::ports::parts::{Part, PartKind};
use crate::ports::results::{NewResult, Retrial, StartRefused};

/// How many parts are read at once.
const PARTS_AT_ONCE: u32 = 16;

/// What is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RetryMode {
    /// From the first line in error, with the records that it had. What is recorded as done of it is not
    /// done again, and what is asked of others again has the same idempotency keys.
    #[default]
    FailedLine,
    /// Only the records that were rejected, each from the line that rejected it.
    Rejected,
}

/// How a result is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retry {
    /// What.
    pub mode: RetryMode,
    /// Whether dates mean the present instead of the old result's clock reading.
    pub today: bool,
    /// Whether the newest version of the job is run instead of the old result's.
    pub newest: bool,
}

/// Why a result is not tried again.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    /// There is no such result in the organization.
    #[error("there is no such job result")]
    Absent,
    /// It has not ended.
    #[error("the job result is {0}; it can be tried again when it has ended")]
    Open(Status),
    /// Nothing of it can be tried again: one sentence with the cure.
    #[error("{0}")]
    Nothing(String),
    /// The job cannot be run.
    #[error("the job has {} faults", .0.len())]
    Faults(Vec<Fault>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The organization has used up a quota.
    #[error(transparent)]
    Quota(#[from] QuotaReached),
}

impl From<StartRefused> for RetryError {
    fn from(refused: StartRefused) -> Self {
        match refused {
            StartRefused::Store(error) => Self::Store(error),
            other => Self::Nothing(format!("{other}.")),
        }
    }
}

fn nothing<T>(why: &str) -> Result<T, RetryError> {
    Err(RetryError::Nothing(why.to_owned()))
}

impl Engine {
    /// Tries a result again that has ended. Durable when it answers.
    ///
    /// # Errors
    /// See [`RetryError`].
    pub async fn retry(&self, access: &Access, id: ResultId, retry: Retry) -> Result<JobResult, RetryError> {
        let scope = access.scope();
        self.count_start(access).await??;
        let old = self.results.find(scope, id).await?.ok_or(RetryError::Absent)?;
        if !old.status.is_final() {
            return Err(RetryError::Open(old.status));
        }
        if old.dry_run {
            return nothing("A dry run changed nothing; run it again instead.");
        }
        let new = ResultId(Self::new_id());
        let (retrial, cut) = match retry.mode {
            RetryMode::FailedLine => (self.at_failed_line(scope, &old, new).await?, None),
            RetryMode::Rejected => self.of_rejected(scope, &old, new).await?,
        };
        // Another version may do something else, in other batches: it does it anew.
        let root = if retry.newest { new } else { retrial.root };
        let mut new = self.trial(access, (new, &old), retry, Retrial { root, ..retrial }).await?;
        if let Some(cut) = cut {
            // What cannot be tried again is said where everybody sees it.
            let title = new.title.map_or_else(|| cut.clone(), |title| format!("{title}: {cut}"));
            new.title = Some(title.chars().take(LONGEST_TITLE).collect());
        }
        Ok(self.begin_result(access, new).await?)
    }

    async fn trial(
        &self,
        access: &Access,
        (id, old): (ResultId, &JobResult),
        retry: Retry,
        retrial: Retrial,
    ) -> Result<NewResult, RetryError> {
        let scope = access.scope();
        let wanted = if retry.newest { None } else { Some(old.version) };
        let saved = self.jobs.find(scope, job_of(&old.job), wanted).await?;
        let Some(saved) = saved else {
            let (version, job) = (old.version, job_of(&old.job));
            return nothing(&format!(
                "The job `{job}` was deleted, and version {version} with it, so this result cannot be retried. Save \
                 the job again if you need it, then start it."
            ));
        };
        let job = match retry.newest {
            true => self.read_job(scope, &saved).await?,
            false => self.read_job_at(scope, &saved, &old.templates).await?,
        };
        let job = job.map_err(RetryError::Faults)?;
        if !notices::lines(&job, old).iter().any(|line| line.line_no == retrial.line_no) {
            return nothing(
                "The newest version of the job has no such line; try the old version again, or start the job.",
            );
        }
        let mut records = Records::new();
        if old.notice_of.is_some() {
            // A notice tells by its one record what it is about.
            records = self
                .results
                .parts(scope, old.id, (retrial.line_no, PartKind::Input), 0, 1)
                .await?
                .into_iter()
                .flat_map(|part| part.records)
                .collect();
        }
        let created_at = self.clock.now();
        Ok(NewResult {
            id,
            job: old.job.clone(),
            version: saved.version,
            templates: if retry.newest { job.templates() } else { old.templates.clone() },
            title: old.title.clone(),
            started_by: access.who.clone(),
            dry_run: false,
            queue: old.queue.clone(),
            priority: old.priority,
            overlap: job.overlap.filter(|rule| *rule == Overlap::Allow).unwrap_or(Overlap::Queue),
            idempotency: None,
            retry: Some(retrial),
            notice_of: old.notice_of,
            scheduled: old.scheduled.clone(),
            started_from: old.started_from,
            depth: old.depth,
            born: None,
            arguments: old.arguments.clone(),
            since: old.since,
            records,
            now: if retry.today { created_at } else { old.now },
            created_at,
        })
    }

    /// The lines before the first one in error are taken over, and so is what that line had.
    async fn at_failed_line(&self, scope: OrgScope, old: &JobResult, new: ResultId) -> Result<Retrial, RetryError> {
        if old.status != Status::Error {
            return nothing("Only a result that ended in error can be tried again from its failed line.");
        }
        let Some(line_no) = old.failed_line else {
            return nothing("The records of its failed line are not kept; start the job instead.");
        };
        let lines = self.results.lines(scope, &[old.id]).await?;
        let failed = lines.into_iter().map(|(_, line)| line).find(|line| line.line_no == line_no);
        // A line that got to its end and rejected everything would only reject it again.
        let got_to_its_end = failed.is_some_and(|line| line.counters.rejected_all());
        Ok(Retrial { of: old.id, line_no, root: if got_to_its_end { new } else { old.root }, parts: None })
    }

    /// The records that each line had rejected begin at that line.
    async fn of_rejected(
        &self,
        scope: OrgScope,
        old: &JobResult,
        new: ResultId,
    ) -> Result<(Retrial, Option<String>), RetryError> {
        let lines = self.results.lines(scope, &[old.id]).await?;
        let rejecting = lines.into_iter().map(|(_, line)| line).filter(|line| line.counters.records_rejected > 0);
        // A filter takes its records from its source again: all of them, not those that it rejected.
        let (of_filters, rejecting): (Vec<_>, Vec<_>) = rejecting.partition(|line| line.kind == LineKind::Filter);
        let (mut first, mut parts, mut kept, mut all) = (None, Vec::new(), 0, 0);
        for line in rejecting {
            let kind = if first.is_some() { PartKind::Joining } else { PartKind::Input };
            let rejected = self.rejected(scope, old.id, &line, kind).await?;
            kept += rejected.iter().map(|part| part.records.len() as u64).sum::<u64>();
            all += line.counters.records_rejected;
            if !rejected.is_empty() {
                first.get_or_insert(line.line_no);
            }
            parts.extend(rejected);
        }
        let Some(line_no) = first else {
            let why = match all {
                0 if !of_filters.is_empty() => {
                    "Only filters rejected records; correct those in their source, and start the job again."
                }
                0 => "No record of it was rejected.",
                _ => "The rejected records of it are not kept; start the job instead.",
            };
            return nothing(why);
        };
        let cut = (kept < all).then(|| format!("the first {kept} of {all} rejected records"));
        // Other batches than those of the old result have keys of their own.
        Ok((Retrial { of: old.id, line_no, root: new, parts: Some(parts) }, cut))
    }

    /// What is kept of the records that a line rejected.
    async fn rejected(
        &self,
        scope: OrgScope,
        id: ResultId,
        line: &LineResult,
        kind: PartKind,
    ) -> Result<Vec<Part>, StoreError> {
        let (mut kept, mut from) = (Vec::new(), 0);
        loop {
            let set = (line.line_no, PartKind::Rejected);
            let parts = self.results.parts(scope, id, set, from, PARTS_AT_ONCE).await?;
            let Some(last) = parts.last() else { return Ok(kept) };
            from = last.part + 1;
            kept.extend(parts.into_iter().map(|part| Part {
                kind,
                records: part.records.into_iter().map(|mut one| one["record"].take()).collect(),
                ..part
            }));
        }
    }
}
