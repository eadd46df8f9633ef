//! Reading the sets that the store keeps for a job result.

use super::outcome::Stopped;
use crate::model::organization::OrgScope;
use crate::model::result::ResultId;
use crate::node::Node;
use crate::ports::StoreError;
use crate::ports::parts::{Part, PartKind};
use crate::records::Set;

/// How many parts of a set are read at once.
const PARTS_AT_ONCE: u32 = 4;

/// Reads the parts of a stored set in their order, a few at a time.
pub(crate) struct PartReader<'a> {
    node: &'a Node,
    scope: OrgScope,
    result: ResultId,
    /// The line and the kind of the set.
    set: (u32, PartKind),
    next: u32,
}

impl<'a> PartReader<'a> {
    pub(crate) fn new(node: &'a Node, scope: OrgScope, result: ResultId, set: (u32, PartKind)) -> Self {
        Self { node, scope, result, set, next: 0 }
    }

    /// The next parts; empty at the end.
    pub(crate) async fn next(&mut self) -> Result<Vec<Part>, StoreError> {
        let history = &self.node.stores.history;
        let parts = history.parts(self.scope, self.result, self.set, self.next, PARTS_AT_ONCE).await?;
        if let Some(last) = parts.last() {
            self.next = last.part + 1;
        }
        Ok(parts)
    }
}

/// The set that is kept of a line of a result.
pub(crate) async fn read_stored_set(
    node: &Node,
    scope: OrgScope,
    result: ResultId,
    set: (u32, PartKind),
) -> Result<Set, Stopped> {
    let (mut reader, mut sink) = (PartReader::new(node, scope, result, set), node.spill.sink());
    loop {
        let parts = reader.next().await?;
        if parts.is_empty() {
            return Ok(sink.finish().await?);
        }
        for part in parts {
            sink.extend(part.records).await?;
        }
    }
}
