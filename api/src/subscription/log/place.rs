//! Places in the log of a job result, and which of it was told.

use std::collections::HashMap;

use engine::model::result::{LineResult, ResultId};

use crate::objects::{Result, page};
use crate::refusal::Refusal;

/// A place in the log of a result: one message of one try of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    result: ResultId,
    line_no: u32,
    this: Try,
    index: usize,
}

/// Which try of a line: its number, and when it began, since a line that a crash cut is begun
/// again under the same number with an empty log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Try {
    attempt: u32,
    began: i64,
}

impl Try {
    pub(super) fn of(line: &LineResult) -> Self {
        let began = line.started_at.map_or(0, |began| began.timestamp_micros());
        Self { attempt: line.attempt, began }
    }
}

impl Place {
    /// The place of a message.
    pub(super) fn of(result: ResultId, line: &LineResult, index: usize) -> Self {
        Self { result, line_no: line.line_no, this: Try::of(line), index }
    }

    /// The place that a cursor names; the beginning if there is none.
    pub(super) fn read(result: ResultId, after: Option<&str>) -> Result<Option<Self>> {
        let unknown = || Refusal::bad("`after` must be a cursor of this log, as each of its messages has one.");
        let Some(key) = page::start(after).map_err(|_| unknown())? else { return Ok(None) };
        let place = Self::parse(&key).filter(|place| place.result == result);
        place.map(Some).ok_or_else(unknown)
    }

    fn parse(key: &str) -> Option<Self> {
        let mut parts = key.split('.');
        let result = ResultId(parts.next()?.parse().ok()?);
        let line_no = parts.next()?.parse().ok()?;
        let this = Try { attempt: parts.next()?.parse().ok()?, began: parts.next()?.parse().ok()? };
        let index = parts.next()?.parse().ok()?;
        parts.next().is_none().then_some(Self { result, line_no, this, index })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { result, line_no, this: Try { attempt, began }, index } = self;
        write!(f, "{}.{line_no}.{attempt}.{began}.{index}", result.0)
    }
}

/// How much of the log was told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Where the caller had come before.
    after: Option<Place>,
    /// How many messages of each line's newest try.
    lines: HashMap<u32, (Try, usize)>,
}

impl From<Option<Place>> for Told {
    fn from(after: Option<Place>) -> Self {
        Self { after, lines: HashMap::new() }
    }
}

impl Told {
    /// How many messages of the line were told.
    pub(super) fn of(&self, line: &LineResult) -> usize {
        let this = Try::of(line);
        match (self.lines.get(&line.line_no), &self.after) {
            (Some((known, count)), _) => {
                if *known == this {
                    *count
                } else {
                    0
                }
            }
            (None, Some(after)) if after.line_no == line.line_no && after.this == this => after.index.saturating_add(1),
            // A line comes after all that the lines before it had to tell. One that has not ended is done again.
            (None, Some(after)) if line.line_no < after.line_no && line.status.is_final() => line.log.len(),
            (None, _) => 0,
        }
    }

    /// Notes that the first `count` messages of the line were told.
    pub(super) fn note(&mut self, line: &LineResult, count: usize) {
        let count = self.of(line).max(count);
        self.lines.insert(line.line_no, (Try::of(line), count));
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};

    use super::*;

    const UUID: &str = "0197a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";

    fn place() -> Place {
        let result = ResultId(UUID.parse().unwrap());
        Place { result, line_no: 20, this: Try { attempt: 2, began: 1_772_352_000_000_001 }, index: 7 }
    }

    #[test]
    fn places_go_there_and_back() {
        let cursor = BASE64.encode(format!("after:{}", place()));
        assert_eq!(Place::read(place().result, Some(&cursor)).unwrap(), Some(place()));
        assert_eq!(Place::read(place().result, None).unwrap(), None);
    }

    #[test]
    fn a_cursor_of_something_else_is_refused() {
        let elsewhere = ResultId(uuid_of("0297a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"));
        let cursor = BASE64.encode(format!("after:{}", place()));
        assert!(Place::read(elsewhere, Some(&cursor)).is_err());
        for key in ["", "x", "20.2.3.4", &format!("{UUID}.20.2.3"), &format!("{UUID}.20.2.3.4.5")] {
            assert!(Place::read(place().result, Some(&BASE64.encode(format!("after:{key}")))).is_err(), "{key}");
        }
    }

    fn uuid_of<T: std::str::FromStr>(text: &str) -> T
    where
        T::Err: std::fmt::Debug,
    {
        text.parse().unwrap()
    }
}
