//! Forgetting what is older than is kept, in memory.

use std::collections::{BTreeMap, HashSet};

use super::Tables;
use super::results::began;
use crate::model::Instant;
use crate::model::organization::OrganizationId;
use crate::model::result::{JobResult, ResultId};
use crate::model::status::Status;
use crate::ports::results::{Pruned, Retention};

/// What was seen of a job, from its newest result on.
#[derive(Default)]
struct Seen {
    results: u32,
    success: bool,
    failure: bool,
}

impl Seen {
    /// Whether the result is the newest that went well, or that failed.
    fn is_last_of_its_kind(&mut self, result: &JobResult) -> bool {
        match result.status {
            Status::Success | Status::Info if began(result) => !std::mem::replace(&mut self.success, true),
            Status::Error if began(result) => !std::mem::replace(&mut self.failure, true),
            _ => false,
        }
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
        // What was tried again goes when the results that tried it again are gone.
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
            let is_last = seen.is_last_of_its_kind(result);
            // Of a job that was deleted, only what is young is kept.
            let of_job = result.version > self.deleted_version(*organization, &result.job);
            let stays = of_job && (is_last || seen.results < keep.results);
            let aged = (now - result.created_at).to_std().is_ok_and(|age| age > keep.age);
            if aged && !stays && result.status.is_final() && !roots.contains(&(*organization, *id)) {
                old.push((*organization, *id));
            }
            seen.results += 1;
        }
        old
    }
}
