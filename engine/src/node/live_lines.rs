//! The current lines of results: those in the store, and those that run on this node and are not written yet.

use std::collections::BTreeMap;

use super::Node;
use crate::model::organization::OrgScope;
use crate::model::result::{LineResult, ResultId};
use crate::ports::results::LinesOf;
use crate::ports::{Listed, StoreError};

impl Node {
    /// The lines of these results, by result and `lineNo`.
    pub(crate) async fn lines_now(
        &self,
        scope: OrgScope,
        ids: &[ResultId],
    ) -> Result<Vec<(ResultId, LineResult)>, StoreError> {
        Ok(self.lines_within(scope, LinesOf::all(ids), usize::MAX).await?.items)
    }

    /// The first of these lines that together have at most `max_bytes`, at least one. Lines that are not written yet are
    /// added to these.
    pub(crate) async fn lines_within(
        &self,
        scope: OrgScope,
        of: LinesOf<'_>,
        max_bytes: usize,
    ) -> Result<Listed<(ResultId, LineResult)>, StoreError> {
        // The running results are read first: one that ends in between is then in the store.
        let live: Vec<_> = of.results.iter().filter_map(|id| Some((*id, self.running.find(*id)?))).collect();
        let newer: BTreeMap<_, _> = live
            .iter()
            .filter(|(_, live)| live.organization == scope.organization())
            .flat_map(|(id, live)| live.unwritten().into_iter().map(|line| ((*id, line.line_no), line)))
            .filter(|((_, line_no), _)| of.after.is_none_or(|after| *line_no > after))
            .collect();
        let written = self.stores.history.lines_within(scope, of, max_bytes).await?;
        if newer.is_empty() {
            return Ok(written);
        }
        let mut lines: BTreeMap<_, _> = newer;
        if let Some((id, last)) = written.items.last().filter(|_| written.more) {
            let last = (*id, last.line_no);
            lines.retain(|key, _| *key <= last);
        }
        for (id, line) in written.items {
            let key = (id, line.line_no);
            // A line that has ended in the store does not change any more.
            if line.status.is_final() || !lines.contains_key(&key) {
                lines.insert(key, line);
            }
        }
        Ok(Listed { items: lines.into_iter().map(|((id, _), line)| (id, line)).collect(), more: written.more })
    }
}
