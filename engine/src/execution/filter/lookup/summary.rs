//! What the lookups of a filter add to the status and the message of its line.

use crate::execution::filter::lookup::{LoadedLookup, Lookups};
use crate::model::filter::Missing;
use crate::model::status::Status;
use crate::records::rejections::Rejections;
use crate::records::{all_of, counted};

/// How the lookups of a filter went.
#[derive(Default)]
pub(in crate::execution::filter) struct LookupSummary {
    /// The records for which nothing was found, where the lookup rejects them.
    pub(in crate::execution::filter) rejected: Rejections,
    looked_up: usize,
    warnings: Vec<String>,
    /// For each lookup, a sentence about the records for which nothing was found.
    missing: Vec<String>,
}

impl Lookups {
    pub(in crate::execution::filter) fn finish(self) -> LookupSummary {
        let warnings = self.loaded.iter().flat_map(LoadedLookup::warnings).collect();
        let missing = self.loaded.iter().filter_map(LoadedLookup::missing).collect();
        LookupSummary { rejected: self.rejected, looked_up: self.looked_up, warnings, missing }
    }
}

impl LookupSummary {
    /// The status and the message of a line that would have the given ones without lookups.
    pub(in crate::execution::filter) fn add_to(&self, status: Status, message: String) -> (Status, String) {
        let mut sentences = vec![message];
        sentences.extend(self.missing.iter().cloned());
        sentences.extend(self.warnings.iter().cloned());
        let Some(first) = self.rejected.first().first() else {
            let status = if self.warnings.is_empty() { status } else { status.max(Status::Warning) };
            return (status, sentences.join(" "));
        };
        let first = first.reason.trim_end_matches('.');
        if self.rejected.count() == self.looked_up as u64 {
            sentences[0] = format!("Rejected {}; the first: {first}.", all_of(self.looked_up));
            return (Status::Error, sentences.join(" "));
        }
        sentences.push(format!(
            "Rejected {} of {}; the first: {first}.",
            self.rejected.count(),
            counted(self.looked_up)
        ));
        (status.max(Status::Warning), sentences.join(" "))
    }
}

impl LoadedLookup {
    /// For how many records nothing was found. Rejected records are reported by the message anyway.
    fn missing(&self) -> Option<String> {
        let missing = self.looked_up - self.found;
        let place = self.lookup.source.title();
        (missing > 0 && self.lookup.missing != Missing::Reject)
            .then(|| format!("Not found in {place}: {missing} of {}.", counted(self.looked_up)))
    }

    /// What is probably wrong in the definition.
    fn warnings(&self) -> Vec<String> {
        let setting = |part: &str| format!("lookup.{}.{part}", self.lookup.name);
        let place = format!("of {}", self.lookup.source.title());
        let of_source = self.in_source.iter().filter_map(|(part, presence)| presence.warning(&place, &setting(part)));
        let on = self.on.warning("of the set", &setting("on"));
        let left_out = self.left_out.clone();
        let mut warnings: Vec<_> = on.into_iter().chain(of_source).chain(left_out).collect();
        if let ([Some(in_source), Some(in_set)], 0, Some(key)) = (self.kinds, self.found, &self.lookup.key)
            && in_source != in_set
        {
            let on = &self.lookup.on;
            warnings.push(format!(
                "`{on}` is {in_set}, but `{key}` {place} is {in_source}, and a lookup finds only values of the same \
                 type; give one of them the type of the other with `types` in its source."
            ));
        }
        warnings
    }
}
