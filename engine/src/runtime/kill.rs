//! Killing a job result: final at once, then its work is interrupted.

use super::awaited::KILLED;
use super::engine::Engine;
use super::notices::About;
use crate::model::organization::Access;
use crate::model::record::kept_sentence;
use crate::model::result::{JobResult, LineResult, ResultId};
use crate::model::status::Status;
use crate::ports::StoreError;
use crate::ports::notices::{Change, Progress};
use crate::ports::results::{Kill, KillError, NewResult};

impl Engine {
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
