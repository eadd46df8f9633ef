//! Follows the log of one job result. Notices are hints here too: whatever is told is what
//! `Engine::lines` shows, and a place in it, so that nothing is lost or told twice.

mod place;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::SimpleObject;
use async_graphql::connection::CursorType;
use engine::model::organization::OrgScope;
use engine::model::result::{LineResult, ResultId};
use engine::ports::notices::{Change, Notice};
use engine::ports::{PAGE_BYTES, StoreError};
use engine::runtime::engine::Engine;
use futures_util::{Stream, stream};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until, timeout};

use super::turn::Turn;
use crate::objects::Result;
use crate::objects::moment::Moment;
use crate::objects::page::Cursor;
use crate::objects::status::LogLevel;
use place::{Place, Told, Try};

/// What is logged quickly is looked at together, at most this often.
const PACE: Duration = Duration::from_millis(50);
/// A look that took long is followed by a pause of this many times its length.
const PAUSE: u32 = 4;
/// How many bytes of messages are kept to be sent. More is read when they are.
const KEPT_BYTES: usize = 256 * 1024;

/// One message of the log of a job result.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct LogAppended {
    /// Where it stands in the log; `after` goes on behind it.
    cursor: String,
    /// Number of the line that logged it.
    line_no: u32,
    /// Name of the line, if it has one.
    line_name: Option<String>,
    /// How much it matters.
    level: LogLevel,
    /// What it said.
    message: String,
    /// When; null if that is not known.
    at: Option<Moment>,
}

/// A watch on the log of one job result.
pub(super) struct LogWatch {
    engine: Arc<Engine>,
    scope: OrgScope,
    id: ResultId,
    turn: Arc<Turn>,
    reread: Duration,
    notices: Receiver<Notice>,
    told: Told,
    waiting: VecDeque<LogAppended>,
    /// Bytes of what waits.
    kept: usize,
    /// The last line that was read to its end and has one after it, with the try of it that was read. What is before
    /// it does not change, unless it is begun again.
    done: Option<(u32, Try)>,
    stage: Stage,
    /// Not looked again before this.
    next_look: Instant,
}

/// How far the watch has come.
#[derive(PartialEq)]
enum Stage {
    /// More was logged than is kept.
    Reading,
    /// More may be logged.
    Watching,
    /// The result has ended, and its worker is about to tell the last of it.
    Ending,
    /// Nothing more comes.
    Over,
}

/// What a message takes while it waits: besides its text a cursor, a name and a place in a list.
fn weight(message: &str) -> usize {
    message.len() + 256
}

impl LogWatch {
    /// Begins behind a cursor; none if the organization has no such result.
    pub(super) async fn begin(
        engine: Arc<Engine>,
        scope: OrgScope,
        id: ResultId,
        after: Option<&str>,
        (turn, reread): (Arc<Turn>, Duration),
    ) -> Result<Option<Self>> {
        let told = Told::from(Place::read(id, after)?);
        turn.take().await;
        // Listening comes first: what changes between these two lines is heard.
        let notices = engine.notices.listen();
        if engine.results.find(scope, id).await?.is_none() {
            return Ok(None);
        }
        let mut watch = Self {
            engine,
            scope,
            id,
            turn,
            reread,
            notices,
            told,
            waiting: VecDeque::new(),
            kept: 0,
            done: None,
            stage: Stage::Watching,
            next_look: Instant::now(),
        };
        watch.look().await?;
        Ok(Some(watch))
    }

    /// What is to be told: all that there is, then what comes, up to the end.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<LogAppended>> + use<> {
        stream::unfold(self, |mut watch| async move { Some((watch.next().await?, watch)) })
    }

    async fn next(&mut self) -> Option<Result<LogAppended>> {
        loop {
            if let Some(entry) = self.waiting.pop_front() {
                self.kept = self.kept.saturating_sub(weight(&entry.message));
                self.turn.hold().await;
                return Some(Ok(entry));
            }
            self.turn.give_back();
            if self.stage == Stage::Over {
                return None;
            }
            self.hint().await;
            if let Err(error) = self.look().await {
                self.stage = Stage::Over;
                return Some(Err(error.into()));
            }
        }
    }

    /// Takes up what was not told yet.
    async fn look(&mut self) -> Result<(), StoreError> {
        self.turn.take().await;
        let began = Instant::now();
        // In this order: what is not at work any more has told all, and what has ended has all its lines.
        let at_work = self.engine.is_at_work(self.id);
        let result = self.engine.results.find(self.scope, self.id).await?;
        let ended = result.is_none_or(|result| result.status.is_final());
        let complete = self.read_lines().await?;
        self.stage = match (complete, ended, at_work) {
            (false, ..) => Stage::Reading,
            (true, false, _) => Stage::Watching,
            (true, true, true) => Stage::Ending,
            (true, true, false) => Stage::Over,
        };
        self.next_look = began + PACE.max(began.elapsed() * PAUSE);
        Ok(())
    }

    /// Takes up what was logged, line by line, until enough is kept; whether that is all.
    async fn read_lines(&mut self) -> Result<bool, StoreError> {
        // The line that is done is read again, to see whether it was begun again since.
        let mut after = self.done.and_then(|(line_no, _)| line_no.checked_sub(1));
        let mut previous = None;
        loop {
            let page = self.engine.lines_within(self.scope, &[self.id], after, PAGE_BYTES).await?;
            let first = page.items.first().map(|(_, line)| (line.line_no, Try::of(line)));
            if previous.is_none() && self.done.is_some() && self.done != first {
                (self.done, after) = (None, None);
                continue;
            }
            for (_, line) in &page.items {
                // The last line that there is may still log; those before it may not.
                self.done = previous.or(self.done);
                if !self.take_up(line) {
                    return Ok(false);
                }
                previous = Some((line.line_no, Try::of(line)));
            }
            if !page.more {
                return Ok(true);
            }
            after = previous.map(|(line_no, _)| line_no);
        }
    }

    /// Takes up what the line has logged; false if there is more than is kept.
    fn take_up(&mut self, line: &LineResult) -> bool {
        let mut count = self.told.of(line);
        for (index, entry) in line.log.iter().enumerate().skip(count) {
            if self.kept > KEPT_BYTES {
                break;
            }
            (self.kept, count) = (self.kept + weight(&entry.message), index + 1);
            self.waiting.push_back(LogAppended {
                cursor: Cursor::behind(Place::of(self.id, line, index)).encode_cursor(),
                line_no: line.line_no,
                line_name: line.name.clone(),
                level: entry.level.into(),
                message: entry.message.clone(),
                at: entry.at.map(Moment),
            });
        }
        self.told.note(line, count);
        count >= line.log.len()
    }

    /// Waits for a hint, or for the time to look anyway, and then a little for what comes quickly.
    async fn hint(&mut self) {
        if self.stage == Stage::Watching {
            let _ = timeout(self.reread, self.heard()).await;
        }
        if self.stage == Stage::Reading {
            return;
        }
        sleep_until(self.next_look).await;
        // What was heard meanwhile is seen by the look that follows.
        self.notices = self.notices.resubscribe();
    }

    async fn heard(&mut self) {
        loop {
            match self.notices.recv().await {
                Ok(Notice { change: Change::Progress(_), .. }) => {}
                Ok(notice) if notice.result != self.id => {}
                Ok(_) | Err(RecvError::Lagged(_)) => return,
                // The engine is going away, and the socket with it.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
