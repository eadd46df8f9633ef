//! Killing a job result: final at once, then its work is interrupted.

use super::engine::Engine;
use crate::model::organization::{Access, OrgScope};
use crate::model::record::kept_sentence;
use crate::model::result::{JobResult, LineResult, ResultId};
use crate::model::status::Status;
use crate::ports::StoreError;
use crate::ports::notices::{Change, Progress};
use crate::ports::results::{Kill, KillError};

impl Engine {
    /// Kills a pending or running result. What happens to it afterwards changes nothing.
    ///
    /// # Errors
    /// See [`KillError`].
    pub async fn kill(&self, access: &Access, id: ResultId, reason: Option<&str>) -> Result<JobResult, KillError> {
        let cut = self.cut(access.scope(), id).await?;
        let reason = reason.map(kept_sentence);
        let who = match reason {
            Some(reason) => format!("Killed by {} ({reason})", access.who),
            None => format!("Killed by {}", access.who),
        };
        let kill = Kill {
            at: self.clock.now(),
            message: format!("{who}{cut}."),
            line_message: format!("{who}."),
            lines: Vec::new(),
            notices: Vec::new(),
        };
        let killed = self.results.kill(access.scope(), id, kill).await?;
        self.running.interrupt(id);
        self.tell(access.organization.id, id, Change::Status);
        Ok(killed)
    }

    /// Which lines were done and which was cut, for the message.
    async fn cut(&self, scope: OrgScope, id: ResultId) -> Result<String, StoreError> {
        let lines = self.results.lines(scope, &[id]).await?;
        let done = lines.iter().filter(|(_, line)| line.status.is_final() && line.status != Status::Skipped).count();
        let running = lines.iter().map(|(_, line)| line).find(|line| line.status == Status::Running);
        Ok(match running {
            Some(line) => format!(
                " in line {} after {}; {}",
                line.called(),
                taken(self.progress(id).as_ref(), line),
                done_before(done)
            ),
            None if done > 0 => format!(" after {done} {}", if done == 1 { "line" } else { "lines" }),
            None => " before it began".to_owned(),
        })
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
