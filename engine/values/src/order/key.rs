//! Sort keys, and sorting records by several of them.

use std::cmp::Ordering;

use chrono::Utc;
use serde_json::Value;

use super::Zone;
use super::rank::Rank;
use crate::{Fault, path::Path};

/// One key of an order: a field, its direction, and the time zone of bare dates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key<Z = Utc> {
    /// The path of the field.
    pub path: Path,
    /// Whether the greatest value comes first. Null and missing come last in both directions.
    pub descending: bool,
    zone: Z,
}

impl Key {
    /// Parses `dueDate` (ascending) or `-dueDate` (descending), with bare dates in UTC.
    ///
    /// # Errors
    /// The path is not valid, or the direction is written as a word (`dueDate desc`).
    pub fn parse(text: &str) -> Result<Key, Fault> {
        Key::parse_in(text, Utc)
    }
}

impl<Z: Zone> Key<Z> {
    /// As [`Key::parse`], with bare dates in this zone.
    ///
    /// # Errors
    /// As [`Key::parse`].
    pub fn parse_in(text: &str, zone: Z) -> Result<Key<Z>, Fault> {
        if let Some(cure) = without_direction(text) {
            return Err(Fault::new(format!("\"{text}\" is not a key to sort by; write \"{cure}\"")));
        }
        let (descending, path) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        Ok(Key { path: Path::parse(path)?, descending, zone })
    }

    /// The order of two records; equal if the key does not distinguish them.
    pub fn compare(&self, a: &Value, b: &Value) -> Ordering {
        self.order(&self.rank(a), &self.rank(b))
    }

    fn rank<'a>(&self, record: &'a Value) -> Rank<'a> {
        Rank::new(self.path.of(record), &self.zone)
    }

    fn order(&self, a: &Rank, b: &Rank) -> Ordering {
        match self.descending {
            true => a.compare_descending(b, &self.zone),
            false => a.compare(b, &self.zone),
        }
    }
}

/// The key for `n desc` or `n asc`, which SQL would understand: `-n` or `n`.
fn without_direction(text: &str) -> Option<String> {
    let (name, word) = text.trim_end().rsplit_once(char::is_whitespace)?;
    let name = name.trim().trim_start_matches(['-', '+']);
    match word.to_ascii_lowercase().as_str() {
        "desc" | "descending" => Some(format!("-{name}")),
        "asc" | "ascending" => Some(name.to_owned()),
        _ => None,
    }
}

/// Sorts records by the keys, of which the first is the most important. The order of records that are
/// equal by all keys does not change.
pub fn sort<Z: Zone>(records: &mut Vec<Value>, keys: &[Key<Z>]) {
    let order = permutation(records, keys);
    *records = order.into_iter().map(|at| std::mem::take(&mut records[at])).collect();
}

/// The positions of the records in sorted order. Each key of each record is looked up only once.
fn permutation<Z: Zone>(records: &[Value], keys: &[Key<Z>]) -> Vec<usize> {
    let width = keys.len();
    let ranks: Vec<Rank> = records.iter().flat_map(|record| keys.iter().map(move |key| key.rank(record))).collect();
    let mut order: Vec<usize> = (0..records.len()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (&ranks[a * width..][..width], &ranks[b * width..][..width]);
        let pairs = keys.iter().zip(a.iter().zip(b));
        pairs.map(|(key, (a, b))| key.order(a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    });
    order
}
