//! Follows the log of one job result, for `logAppended`. Each message has a position in the log, so that none is lost
//! or sent twice.

mod position;

use std::collections::VecDeque;
use std::time::Duration;

use async_graphql::connection::CursorType;
use async_graphql::{Context, ID, SimpleObject};
use engine::model::result::LineResult;
use engine::node::events::ResultChange;
use engine::ports::StoreError;
use futures_util::{Stream, stream};
use tokio::time::{Instant, sleep_until, timeout};

use super::absent;
use super::watched_result::{PAUSE, WatchedResult};
use crate::objects::moment::Moment;
use crate::objects::page::Cursor;
use crate::objects::status::LogLevel;
use crate::resolver::Result;
use position::{Attempt, LogPosition, SentMessages};

/// The log is read at most this often, so that messages that come quickly are read together.
const PACE: Duration = Duration::from_millis(50);
/// How many bytes of messages are kept to be sent. More is read when they have been sent.
const KEPT_BYTES: usize = 256 * 1024;

/// One message of the log of a job result.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct LogAppended {
    /// Position in the log; a subscription with this as `after` continues behind it.
    cursor: String,
    /// Number of the line that logged it.
    line_no: u32,
    /// Name of the line, if it has one.
    line_name: Option<String>,
    /// Severity of the message.
    level: LogLevel,
    /// Text of the message.
    message: String,
    /// When it was logged, in milliseconds; null if that is not known.
    at: Option<Moment>,
}

/// A watch on the log of one job result.
pub(super) struct LogWatch {
    watched: WatchedResult,
    sent: SentMessages,
    queue: VecDeque<LogAppended>,
    /// Bytes of the queue.
    queued_bytes: usize,
    /// The last line that was read to its end and has another line after it, and its attempt. The lines up to it do not
    /// change any more, unless they start again.
    done: Option<(u32, Attempt)>,
    stage: Stage,
    /// The log is not read again before this.
    next_read: Instant,
}

/// How far the watch has come.
#[derive(PartialEq)]
enum Stage {
    /// There are more messages than the queue may hold.
    Reading,
    /// More may be logged.
    Watching,
    /// The result has ended, and its worker is about to write the last messages.
    Ending,
    /// No more messages come.
    Over,
}

/// Bytes of a message in the queue: its text, and about as much as its cursor, names and entry take.
fn weight(message: &str) -> usize {
    message.len() + 256
}

impl LogWatch {
    /// Begins to watch, behind a cursor.
    ///
    /// # Errors
    /// `NOT_FOUND` if the organization has no such result; `BAD_REQUEST` for a cursor of another log.
    pub(super) async fn begin(context: &Context<'_>, id: &ID, after: Option<&str>) -> Result<Self> {
        let watched = WatchedResult::listen(context, id).await?;
        let sent = SentMessages::up_to(LogPosition::read(watched.id, after)?);
        if watched.find().await?.is_none() {
            return Err(absent());
        }
        let mut watch = Self {
            watched,
            sent,
            queue: VecDeque::new(),
            queued_bytes: 0,
            done: None,
            stage: Stage::Watching,
            next_read: Instant::now(),
        };
        watch.read().await?;
        Ok(watch)
    }

    /// The messages so far, then new ones, up to the end.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<LogAppended>> + use<> {
        stream::unfold(self, |mut watch| async move { Some((watch.next().await?, watch)) })
    }

    async fn next(&mut self) -> Option<Result<LogAppended>> {
        loop {
            if let Some(entry) = self.queue.pop_front() {
                self.queued_bytes = self.queued_bytes.saturating_sub(weight(&entry.message));
                self.watched.permit.acquire_socket().await;
                return Some(Ok(entry));
            }
            self.watched.permit.release();
            if self.stage == Stage::Over {
                return None;
            }
            self.wait().await;
            if let Err(error) = self.read().await {
                self.stage = Stage::Over;
                return Some(Err(error.into()));
            }
        }
    }

    /// Queues the messages that have not been sent yet.
    async fn read(&mut self) -> Result<(), StoreError> {
        self.watched.permit.acquire().await;
        let began = Instant::now();
        // The order matters: a result that is no longer running has written its whole log, and one that has ended has
        // all its lines.
        let running = self.watched.engine.results().is_running(self.watched.id);
        let result = self.watched.find().await?;
        let ended = result.is_none_or(|result| result.status.is_final());
        let complete = self.read_lines().await?;
        self.stage = match (complete, ended, running) {
            (false, ..) => Stage::Reading,
            (true, false, _) => Stage::Watching,
            (true, true, true) => Stage::Ending,
            (true, true, false) => Stage::Over,
        };
        self.next_read = began + PACE.max(began.elapsed() * PAUSE);
        Ok(())
    }

    /// Queues messages line by line until the queue is full; returns whether these were all.
    async fn read_lines(&mut self) -> Result<bool, StoreError> {
        // The line that is done is read again, to see whether it has started again since.
        let mut after = self.done.and_then(|(line_no, _)| line_no.checked_sub(1));
        let mut previous = None;
        loop {
            let page = self.watched.lines(after).await?;
            let first = page.items.first().map(|(_, line)| (line.line_no, Attempt::of(line)));
            if previous.is_none() && self.done.is_some() && self.done != first {
                (self.done, after) = (None, None);
                continue;
            }
            for (_, line) in &page.items {
                // Only the last line may still log.
                self.done = previous.or(self.done);
                if !self.enqueue(line) {
                    return Ok(false);
                }
                previous = Some((line.line_no, Attempt::of(line)));
            }
            if !page.more {
                return Ok(true);
            }
            after = previous.map(|(line_no, _)| line_no);
        }
    }

    /// Queues the messages of a line; returns whether the queue holds all of them.
    fn enqueue(&mut self, line: &LineResult) -> bool {
        let mut count = self.sent.count(line);
        for (index, entry) in line.log.iter().enumerate().skip(count) {
            if self.queued_bytes > KEPT_BYTES {
                break;
            }
            (self.queued_bytes, count) = (self.queued_bytes + weight(&entry.message), index + 1);
            self.queue.push_back(LogAppended {
                cursor: Cursor::behind(LogPosition::of(self.watched.id, line, index)).encode_cursor(),
                line_no: line.line_no,
                line_name: line.name.clone(),
                level: entry.level.into(),
                message: entry.message.clone(),
                at: entry.at.map(Moment::in_milliseconds),
            });
        }
        self.sent.note(line, count);
        count >= line.log.len()
    }

    /// Waits for an event, or for the time to read without one, and then a little for events that follow quickly.
    async fn wait(&mut self) {
        if self.stage == Stage::Watching {
            let _ = timeout(self.watched.reread, self.event()).await;
        }
        if self.stage == Stage::Reading {
            return;
        }
        sleep_until(self.next_read).await;
        self.watched.skip_events();
    }

    async fn event(&mut self) {
        while let Some(ResultChange::Progress(_)) = self.watched.next_change().await {}
    }
}
