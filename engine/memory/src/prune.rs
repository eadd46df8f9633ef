//! Removes old results, in memory.

use std::collections::{BTreeMap, HashSet};

use super::Tables;
use crate::results::began;
use engine::model::Instant;
use engine::model::lifecycle::retention::{KINDS, Retention, RetentionFacts};
use engine::model::organization::OrganizationId;
use engine::model::result::{JobResult, ResultId};
use engine::ports::results::Pruned;

/// What was seen of a job so far, from its newest result on.
#[derive(Default)]
struct Seen {
    results: u32,
    kinds: [bool; KINDS.len()],
}

impl Seen {
    /// Whether the result is the newest of its kind.
    fn is_last_of_kind(&mut self, result: &JobResult) -> bool {
        let kind = KINDS.iter().position(|kind| kind.contains(&result.status)).filter(|_| began(result));
        kind.is_some_and(|kind| !std::mem::replace(&mut self.kinds[kind], true))
    }
}

impl Tables {
    pub(super) fn prune(&mut self, keep: Retention, now: Instant) -> Pruned {
        let old = self.old(keep, now);
        for place in &old {
            self.results.remove(place);
            self.starts.retain(|(organization, _), (id, _)| (*organization, *id) != *place);
            self.written.retain(|(organization, id, _), _| (*organization, *id) != *place);
        }
        // A retried result is removed only after its retries.
        Pruned { removed: old.len() as u64, more: !old.is_empty() }
    }

    fn old(&self, keep: Retention, now: Instant) -> Vec<(OrganizationId, ResultId)> {
        let mut seen: BTreeMap<(OrganizationId, &str), Seen> = BTreeMap::new();
        let roots: HashSet<_> = self
            .results
            .iter()
            .filter(|((_, id), entry)| entry.result.root != *id)
            .map(|((organization, _), entry)| (*organization, entry.result.root))
            .collect();
        let mut old = Vec::new();
        for ((organization, id), entry) in self.results.iter().rev() {
            let result = &entry.result;
            let seen = seen.entry((*organization, &result.job)).or_default();
            let past = RetentionFacts {
                created_at: result.created_at,
                status: result.status,
                of_deleted_job: result.version <= self.deleted_version(*organization, &result.job),
                is_among_newest: seen.results < keep.results,
                is_last_of_kind: seen.is_last_of_kind(result),
            };
            if keep.removes(past, now) && !roots.contains(&(*organization, *id)) {
                old.push((*organization, *id));
            }
            seen.results += 1;
        }
        old
    }
}
