//! Jobs that a line starts and waits for. While it waits its result holds no worker: it is postponed,
//! and goes on when the last of the jobs has ended. The store knows which jobs these are by the
//! idempotency keys of their starts. What is remembered here only makes it quick.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::engine::Engine;
use crate::model::organization::{OrgScope, OrganizationId};
use crate::model::result::{JobResult, ResultId};
use crate::model::status::Status;
use crate::ports::StoreError;
use crate::ports::notices::{Change, Progress};
use crate::ports::reach::Call;
use crate::ports::results::KillError;

/// How long a result waits at most before it looks again whether the jobs have ended. A job that
/// ends on this node is noticed at once.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How many jobs a line may wait for at once.
pub(crate) const MOST_AWAITED: usize = 100_000;
/// Why a job is killed that somebody waited for who was killed.
pub(crate) const KILLED: &str = "the job result that waits for it was killed";

/// The beginning of the idempotency keys of the starts that a line waits for, in one of its batches.
pub(crate) fn prefix(root: ResultId, line_no: u32, batch: Option<u32>) -> String {
    let call = Call { batch, number: 0 }.to_string();
    format!("{}:{line_no}{WAIT}{}", root.0, call.trim_end_matches('0'))
}

/// What tells the starts that are waited for from others.
const WAIT: &str = ":wait:";

/// What a line waits for.
#[derive(Debug, Clone)]
pub(crate) struct Awaited {
    /// The jobs that have not ended.
    pub open: HashSet<ResultId>,
    /// How many jobs there are in all.
    pub of: usize,
    /// The beginning of their idempotency keys.
    pub prefix: String,
}

impl Awaited {
    /// A sentence for a clerk.
    pub(crate) fn message(&self) -> String {
        format!("Waits for {} of {} jobs that it started.", self.open.len(), self.of)
    }
}

/// The results of this node that wait for jobs.
#[derive(Debug, Default)]
pub(crate) struct Waits(Mutex<HashMap<ResultId, Wait>>);

#[derive(Debug)]
struct Wait {
    awaited: Awaited,
    line_no: u32,
    line: String,
}

impl Waits {
    fn entries(&self) -> MutexGuard<'_, HashMap<ResultId, Wait>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, result: ResultId, awaited: Awaited, (line_no, line): (u32, &str)) {
        self.entries().insert(result, Wait { awaited, line_no, line: line.to_owned() });
    }

    pub(crate) fn remove(&self, result: ResultId) {
        self.entries().remove(&result);
    }

    /// Takes note of the end of a job. Says whether it was the last that its starter waited for.
    fn ended(&self, starter: ResultId, job: ResultId) -> bool {
        let mut entries = self.entries();
        let Some(wait) = entries.get_mut(&starter) else { return false };
        wait.awaited.open.remove(&job);
        wait.awaited.open.is_empty()
    }

    /// How many of the jobs that a result waits for have ended, of how many.
    pub(crate) fn progress(&self, result: ResultId) -> Option<Progress> {
        let entries = self.entries();
        let Wait { awaited, line_no, line } = entries.get(&result)?;
        let taken = (awaited.of - awaited.open.len()) as u64;
        Some(Progress { line_no: *line_no, line: line.clone(), taken, of: awaited.of as u64 })
    }
}

impl Engine {
    /// Which jobs a result on this node waits for, as a sentence for a clerk; none if it waits for none.
    pub fn waits_for_jobs(&self, id: ResultId) -> Option<String> {
        self.waits.entries().get(&id).map(|wait| wait.awaited.message())
    }

