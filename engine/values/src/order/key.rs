//! Sorting records by several keys.

use std::cmp::Ordering;

use chrono::Utc;
use serde_json::Value;

use super::Zone;
use super::place::Place;
use crate::{Fault, path::Path};

/// One key of an order: a field, its direction, and the time zone of bare dates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key<Z = Utc> {
    /// The field, or the way to it.
    pub path: Path,
    /// Greatest first. Null and missing stay last in both directions.
    pub descending: bool,
    zone: Z,
}

impl Key {
    /// Reads `dueDate` (ascending) or `-dueDate` (descending), with bare dates in UTC.
    ///
    /// # Errors
    /// No path, or a direction written as a word (`dueDate desc`).
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
        if let Some(meant) = without_direction(text) {
            return Err(Fault::new(format!("\"{text}\" is not a key to sort by; write \"{meant}\"")));
        }
        let (descending, path) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        Ok(Key { path: Path::parse(path)?, descending, zone })
    }

    /// Which of two records comes first; equal if the key does not say.
    pub fn compare(&self, a: &Value, b: &Value) -> Ordering {
        self.order(&self.place(a), &self.place(b))
    }

    fn place<'a>(&self, record: &'a Value) -> Place<'a> {
        Place::of(self.path.of(record), &self.zone)
    }

    fn order(&self, a: &Place, b: &Place) -> Ordering {
        match self.descending {
            true => a.compare_descending(b, &self.zone),
            false => a.compare(b, &self.zone),
        }
    }
}

/// What SQL writes as `n desc` or `n asc` is `-n` or `n` here.
fn without_direction(text: &str) -> Option<String> {
    let (name, word) = text.trim_end().rsplit_once(char::is_whitespace)?;
    let name = name.trim().trim_start_matches(['-', '+']);
    match word.to_ascii_lowercase().as_str() {
        "desc" | "descending" => Some(format!("-{name}")),
        "asc" | "ascending" => Some(name.to_owned()),
        _ => None,
    }
}

/// Sorts records by the keys, the first key weighing most. Records that all keys find
/// equal stay in the order they had.
pub fn sort<Z: Zone>(records: &mut Vec<Value>, keys: &[Key<Z>]) {
    let order = permutation(records, keys);
    *records = order.into_iter().map(|at| std::mem::take(&mut records[at])).collect();
}

/// Looks up and classifies every key once, then sorts positions, not records.
fn permutation<Z: Zone>(records: &[Value], keys: &[Key<Z>]) -> Vec<usize> {
    let width = keys.len();
    let places: Vec<Place> = records.iter().flat_map(|record| keys.iter().map(move |key| key.place(record))).collect();
    let mut order: Vec<usize> = (0..records.len()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (&places[a * width..][..width], &places[b * width..][..width]);
        let pairs = keys.iter().zip(a.iter().zip(b));
        pairs.map(|(key, (a, b))| key.order(a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    });
    order
}
