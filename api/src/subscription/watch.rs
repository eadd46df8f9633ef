//! Watches one job result. Notices are hints: they say when to look, and the store
//! says what is there. So the watch listens before it reads for the first time, reads
//! again when it fell behind, and reads again now and then even if it hears nothing.

use std::sync::Arc;
use std::time::Duration;

use engine::model::organization::OrgScope;
use engine::model::result::{self as model, Counters, LineResult, ResultId};
use engine::model::status::Status;
use engine::ports::notices::{Change, Notice, Progress};
use engine::ports::{PAGE_BYTES, StoreError};
use engine::runtime::engine::Engine;
use futures_util::{Stream, stream};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use super::turn::Turn;
use crate::objects::Result;
use crate::objects::job_result::JobResult;

/// A look that took long is followed by a pause of this many times its length.
const PAUSE: u32 = 4;

/// Progress is told at most this often; status at once.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// A watch on one job result.
pub(super) struct Watch {
    engine: Arc<Engine>,
    scope: OrgScope,
    id: ResultId,
    turn: Arc<Turn>,
    reread: Duration,
    notices: Receiver<Notice>,
    shown: State,
    stage: Stage,
    /// Not looked again before this.
    next_look: Instant,
}

/// What is told of a result.
#[derive(Clone, PartialEq)]
struct State {
    result: model::JobResult,
    /// What tells that a line has changed. Whole lines are read again for each answer that has them: kept for
    /// every watcher they would be too much.
    lines: Vec<LineOutline>,
    progress: Option<Progress>,
}

#[derive(Clone, PartialEq)]
struct LineOutline {
    line_no: u32,
    status: Status,
    attempt: u32,
    started_at: Option<engine::model::Instant>,
    retry_at: Option<engine::model::Instant>,
    counters: Counters,
    message: String,
    log: usize,
    effects: usize,
}

impl LineOutline {
    fn of(line: &LineResult) -> Self {
        Self {
            line_no: line.line_no,
            status: line.status,
            attempt: line.attempt,
            started_at: line.started_at,
            retry_at: line.retry_at,
            counters: line.counters,
            message: line.message.clone(),
            log: line.log.len(),
            effects: line.effects.len(),
        }
    }
}

/// How far the watch has come.
enum Stage {
    /// Nothing was told yet.
    First,
    /// The present state was told.
    Watching,
    /// The end was told.
    Over,
}

/// Why the watch looks again.
enum Hint {
    /// Something may have changed, or nothing was heard for a while.
    Look,
    /// The running line goes on; nothing else changed.
    Progress(Progress),
}

impl Watch {
    /// Begins to watch; none if the organization has no such result.
    pub(super) async fn begin(
        engine: Arc<Engine>,
        scope: OrgScope,
        id: ResultId,
        (turn, reread): (Arc<Turn>, Duration),
    ) -> Result<Option<Self>> {
        turn.take().await;
        // Listening comes first: what changes between these two lines is heard.
        let notices = engine.notices.listen();
        let Some(shown) = read(&engine, scope, id).await? else { return Ok(None) };
        Ok(Some(Self {
            engine,
            scope,
            id,
            turn,
            reread,
            notices,
            shown,
            stage: Stage::First,
            next_look: Instant::now(),
        }))
    }

    /// What is to be told: the present state, then each change, up to the end.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<JobResult>> + use<> {
        stream::unfold(self, |mut watch| async move { Some((watch.next().await?, watch)) })
    }

    async fn next(&mut self) -> Option<Result<JobResult>> {
        match self.stage {
            Stage::Over => return None,
            Stage::First => {}
            Stage::Watching => {
                if let Err(error) = self.change().await {
                    self.stage = Stage::Over;
                    return Some(Err(error.into()));
                }
            }
        }
        self.stage = if self.shown.result.status.is_final() { Stage::Over } else { Stage::Watching };
        let State { result, progress, .. } = self.shown.clone();
        // The answer is made now, and that reads too.
        self.turn.take().await;
        Some(Ok(JobResult::watched(result, progress)))
    }

    /// Waits until what is shown is no longer what is there, and takes what is there.
    async fn change(&mut self) -> Result<(), StoreError> {
        loop {
            let before = self.shown.clone();
            self.turn.give_back();
            match self.hint().await {
                Hint::Progress(progress) => self.shown.progress = Some(progress),
                Hint::Look => self.look().await?,
            }
            if self.shown != before {
                return Ok(());
            }
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        sleep_until(self.next_look).await;
        self.turn.take().await;
        let began = Instant::now();
        let found = read(&self.engine, self.scope, self.id).await?;
        self.next_look = Instant::now() + began.elapsed() * PAUSE;
        // A result that was pruned meanwhile stays as it was last seen.
        let Some(mut now) = found else { return Ok(()) };
        let running = |progress: &Progress| now.lines.iter().any(|line| is_running(line, progress));
        now.progress = self.shown.progress.take().filter(running);
        self.shown = now;
        Ok(())
    }

    /// Waits for the next hint about this result, or for the time to look anyway.
    async fn hint(&mut self) -> Hint {
        match tokio::time::timeout(self.reread, self.heard()).await {
            Ok(Hint::Progress(progress)) => self.newest(progress).await,
            Ok(Hint::Look) | Err(_) => Hint::Look,
        }
    }

    async fn heard(&mut self) -> Hint {
        loop {
            match self.notices.recv().await {
                Ok(notice) if notice.result != self.id => {}
                Ok(Notice { change: Change::Log, .. }) => {}
                Ok(Notice { change: Change::Progress(progress), .. }) => return Hint::Progress(progress),
                Ok(Notice { change: Change::Status, .. }) | Err(RecvError::Lagged(_)) => return Hint::Look,
                // The engine is going away, and the socket with it.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// Waits a little, so that a quick line does not flood its watchers, and takes the
    /// newest progress of what came meanwhile.
    async fn newest(&mut self, mut progress: Progress) -> Hint {
        let deadline = Instant::now() + PROGRESS_EVERY;
        while let Ok(hint) = tokio::time::timeout_at(deadline, self.heard()).await {
            match hint {
                Hint::Progress(newer) => progress = newer,
                Hint::Look => return Hint::Look,
            }
        }
        Hint::Progress(progress)
    }
}

async fn read(engine: &Engine, scope: OrgScope, id: ResultId) -> Result<Option<State>, StoreError> {
    let Some(result) = engine.results.find(scope, id).await? else { return Ok(None) };
    let (mut lines, mut after) = (Vec::new(), None);
    loop {
        let page = engine.lines_within(scope, &[id], after, PAGE_BYTES).await?;
        lines.extend(page.items.iter().map(|(_, line)| LineOutline::of(line)));
        after = page.items.last().map(|(_, line)| line.line_no);
        if !page.more {
            return Ok(Some(State { result, lines, progress: None }));
        }
    }
}

fn is_running(line: &LineOutline, progress: &Progress) -> bool {
    line.line_no == progress.line_no && !line.status.is_final()
}
