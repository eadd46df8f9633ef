//! What the lookups of a filter add to the status and the message of its line.

use super::{Loaded, Lookups};
use crate::model::filter::Missing;
use crate::model::status::Status;
use crate::runtime::act::counted;
use crate::runtime::rejections::Rejections;

/// How the lookups of a filter went.
#[derive(Default)]
pub(in crate::runtime::select) struct Joined {
    /// The records for which nothing was found, where the lookup rejects them.
    pub(in crate::runtime::select) rejected: Rejections,
    asked: usize,
    warnings: Vec<String>,
    /// What was not found.
    missing: Vec<String>,
}

impl Lookups {
    pub(in crate::runtime::select) fn finish(self) -> Joined {
        let warnings = self.loaded.iter().flat_map(Loaded::warnings).collect();
        let missing = self.loaded.iter().filter_map(Loaded::missing).collect();
        Joined { rejected: self.rejected, asked: self.asked, warnings, missing }
    }
}

impl Joined {
    /// The status and the message of a line that would have these without lookups.
    pub(in crate::runtime::select) fn verdict(&self, status: Status, message: String) -> (Status, String) {
        let mut sentences = vec![message];
        sentences.extend(self.missing.iter().cloned());
        sentences.extend(self.warnings.iter().cloned());
        let Some(first) = self.rejected.first().first() else {
            let status = if self.warnings.is_empty() { status } else { status.max(Status::Warning) };
            return (status, sentences.join(" "));
        };
        let first = first.reason.trim_end_matches('.');
        if self.rejected.count() == self.asked as u64 {
            sentences[0] = format!("Rejected all {}; the first: {first}.", counted(self.asked));
            return (Status::Error, sentences.join(" "));
        }
        sentences.push(format!("Rejected {} of {}; the first: {first}.", self.rejected.count(), counted(self.asked)));
        (status.max(Status::Warning), sentences.join(" "))
    }
}

impl Loaded {
    /// How many records found nothing, unless they are rejected: the message says that anyway.
    fn missing(&self) -> Option<String> {
        let missing = self.asked - self.found;
        let place = self.lookup.source.title();
        (missing > 0 && self.lookup.missing != Missing::Reject)
            .then(|| format!("Not found in {place}: {missing} of {}.", counted(self.asked)))
    }

    /// What is probably wrong in the definition.
    fn warnings(&self) -> Vec<String> {
        let word = |part: &str| format!("lookup.{}.{part}", self.lookup.name);
        let place = format!("of {}", self.lookup.source.title());
        let in_source = self.in_source.iter().filter_map(|(part, sought)| sought.warning(&place, &word(part)));
        let on = self.on.warning("of the set", &word("on"));
        let left_out = self.left_out.clone();
        let mut warnings: Vec<_> = on.into_iter().chain(in_source).chain(left_out).collect();
        if let ([Some(there), Some(here)], 0, Some(key)) = (self.kinds, self.found, &self.lookup.key)
            && there != here
        {
            let on = &self.lookup.on;
            warnings.push(format!(
                "`{on}` is {here} and `{key}` {place} is {there}, and a lookup finds only values of the same type; \
                 say the type of one of them in its source."
            ));
        }
        warnings
    }
}
