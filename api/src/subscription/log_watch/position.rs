//! Positions in the log of a job result, and which messages were sent.

use std::collections::HashMap;

use engine::model::result::{LineResult, ResultId};

use crate::error::ApiError;
use crate::objects::page;
use crate::resolver::Result;

/// The position of a message: its index in the log of one attempt of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogPosition {
    result: ResultId,
    line_no: u32,
    attempt: Attempt,
    index: usize,
}

/// An attempt of a line. Its number alone is not enough: after a crash the line starts again under the same number,
/// with an empty log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attempt {
    number: u32,
    began: i64,
}

impl Attempt {
    pub(super) fn of(line: &LineResult) -> Self {
        let began = line.started_at.map_or(0, |began| began.timestamp_micros());
        Self { number: line.attempt, began }
    }
}

impl LogPosition {
    /// The position of a message.
    pub(super) fn of(result: ResultId, line: &LineResult, index: usize) -> Self {
        Self { result, line_no: line.line_no, attempt: Attempt::of(line), index }
    }

    /// The position that a cursor names.
    ///
    /// # Errors
    /// `BAD_REQUEST` if it is no cursor of this log.
    pub(super) fn read(result: ResultId, after: Option<&str>) -> Result<Option<Self>> {
        let unknown = || ApiError::bad("`after` must be a cursor of this log, as each of its messages has one.");
        let Some(key) = page::start(after).map_err(|_| unknown())? else { return Ok(None) };
        let position = Self::parse(&key).filter(|position| position.result == result);
        position.map(Some).ok_or_else(unknown)
    }

    fn parse(key: &str) -> Option<Self> {
        let mut parts = key.split('.');
        let result = ResultId(parts.next()?.parse().ok()?);
        let line_no = parts.next()?.parse().ok()?;
        let attempt = Attempt { number: parts.next()?.parse().ok()?, began: parts.next()?.parse().ok()? };
        let index = parts.next()?.parse().ok()?;
        parts.next().is_none().then_some(Self { result, line_no, attempt, index })
    }
}

impl std::fmt::Display for LogPosition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { result, line_no, attempt: Attempt { number, began }, index } = self;
        write!(f, "{}.{line_no}.{number}.{began}.{index}", result.0)
    }
}

/// Which messages were sent.
#[derive(Debug)]
pub(super) struct SentMessages {
    /// The last message that the client had before it subscribed.
    after: Option<LogPosition>,
    /// How many messages were sent of the newest attempt of each line.
    lines: HashMap<u32, (Attempt, usize)>,
}

impl SentMessages {
    /// All messages up to this one were sent to the client before.
    pub(super) fn up_to(after: Option<LogPosition>) -> Self {
        Self { after, lines: HashMap::new() }
    }

    /// How many messages of the line were sent.
    pub(super) fn count(&self, line: &LineResult) -> usize {
        let attempt = Attempt::of(line);
        match (self.lines.get(&line.line_no), &self.after) {
            (Some((known, count)), _) => {
                if *known == attempt {
                    *count
                } else {
                    0
                }
            }
            (None, Some(after)) if after.line_no == line.line_no && after.attempt == attempt => {
                after.index.saturating_add(1)
            }
            // Lines run in order, so the client has the whole log of an earlier line. If that line has not ended, it
            // runs again.
            (None, Some(after)) if line.line_no < after.line_no && line.status.is_final() => line.log.len(),
            (None, _) => 0,
        }
    }

    /// Notes that the first `count` messages of the line were sent.
    pub(super) fn note(&mut self, line: &LineResult, count: usize) {
        let count = self.count(line).max(count);
        self.lines.insert(line.line_no, (Attempt::of(line), count));
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};

    use super::*;

    const UUID: &str = "0197a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";

    fn position() -> LogPosition {
        let result = ResultId(UUID.parse().unwrap());
        LogPosition { result, line_no: 20, attempt: Attempt { number: 2, began: 1_772_352_000_000_001 }, index: 7 }
    }

    #[test]
    fn a_cursor_leads_back_to_its_position() {
        let cursor = BASE64.encode(format!("after:{}", position()));
        assert_eq!(LogPosition::read(position().result, Some(&cursor)).unwrap(), Some(position()));
        assert_eq!(LogPosition::read(position().result, None).unwrap(), None);
    }

    #[test]
    fn a_cursor_of_something_else_is_refused() {
        let elsewhere = ResultId(uuid_of("0297a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"));
        let cursor = BASE64.encode(format!("after:{}", position()));
        assert!(LogPosition::read(elsewhere, Some(&cursor)).is_err());
        for key in ["", "x", "20.2.3.4", &format!("{UUID}.20.2.3"), &format!("{UUID}.20.2.3.4.5")] {
            assert!(
                LogPosition::read(position().result, Some(&BASE64.encode(format!("after:{key}")))).is_err(),
                "{key}"
            );
        }
    }

    fn uuid_of<T: std::str::FromStr>(text: &str) -> T
    where
        T::Err: std::fmt::Debug,
    {
        text.parse().unwrap()
    }
}
