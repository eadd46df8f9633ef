//! Killing a job result: final at once, then its work is interrupted.

use futures_util::{StreamExt, stream};

use super::awaited::KILLED;
use super::engine::Engine;
use super::notices::About;
use crate::model::organization::Access;
use crate::model::record::kept_sentence;
use crate::model::result::{JobResult, LineResult, ResultId};
use crate::model::status::Status;
use crate::ports::notices::{Change, Progress};
use crate::ports::results::{Kill, KillError, NewResult, ResultFilter};
use crate::ports::{Page, StoreError};

/// How many results are killed by one call of [`Engine::kill_all`] at most.
pub const KILLED_AT_ONCE: usize = 1000;
/// How many kills are on their way at once: they share syncs.
const ABREAST: usize = 4;

/// Which results are killed, and why.
#[derive(Debug, Clone, Default)]
pub struct KillAll {
    /// Those of the job with this key; none means all.
    pub job: Option<String>,
    /// Those with this status; none means all that have not ended.
    pub status: Option<Status>,
    /// Why.
    pub reason: Option<String>,
}

impl Engine {
    /// Kills results that have not ended, the newest first: how many, and whether none is left. What waits is killed
    /// before what runs, so that nothing takes the place of what was killed.
    ///
    /// # Errors
    /// The store failed. What was killed until then stays so.
    pub async fn kill_all(&self, access: &Access, all: &KillAll) -> Result<(u32, bool), StoreError> {
        let mut killed = 0;
        for status in [Status::Pending, Status::Running] {
            if all.status.is_some_and(|wanted| wanted != status) {
                continue;
            }
            let filter = ResultFilter { job: all.job.clone(), status: Some(status) };
            let mut before = None;
            while killed < KILLED_AT_ONCE {
                let limit = u32::try_from(KILLED_AT_ONCE - killed).unwrap_or(u32::MAX).min(100);
                let page = self.results.list(access.scope(), &filter, Page { before, limit }).await?;
                before = page.items.last().map(|result| result.id);
                let ids = page.items.into_iter().map(|result| result.id);
                let kills = stream::iter(ids).map(|id| self.kill(access, id, all.reason.as_deref()));
                let outcomes: Vec<_> = kills.buffer_unordered(ABREAST).collect().await;
                for outcome in outcomes {
                    match outcome {
                        Ok(_) => killed += 1,
                        // It ended by itself, or was removed.
                        Err(KillError::Ended(_) | KillError::Absent) => {}
                        Err(KillError::Store(error)) => return Err(error),
                    }
                }
                if !page.more {
                    break;
                }
            }
        }
        // What was running may have started others meanwhile.
        let mut complete = true;
        for status in [Status::Pending, Status::Running] {
            if all.status.is_none_or(|wanted| wanted == status) {
                let filter = ResultFilter { job: all.job.clone(), status: Some(status) };
                let left = self.results.list(access.scope(), &filter, Page { before: None, limit: 1 }).await?;
                complete &= left.items.is_empty();
            }
        }
        Ok((u32::try_from(killed).unwrap_or(u32::MAX), complete))
    }

    /// Kills a pending or running result. What happens to it afterwards changes nothing.
    ///
    /// # Errors
    /// See [`KillError`].
    pub async fn kill(&self, access: &Access, id: ResultId, reason: Option<&str>) -> Result<JobResult, KillError> {
        let live = self.running.find(id);
        let unwritten = live.as_ref().map(|live| live.unwritten()).unwrap_or_default();
        let lines: Vec<_> = self.lines(access.scope(), &[id]).await?.into_iter().map(|(_, line)| line).collect();
        let cut = cut(&lines, live.as_ref().and_then(|live| live.progress()).as_ref());
        let who = match reason.map(kept_sentence) {
            Some(reason) => format!("Killed by {} ({reason})", access.who),
            None => format!("Killed by {}", access.who),
        };
        let mut kill = Kill {
            at: self.clock.now(),
            message: format!("{who}{cut}."),
            line_message: format!("{who}."),
            lines: unwritten,
            notices: Vec::new(),
        };
        kill.notices = self.notices_of_kill(access, id, &kill, &lines).await?;
        let killed = self.results.kill(access.scope(), id, kill).await?;
        live.iter().for_each(|live| live.kill.cancel());
        self.tell(access.organization.id, id, Change::Status);
        self.wake.notify_one();
        self.tell_starter(&killed, access.organization.id);
        self.kill_awaited(access.scope(), &killed, KILLED).await;
        if killed.scheduled.is_some() {
            self.schedules_changed.notify_one();
        }
        Ok(killed)
    }

    /// What the job's rules have to tell of the kill.
    async fn notices_of_kill(
        &self,
        access: &Access,
        id: ResultId,
        kill: &Kill,
        lines: &[LineResult],
    ) -> Result<Vec<NewResult>, StoreError> {
        let Some(mut result) = self.results.find(access.scope(), id).await? else { return Ok(Vec::new()) };
        // What cannot be killed, or read, notifies nobody.
        if result.notice_of.is_some() || kill.end(&mut result).is_err() {
            return Ok(Vec::new());
        }
        match self.load(access.scope(), &result).await? {
            Ok((organization, job)) => {
                self.notices_of(About { organization: &organization, job: &job }, &result, lines).await
            }
            Err(_) => Ok(Vec::new()),
        }
    }
}

/// Which lines were done and which was cut, for the message.
fn cut(lines: &[LineResult], progress: Option<&Progress>) -> String {
    let done = lines.iter().filter(|line| line.status.is_final() && line.status != Status::Skipped).count();
    let running = lines.iter().find(|line| line.status == Status::Running);
    match running {
        Some(line) => format!(" in line {} after {}; {}", line.called(), taken(progress, line), done_before(done)),
        None if done > 0 => format!(" after {done} {}", if done == 1 { "line" } else { "lines" }),
        None => " before it began".to_owned(),
    }
}

fn taken(progress: Option<&Progress>, line: &LineResult) -> String {
    let progress = progress.filter(|progress| progress.line_no == line.line_no);
    let taken = progress.map_or(0, |progress| progress.taken);
    format!("{taken} of {} records", progress.map_or(line.counters.records_in, |progress| progress.of))
}

fn done_before(done: usize) -> String {
    match done {
        0 => "no line was done before".to_owned(),
        1 => "1 line was done before".to_owned(),
        _ => format!("{done} lines were done before"),
    }
}
