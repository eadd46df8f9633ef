//! Pages of the records that are kept of a line.

use async_graphql::connection::{Connection, Edge};
use async_graphql::{Context, OutputType, SimpleObject};
use engine::model::record::size_of_text;
use engine::model::result::ResultId;
use engine::ports::parts::{Part, PartKind};
use engine::ports::{Listed, PAGE_BYTES};
use serde_json::Value;

use super::page::{self, Cursor};
use crate::resolver::{Result, engine, scope};

/// How many parts are read at once: two parts hold more than most pages.
const PARTS_AT_ONCE: u32 = 2;

/// A stored record that a line passed on.
#[derive(SimpleObject)]
pub(crate) struct KeptRecord {
    /// The record: a JSON object.
    #[graphql(complexity = "page::BULKY")]
    data: Value,
}

impl From<Value> for KeptRecord {
    fn from(data: Value) -> Self {
        Self { data }
    }
}

/// A stored record that a line rejected.
#[derive(SimpleObject)]
pub(crate) struct RejectedRecord {
    /// The record that the line got: a JSON object.
    #[graphql(complexity = "page::BULKY")]
    record: Value,
    /// Why it was rejected, in one sentence.
    reason: String,
}

impl From<Value> for RejectedRecord {
    fn from(mut kept: Value) -> Self {
        let reason = kept["reason"].as_str().unwrap_or_default().to_owned();
        Self { record: kept["record"].take(), reason }
    }
}

/// A page of kept records.
pub(crate) type KeptPage<Node> = Connection<Cursor, Node>;

/// A page of a kept set of a line, in the order of the set.
pub(crate) async fn page<Node>(
    context: &Context<'_>,
    id: ResultId,
    set: (u32, PartKind),
    first: i32,
    after: Option<&str>,
) -> Result<KeptPage<Node>>
where
    Node: OutputType + From<Value>,
{
    let size = page::size(first)? as usize;
    let after = page::start(after)?;
    let start = match &after {
        Some(key) => RecordPosition::read(key).ok_or_else(page::unknown_cursor)?.next(),
        None => RecordPosition { part: 0, index: 0 },
    };
    let found = page::read(context, records(context, id, set, start, size), |(_, record)| size_of_text(record)).await?;
    let mut page = Connection::new(after.is_some(), found.more);
    let edge = |(position, record): (RecordPosition, Value)| Edge::new(Cursor::behind(position), Node::from(record));
    page.edges = found.items.into_iter().map(edge).collect();
    Ok(page)
}

/// The position of a record in a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RecordPosition {
    part: u32,
    index: usize,
}

impl RecordPosition {
    fn read(key: &str) -> Option<Self> {
        let (part, index) = key.split_once('.')?;
        Some(Self { part: part.parse().ok()?, index: index.parse().ok()? })
    }

    fn next(self) -> Self {
        Self { index: self.index.saturating_add(1), ..self }
    }
}

impl std::fmt::Display for RecordPosition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.part, self.index)
    }
}

/// The records from `start` on: at most `limit`, and at most [`PAGE_BYTES`].
async fn records(
    context: &Context<'_>,
    id: ResultId,
    set: (u32, PartKind),
    start: RecordPosition,
    limit: usize,
) -> Result<Listed<(RecordPosition, Value)>> {
    let (mut items, mut bytes, mut from) = (Vec::new(), 0, start.part);
    loop {
        let parts = engine(context).results().parts(scope(context), id, set, from, PARTS_AT_ONCE).await?;
        let Some(last) = parts.last() else { return Ok(Listed { items, more: false }) };
        from = last.part.saturating_add(1);
        for (position, record) in parts.into_iter().flat_map(|part| records_from(part, start)) {
            bytes += size_of_text(&record);
            if items.len() == limit || (bytes > PAGE_BYTES && !items.is_empty()) {
                return Ok(Listed { items, more: true });
            }
            items.push((position, record));
        }
    }
}

/// The records of a part from `start` on.
fn records_from(part: Part, start: RecordPosition) -> impl Iterator<Item = (RecordPosition, Value)> {
    let passed = if part.part == start.part { start.index } else { 0 };
    let number = part.part;
    let records = part.records.into_iter().enumerate().skip(passed);
    records.map(move |(index, record)| (RecordPosition { part: number, index }, record))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_back_and_nonsense_is_refused() {
        let position = RecordPosition { part: 3, index: 999 };
        assert_eq!(RecordPosition::read(&position.to_string()), Some(position));
        for text in ["", "3", "3.", "a.b", "-1.0", "3.999999999999999999999"] {
            assert_eq!(RecordPosition::read(text), None, "{text}");
        }
    }
}
