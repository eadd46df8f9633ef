//! Remembers which records were seen, for `distinct`.

use std::collections::HashSet;

use crate::execution::outcome::LineError;
use crate::model::filter::Digest;

/// How many different records are remembered at most: their digests take up to 110 MB of memory.
pub(super) const MAX_DISTINCT: usize = 3_000_000;

/// The digests of the records that were seen.
pub(super) struct SeenDigests {
    digests: HashSet<Digest>,
    max: usize,
}

impl SeenDigests {
    pub(super) fn new(max: usize) -> Self {
        Self { digests: HashSet::new(), max }
    }

    /// Adds a digest; false if it was seen before.
    pub(super) fn insert(&mut self, digest: Digest) -> Result<bool, LineError> {
        let is_new = self.digests.insert(digest);
        if self.digests.len() > self.max {
            return Err(LineError::Failed(format!(
                "`distinct` can compare at most {} different records, and there are more; choose fewer with `where`, \
                 or group them with the action `standard/aggregate`.",
                self.max
            )));
        }
        Ok(is_new)
    }
}