    /// The jobs that were started under a prefix, in the order of their starts. Of one that was started
    /// again by a retry, the latest.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn awaited(&self, scope: OrgScope, prefix: &str) -> Result<Vec<JobResult>, StoreError> {
        let started = self.started_under(scope, prefix).await?;
        let mut latest: BTreeMap<(String, u32), JobResult> = BTreeMap::new();
        for (key, result) in started {
            let place = latest.entry(place(&key[prefix.len()..])).or_insert_with(|| result.clone());
            if place.id < result.id {
                *place = result;
            }
        }
        Ok(latest.into_values().collect())
    }

    async fn started_under(&self, scope: OrgScope, prefix: &str) -> Result<Vec<(String, JobResult)>, StoreError> {
        let limit = u32::try_from(MOST_AWAITED).unwrap_or(u32::MAX);
        let started = self.results.started_under(scope, prefix, limit).await?;
        if started.len() >= MOST_AWAITED {
            let message = format!("a job result has started more than {MOST_AWAITED} jobs");
            return Err(StoreError::Unavailable(message.into()));
        }
        Ok(started)
    }

    /// The latest of the starts with this key: a retry starts again, under a longer one, what failed.
    pub(crate) async fn latest_start(&self, scope: OrgScope, key: &str) -> Result<Option<JobResult>, StoreError> {
        let started = self.started_under(scope, key).await?;
        Ok(started.into_iter().map(|(_, result)| result).max_by_key(|result| result.id))
    }

    /// After a result has ended: the one that waited for it may go on.
    pub(crate) fn tell_starter(&self, ended: &JobResult, organization: OrganizationId) {
        let Some(starter) = ended.started_from else { return };
        if let Some(progress) = self.waits.progress(starter) {
            self.tell(organization, starter, Change::Progress(progress));
        }
        if self.waits.ended(starter, ended.id) {
            let engine = self.clone();
            tokio::spawn(async move { engine.end_wait(organization, starter).await });
        }
    }

    pub(crate) async fn end_wait(&self, organization: OrganizationId, result: ResultId) {
        match self.queue.end_wait(organization, result).await {
            Ok(()) => self.wake.notify_one(),
            Err(error) => tracing::warn!(%error, result = %result.0, "a job result looks later whether it may go on"),
        }
    }

    /// Looks once more which jobs have ended, now that everybody can end the wait.
    pub(crate) async fn look_again(&self, scope: OrgScope, result: ResultId, prefix: &str) -> Result<(), StoreError> {
        let jobs = self.awaited(scope, prefix).await?;
        let mut ended = jobs.iter().filter(|job| job.status.is_final());
        if ended.any(|job| self.waits.ended(result, job.id)) {
            self.end_wait(scope.organization(), result).await;
        }
        Ok(())
    }

    /// Kills the jobs that a result waits for.
    pub(crate) async fn kill_awaited(&self, scope: OrgScope, starter: &JobResult, why: &str) {
        if let Err(error) = self.try_to_kill_awaited(scope, starter, why).await {
            tracing::error!(%error, result = %starter.id.0, "jobs that the job result waited for go on");
        }
    }

    async fn try_to_kill_awaited(&self, scope: OrgScope, starter: &JobResult, why: &str) -> Result<(), StoreError> {
        self.waits.remove(starter.id);
        let started = self.started_under(scope, &format!("{}:", starter.root.0)).await?;
        let awaited = started.into_iter().filter(|(key, job)| key.contains(WAIT) && !job.status.is_final());
        let open: Vec<_> = awaited.map(|(_, job)| job).collect();
        if open.is_empty() {
            return Ok(());
        }
        let Some(organization) = self.organizations.by_id(scope.organization()).await? else { return Ok(()) };
        let access = Self::access_of_operator(organization, &format!("job {} (result {})", starter.job, starter.id.0));
        for job in open {
            match Box::pin(self.kill(&access, job.id, Some(why))).await {
                Err(KillError::Store(error)) => return Err(error),
                Ok(_) | Err(KillError::Absent | KillError::Ended(_)) => {}
            }
        }
        Ok(())
    }

    /// The result of the same job that has not ended and that, directly or not, waits for what this one
    /// starts: a start that waits for it in turn would wait for ever.
    pub(crate) async fn waits_for_itself(
        &self,
        scope: OrgScope,
        job: &str,
        starter: ResultId,
    ) -> Result<Option<ResultId>, StoreError> {
        let mut next = Some(starter);
        while let Some(id) = next {
            let Some(result) = self.results.find(scope, id).await? else { return Ok(None) };
            if result.job == job && !result.status.is_final() {
                return Ok(Some(id));
            }
            next = result.started_from;
        }
        Ok(None)
    }
}

/// The batch and the number of a call, as far as the prefix has not said them: `3.12:0f…` or `12:0f…`.
fn place(rest: &str) -> (String, u32) {
    let call = rest.split(':').next().unwrap_or_default();
    let (batch, number) = call.rsplit_once('.').unwrap_or(("", call));
    (batch.to_owned(), number.parse().unwrap_or(u32::MAX))
}

/// Whether a job that ended so has to be started again by a retry of what waited for it.
pub(crate) fn is_failure(status: Status) -> bool {
    matches!(status, Status::Error | Status::Killed)
}
