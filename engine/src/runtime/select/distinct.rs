//! Which records are the first of their kind.

use std::collections::HashSet;

use crate::model::filter::Digest;
use crate::runtime::perform::Broken;

/// How many different records are told apart: what is noted of them takes up to 110 MB.
pub(super) const AT_MOST: usize = 3_000_000;

/// What was seen before.
pub(super) struct Seen {
    digests: HashSet<Digest>,
    most: usize,
}

impl Seen {
    /// Tells at most so many apart.
    pub(super) fn at_most(most: usize) -> Self {
        Self { digests: HashSet::new(), most }
    }

    /// Notes a digest; false if it was seen before.
    pub(super) fn is_new(&mut self, digest: Digest) -> Result<bool, Broken> {
        let new = self.digests.insert(digest);
        if self.digests.len() > self.most {
            return Err(Broken::Error(format!(
                "`distinct` tells at most {} records apart, and there are more; choose fewer with `where`, \
                 or group them with the action `standard/aggregate`.",
                self.most
            )));
        }
        Ok(new)
    }
}
