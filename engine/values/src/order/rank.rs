//! The total order of all values, for sorting.

use std::cmp::Ordering;

use chrono::Utc;
use serde_json::{Map, Number, Value};

use super::{Instant, Zone, instant_in, numbers};

/// Compares two values in a total order: numbers, dates and instants, other texts, booleans, arrays,
/// objects, and last null and missing.
pub fn rank(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    rank_in(a, b, &Utc)
}

fn rank_in(a: Option<&Value>, b: Option<&Value>, zone: &impl Zone) -> Ordering {
    Rank::new(a, zone).compare(&Rank::new(b, zone), zone)
}

/// A value in the total order. It is built once for each value that is sorted, because parsing a date
/// is slower than comparing two.
pub(super) enum Rank<'a> {
    Number(&'a Number),
    Time(Instant),
    Text(&'a str),
    Bool(bool),
    Array(&'a [Value]),
    Object(&'a Map<String, Value>),
    Nothing,
}

impl<'a> Rank<'a> {
    pub(super) fn new(value: Option<&'a Value>, zone: &impl Zone) -> Rank<'a> {
        match value {
            Some(Value::Number(number)) => Rank::Number(number),
            Some(Value::String(text)) => match instant_in(text, zone) {
                Some(instant) => Rank::Time(instant),
                None => Rank::Text(text),
            },
            Some(Value::Bool(truth)) => Rank::Bool(*truth),
            Some(Value::Array(list)) => Rank::Array(list),
            Some(Value::Object(fields)) => Rank::Object(fields),
            Some(Value::Null) | None => Rank::Nothing,
        }
    }

    fn class(&self) -> u8 {
        match self {
            Rank::Number(_) => 0,
            Rank::Time(_) => 1,
            Rank::Text(_) => 2,
            Rank::Bool(_) => 3,
            Rank::Array(_) => 4,
            Rank::Object(_) => 5,
            Rank::Nothing => 6,
        }
    }

    pub(super) fn compare(&self, other: &Rank, zone: &impl Zone) -> Ordering {
        match (self, other) {
            (Rank::Number(a), Rank::Number(b)) => numbers(a, b),
            (Rank::Time(a), Rank::Time(b)) => a.cmp(b),
            (Rank::Text(a), Rank::Text(b)) => a.cmp(b),
            (Rank::Bool(a), Rank::Bool(b)) => a.cmp(b),
            (Rank::Array(a), Rank::Array(b)) => arrays(a, b, zone),
            (Rank::Object(a), Rank::Object(b)) => objects(a, b, zone),
            _ => self.class().cmp(&other.class()),
        }
    }

    /// Compares in the opposite order, but null and missing stay last.
    pub(super) fn compare_descending(&self, other: &Rank, zone: &impl Zone) -> Ordering {
        match (self, other) {
            (Rank::Nothing, _) | (_, Rank::Nothing) => self.compare(other, zone),
            _ => other.compare(self, zone),
        }
    }
}

/// Compares element by element. If one array is the beginning of the other, the shorter comes first.
fn arrays(a: &[Value], b: &[Value], zone: &impl Zone) -> Ordering {
    let differing = a.iter().zip(b).map(|(a, b)| rank_in(Some(a), Some(b), zone));
    differing.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
}

/// Compares fields in the order of their names, not in the order in which they were written.
fn objects(a: &Map<String, Value>, b: &Map<String, Value>, zone: &impl Zone) -> Ordering {
    let (a, b) = (by_name(a), by_name(b));
    for ((one, left), (other, right)) in a.iter().zip(&b) {
        let order = one.cmp(other).then_with(|| rank_in(Some(left), Some(right), zone));
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

fn by_name(fields: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort_by_key(|(name, _)| *name);
    fields
}
