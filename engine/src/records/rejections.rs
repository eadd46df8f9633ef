//! The records that a line rejected: the first of them with their reasons, and how many there were.

use crate::model::record::{Rejected, size_of_text};
use crate::model::status::Status;
use crate::records::{all_of, counted};

/// How many rejected records are kept in memory, and how many bytes of them.
pub(crate) const KEPT: usize = 10_000;
const KEPT_BYTES: usize = 16 * 1024 * 1024;

/// Rejected records in the order in which they left the set.
#[derive(Debug, Default)]
pub(crate) struct Rejections {
    first: Vec<Rejected>,
    bytes: usize,
    count: u64,
}

impl Rejections {
    /// Counts a rejected record, and keeps it if it is within the bounds. After one that was not kept, none is kept: no
    /// record is left out in the middle.
    pub(crate) fn push(&mut self, rejected: Rejected) {
        let all_kept = self.first.len() as u64 == self.count;
        self.count += 1;
        if !all_kept || self.first.len() == KEPT {
            return;
        }
        self.bytes += size_of_text(&rejected.record) + rejected.reason.len();
        // The first is always kept: the message of the line contains its reason.
        if self.bytes <= KEPT_BYTES || self.first.is_empty() {
            self.first.push(rejected);
        }
    }

    /// Adds the rejections of a later step.
    pub(crate) fn append(&mut self, later: Self) {
        let not_kept = later.count - later.first.len() as u64;
        later.first.into_iter().for_each(|rejected| self.push(rejected));
        self.count += not_kept;
    }

    /// How many there were.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Those that were kept.
    pub(crate) fn first(&self) -> &[Rejected] {
        &self.first
    }

    /// The status and the message of a filter that read `read` records and would otherwise have the given ones: a
    /// warning if some were rejected, and an error if all were.
    pub(crate) fn add_to(&self, read: usize, status: Status, message: String) -> (Status, String) {
        let Some(first) = self.first.first() else { return (status, message) };
        let reason = &first.reason;
        match self.count == read as u64 {
            true => (Status::Error, format!("Rejected {}; the first: {reason}.", all_of(read))),
            false => {
                let status = status.max(Status::Warning);
                (status, format!("{message} Rejected {} of {}; the first: {reason}.", self.count, counted(read)))
            }
        }
    }

    /// Those that were kept.
    pub(crate) fn into_first(self) -> impl Iterator<Item = Rejected> {
        self.first.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rejected(text: &str) -> Rejected {
        Rejected { record: json!({"text": text}), reason: "odd".to_owned() }
    }

    #[test]
    fn all_are_counted_and_the_first_are_kept() {
        let mut rejections = Rejections::default();
        (0..KEPT + 5).for_each(|_| rejections.push(rejected("x")));
        assert_eq!((rejections.first().len(), rejections.count()), (KEPT, KEPT as u64 + 5));
    }

    #[test]
    fn nothing_is_kept_after_a_record_that_is_too_large() {
        let mut rejections = Rejections::default();
        let large = "x".repeat(KEPT_BYTES / 2);
        for text in [large.as_str(), &large, "small"] {
            rejections.push(rejected(text));
        }
        assert_eq!((rejections.first().len(), rejections.count()), (1, 3), "nothing is left out in the middle");
    }
}
