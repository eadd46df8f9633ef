//! Sorting records by several keys.

use std::cmp::Ordering;

use serde_json::Value;

use super::Place;
use crate::{Fault, path::Path};

/// One key of an order: a field and its direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The field, or the way to it.
    pub path: Path,
    /// Greatest first. Null and missing stay last in both directions.
    pub descending: bool,
}

impl Key {
    /// Reads `dueDate` (ascending) or `-dueDate` (descending). Fails on an empty path.
    pub fn parse(text: &str) -> Result<Key, Fault> {
        let (descending, path) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        Ok(Key { path: Path::parse(path)?, descending })
    }

    fn order(&self, a: &Place, b: &Place) -> Ordering {
        if self.descending { a.descending(b) } else { a.cmp(b) }
    }
}

/// Sorts records by the keys, the first key weighing most. Records that all keys find
/// equal stay in the order they had.
pub fn sort(records: &mut Vec<Value>, keys: &[Key]) {
    let order = permutation(records, keys);
    *records = order.into_iter().map(|at| std::mem::take(&mut records[at])).collect();
}

/// Looks up and classifies every key once, then sorts positions, not records.
fn permutation(records: &[Value], keys: &[Key]) -> Vec<usize> {
    let width = keys.len();
    let places: Vec<Place> =
        records.iter().flat_map(|record| keys.iter().map(move |key| Place::of(key.path.of(record)))).collect();
    let mut order: Vec<usize> = (0..records.len()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (&places[a * width..][..width], &places[b * width..][..width]);
        let pairs = keys.iter().zip(a.iter().zip(b));
        pairs.map(|(key, (a, b))| key.order(a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    });
    order
}
