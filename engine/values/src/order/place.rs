//! The total order of all values, for sorting.

use std::cmp::Ordering;

use chrono::Utc;
use serde_json::{Map, Number, Value};

use super::{Instant, Zone, instant_in, numbers};

/// A total order of all values, for sorting: numbers, temporal strings, other strings,
/// booleans, arrays, objects; null and missing last.
///
/// Two values rank equal when neither has to stand before the other; a stable sort
/// then leaves them as they were.
pub fn rank(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    rank_in(a, b, &Utc)
}

fn rank_in(a: Option<&Value>, b: Option<&Value>, zone: &impl Zone) -> Ordering {
    Place::of(a, zone).compare(&Place::of(b, zone), zone)
}

/// A value in the total order. Built once for each value that is sorted, because
/// reading a date is dearer than comparing two.
pub(super) enum Place<'a> {
    Number(&'a Number),
    Time(Instant),
    Text(&'a str),
    Bool(bool),
    Array(&'a [Value]),
    Object(&'a Map<String, Value>),
    Nothing,
}

impl<'a> Place<'a> {
    pub(super) fn of(value: Option<&'a Value>, zone: &impl Zone) -> Place<'a> {
        match value {
            Some(Value::Number(number)) => Place::Number(number),
            Some(Value::String(text)) => match instant_in(text, zone) {
                Some(moment) => Place::Time(moment),
                None => Place::Text(text),
            },
            Some(Value::Bool(truth)) => Place::Bool(*truth),
            Some(Value::Array(list)) => Place::Array(list),
            Some(Value::Object(fields)) => Place::Object(fields),
            Some(Value::Null) | None => Place::Nothing,
        }
    }

    fn class(&self) -> u8 {
        match self {
            Place::Number(_) => 0,
            Place::Time(_) => 1,
            Place::Text(_) => 2,
            Place::Bool(_) => 3,
            Place::Array(_) => 4,
            Place::Object(_) => 5,
            Place::Nothing => 6,
        }
    }

    pub(super) fn compare(&self, other: &Place, zone: &impl Zone) -> Ordering {
        match (self, other) {
            (Place::Number(a), Place::Number(b)) => numbers(a, b),
            (Place::Time(a), Place::Time(b)) => a.cmp(b),
            (Place::Text(a), Place::Text(b)) => a.cmp(b),
            (Place::Bool(a), Place::Bool(b)) => a.cmp(b),
            (Place::Array(a), Place::Array(b)) => arrays(a, b, zone),
            (Place::Object(a), Place::Object(b)) => objects(a, b, zone),
            _ => self.class().cmp(&other.class()),
        }
    }

    /// Turned round, but null and missing stay last.
    pub(super) fn compare_descending(&self, other: &Place, zone: &impl Zone) -> Ordering {
        match (self, other) {
            (Place::Nothing, _) | (_, Place::Nothing) => self.compare(other, zone),
            _ => other.compare(self, zone),
        }
    }
}

/// Element by element; of two that begin alike, the shorter first.
fn arrays(a: &[Value], b: &[Value], zone: &impl Zone) -> Ordering {
    let differing = a.iter().zip(b).map(|(a, b)| rank_in(Some(a), Some(b), zone));
    differing.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
}

/// By their fields in the order of their names, whatever order they were written in.
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
