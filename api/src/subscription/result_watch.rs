//! Watches one job result and its lines, for `jobResultChanged`.

use std::time::Duration;

use async_graphql::{Context, ID};
use engine::model::Instant as Moment;
use engine::model::result::{Counters, JobResult as ResultModel, LineResult};
use engine::model::status::Status;
use engine::node::events::{Progress, ResultChange};
use engine::ports::StoreError;
use futures_util::{Stream, stream};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::absent;
use super::watched_result::{PAUSE, WatchedResult};
use crate::objects::job_result::JobResult;
use crate::resolver::Result;

/// Progress is sent at most this often; a change of status is sent at once.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// A watch on one job result.
pub(super) struct ResultWatch {
    watched: WatchedResult,
    /// What was sent last, or is to be sent.
    snapshot: Snapshot,
    stage: Stage,
    /// The result is not read again before this.
    next_read: Instant,
}

/// What is sent of a result.
#[derive(Clone, PartialEq)]
struct Snapshot {
    result: ResultModel,
    /// Enough to see that a line has changed. The lines themselves are read again for each message that has them: kept
    /// for every watcher they would take too much memory.
    lines: Vec<LineOutline>,
    progress: Option<Progress>,
}

#[derive(Clone, PartialEq)]
struct LineOutline {
    line_no: u32,
    status: Status,
    attempt: u32,
    started_at: Option<Moment>,
    retry_at: Option<Moment>,
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

    fn shows(&self, progress: &Progress) -> bool {
        self.line_no == progress.line_no && !self.status.is_final()
    }
}

/// How far the watch has come.
enum Stage {
    /// Nothing was sent yet.
    First,
    /// The present state was sent.
    Watching,
    /// The end was sent.
    Over,
}

/// Why the watch continues.
enum Hint {
    /// Something may have changed, or there was no event for a while.
    Read,
    /// The running line has advanced; nothing else changed.
    Progress(Progress),
}

impl ResultWatch {
    /// Begins to watch.
    ///
    /// # Errors
    /// `NOT_FOUND` if the organization has no such result.
    pub(super) async fn begin(context: &Context<'_>, id: &ID) -> Result<Self> {
        let watched = WatchedResult::listen(context, id).await?;
        let snapshot = Snapshot::read(&watched).await?.ok_or_else(absent)?;
        Ok(Self { watched, snapshot, stage: Stage::First, next_read: Instant::now() })
    }

    /// The present state, then each change, up to the end.
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
        self.stage = if self.snapshot.result.status.is_final() { Stage::Over } else { Stage::Watching };
        let Snapshot { result, progress, .. } = self.snapshot.clone();
        // The message is resolved now, which reads too.
        self.watched.permit.acquire().await;
        Some(Ok(JobResult::watched(result, progress)))
    }

    /// Waits until the snapshot differs from what was sent.
    async fn change(&mut self) -> Result<(), StoreError> {
        loop {
            let before = self.snapshot.clone();
            self.watched.permit.release();
            match self.hint().await {
                Hint::Progress(progress) => self.snapshot.progress = Some(progress),
                Hint::Read => self.read().await?,
            }
            if self.snapshot != before {
                return Ok(());
            }
        }
    }

    async fn read(&mut self) -> Result<(), StoreError> {
        sleep_until(self.next_read).await;
        self.watched.permit.acquire().await;
        let began = Instant::now();
        let found = Snapshot::read(&self.watched).await?;
        self.next_read = Instant::now() + began.elapsed() * PAUSE;
        // A result that was removed meanwhile stays as it was seen last.
        let Some(mut new) = found else { return Ok(()) };
        let is_running = |progress: &Progress| new.lines.iter().any(|line| line.shows(progress));
        new.progress = self.snapshot.progress.take().filter(is_running);
        self.snapshot = new;
        Ok(())
    }

    /// Waits for a hint, or for the time to read without one.
    async fn hint(&mut self) -> Hint {
        match timeout(self.watched.reread, self.event()).await {
            Ok(Hint::Progress(progress)) => self.newest(progress).await,
            Ok(Hint::Read) | Err(_) => Hint::Read,
        }
    }

    async fn event(&mut self) -> Hint {
        loop {
            match self.watched.next_change().await {
                Some(ResultChange::Log) => {}
                Some(ResultChange::Progress(progress)) => return Hint::Progress(progress),
                Some(ResultChange::Status) | None => return Hint::Read,
            }
        }
    }

    /// Waits a little, so that a quick line does not flood its watchers, and takes the newest progress until then.
    async fn newest(&mut self, mut progress: Progress) -> Hint {
        let deadline = Instant::now() + PROGRESS_EVERY;
        while let Ok(hint) = timeout_at(deadline, self.event()).await {
            match hint {
                Hint::Progress(newer) => progress = newer,
                Hint::Read => return Hint::Read,
            }
        }
        Hint::Progress(progress)
    }
}

impl Snapshot {
    async fn read(watched: &WatchedResult) -> Result<Option<Self>, StoreError> {
        let Some(result) = watched.find().await? else { return Ok(None) };
        let (mut lines, mut after) = (Vec::new(), None);
        loop {
            let page = watched.lines(after).await?;
            lines.extend(page.items.iter().map(|(_, line)| LineOutline::of(line)));
            after = page.items.last().map(|(_, line)| line.line_no);
            if !page.more {
                return Ok(Some(Self { result, lines, progress: None }));
            }
        }
    }
}
