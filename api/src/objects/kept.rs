//! The records that are kept of a line, page by page.

use async_graphql::connection::{Connection, Edge};
use async_graphql::{Context, OutputType, SimpleObject};
use engine::model::record::size_of_text;
use engine::model::result::ResultId;
use engine::ports::parts::{Part, PartKind};
use engine::ports::{Listed, PAGE_BYTES};
use serde_json::Value;

use super::page::{self, Cursor};
use super::{Result, engine, scope};

/// How many parts are read at once: any two of them together hold more than most pages.
const PARTS_AT_ONCE: u32 = 2;

/// A record that a line passed on, as it is kept.
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

/// A record that a line rejected, as it is kept.
#[derive(SimpleObject)]
pub(crate) struct RejectedRecord {
    /// The record as the line got it: a JSON object.
    #[graphql(complexity = "page::BULKY")]
    record: Value,
    /// One sentence for the person who has to mend it.
    reason: String,
}

impl From<Value> for RejectedRecord {
    fn from(mut kept: Value) -> Self {
        let reason = kept["reason"].as_str().unwrap_or_default().to_owned();
        Self { record: kept["record"].take(), reason }
    }
}

/// A page of what is kept.
pub(crate) type KeptPage<Node> = Connection<Cursor, Node>;

/// A page of a set that is kept of a line of a result, in its order.
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
        Some(key) => Place::read(key).ok_or_else(page::unknown_cursor)?.next(),
        None => Place { part: 0, index: 0 },
    };
    let found = page::read(context, records(context, id, set, start, size), |(_, record)| size_of_text(record)).await?;
    let mut page = Connection::new(after.is_some(), found.more);
    let edge = |(place, record): (Place, Value)| Edge::new(Cursor::behind(place), Node::from(record));
    page.edges = found.items.into_iter().map(edge).collect();
    Ok(page)
}

/// Where a record stands in a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    part: u32,
    index: usize,
}

impl Place {
    fn read(key: &str) -> Option<Self> {
        let (part, index) = key.split_once('.')?;
        Some(Self { part: part.parse().ok()?, index: index.parse().ok()? })
    }

    fn next(self) -> Self {
        Self { index: self.index.saturating_add(1), ..self }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.part, self.index)
    }
}

/// The records from `start` on: at most `limit`, and at most [`PAGE_BYTES`].
async fn records(
    context: &Context<'_>,
    id: ResultId,
    set: (u32, PartKind),
    start: Place,
    limit: usize,
) -> Result<Listed<(Place, Value)>> {
    let (mut items, mut bytes, mut from) = (Vec::new(), 0, start.part);
    loop {
        let parts = engine(context).results.parts(scope(context), id, set, from, PARTS_AT_ONCE).await?;
        let Some(last) = parts.last() else { return Ok(Listed { items, more: false }) };
        from = last.part.saturating_add(1);
        for (place, record) in parts.into_iter().flat_map(|part| placed(part, start)) {
            bytes += size_of_text(&record);
            if items.len() == limit || (bytes > PAGE_BYTES && !items.is_empty()) {
                return Ok(Listed { items, more: true });
            }
            items.push((place, record));
        }
    }
}

/// The records of a part that do not stand before `start`.
fn placed(part: Part, start: Place) -> impl Iterator<Item = (Place, Value)> {
    let passed = if part.part == start.part { start.index } else { 0 };
    let number = part.part;
    let records = part.records.into_iter().enumerate().skip(passed);
    records.map(move |(index, record)| (Place { part: number, index }, record))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_go_there_and_back_and_nonsense_is_none() {
        let place = Place { part: 3, index: 999 };
        assert_eq!(Place::read(&place.to_string()), Some(place));
        for text in ["", "3", "3.", "a.b", "-1.0", "3.999999999999999999999"] {
            assert_eq!(Place::read(text), None, "{text}");
        }
    }
}
