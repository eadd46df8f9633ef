//! How values compare: in criteria, where some pairs have no order, and in sorting,
//! where every pair must have one.
//!
//! Numbers compare exactly, whole numbers beyond 2^53 too. Two strings that are both
//! RFC 3339 dates or instants compare as time; a bare date is its midnight UTC.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate};
use serde_json::{Map, Number, Value};

mod identity;
mod sort;

pub use identity::identity;
pub use sort::{Key, sort};

/// A moment: seconds since 1970 in UTC, and nanoseconds.
pub type Instant = (i64, u32);

/// Compares as criteria do. `None`: the two have no order (different types, arrays,
/// objects, null).
pub fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => Some(numbers(a, b)),
        (Value::String(a), Value::String(b)) => Some(strings(a, b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// Whether two values are the same: deeply, with `1` equal to `1.0`, and strings that
/// are both temporal equal when they name the same moment.
pub fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => equal_objects(a, b),
        (Value::Null, Value::Null) => true,
        _ => compare(a, b) == Some(Ordering::Equal),
    }
}

fn equal_objects(a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
    a.len() == b.len() && a.iter().all(|(name, one)| b.get(name).is_some_and(|other| equal(one, other)))
}

/// A total order of all values, for sorting: numbers, temporal strings, other strings,
/// booleans, arrays, objects; null and missing last.
///
/// Two values rank equal when neither has to stand before the other; a stable sort
/// then leaves them as they were.
pub fn rank(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    Place::of(a).cmp(&Place::of(b))
}

/// As [`rank`], turned round, but null and missing stay last.
pub fn rank_descending(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    Place::of(a).descending(&Place::of(b))
}

/// The moment that a string names, if it is an RFC 3339 date or instant.
pub fn instant(text: &str) -> Option<Instant> {
    if !begins_like_a_date(text.as_bytes()) {
        return None;
    }
    if text.len() == 10 {
        return midnight(text);
    }
    // The time needs seconds and an offset; what has neither is not an instant.
    let moment = DateTime::parse_from_rfc3339(text).ok()?;
    Some((moment.timestamp(), moment.timestamp_subsec_nanos()))
}

/// Most strings are not dates. Ten bytes tell, before any parsing.
fn begins_like_a_date(text: &[u8]) -> bool {
    text.len() >= 10
        && text[4] == b'-'
        && text[7] == b'-'
        && [0, 1, 2, 3, 5, 6, 8, 9].iter().all(|at: &usize| text[*at].is_ascii_digit())
}

fn midnight(date: &str) -> Option<Instant> {
    let year = date.get(..4)?.parse().ok()?;
    let month = date.get(5..7)?.parse().ok()?;
    let day = date.get(8..10)?.parse().ok()?;
    let start = NaiveDate::from_ymd_opt(year, month, day)?.and_hms_opt(0, 0, 0)?;
    Some((start.and_utc().timestamp(), 0))
}

fn strings(a: &str, b: &str) -> Ordering {
    match (instant(a), instant(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        // UTF-8 orders as its code points do.
        _ => a.cmp(b),
    }
}

/// Numbers by their exact value, whatever they are held in.
pub(crate) fn numbers(a: &Number, b: &Number) -> Ordering {
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(a), None) => whole_and_float(a, float(b)),
        (None, Some(b)) => whole_and_float(b, float(a)).reverse(),
        (None, None) => float(a).partial_cmp(&float(b)).unwrap_or(Ordering::Equal),
    }
}

/// The exact integer, if the number is held as one.
pub(crate) fn whole(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

fn float(number: &Number) -> f64 {
    // JSON has neither NaN nor infinity, so every number is one of the three kinds.
    number.as_f64().unwrap_or(0.0)
}

fn whole_and_float(whole: i128, float: f64) -> Ordering {
    // Below 2^100 a cast to i128 cuts nothing but the fraction; beyond it no i64 or u64 lives.
    const BEYOND: f64 = 1.0e30;
    if float > BEYOND {
        return Ordering::Less;
    }
    if float < -BEYOND {
        return Ordering::Greater;
    }
    let floor = float.floor();
    let fraction = if float > floor { Ordering::Less } else { Ordering::Equal };
    whole.cmp(&(floor as i128)).then(fraction)
}

/// A value in the total order. Built once for each value that is sorted, because
/// reading a date is dearer than comparing two.
enum Place<'a> {
    Number(&'a Number),
    Time(Instant),
    Text(&'a str),
    Bool(bool),
    Array(&'a [Value]),
    Object(&'a Map<String, Value>),
    Nothing,
}

impl<'a> Place<'a> {
    fn of(value: Option<&'a Value>) -> Place<'a> {
        match value {
            Some(Value::Number(number)) => Place::Number(number),
            Some(Value::String(text)) => match instant(text) {
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

    fn cmp(&self, other: &Place) -> Ordering {
        match (self, other) {
            (Place::Number(a), Place::Number(b)) => numbers(a, b),
            (Place::Time(a), Place::Time(b)) => a.cmp(b),
            (Place::Text(a), Place::Text(b)) => a.cmp(b),
            (Place::Bool(a), Place::Bool(b)) => a.cmp(b),
            (Place::Array(a), Place::Array(b)) => arrays(a, b),
            (Place::Object(a), Place::Object(b)) => objects(a, b),
            _ => self.class().cmp(&other.class()),
        }
    }

    fn descending(&self, other: &Place) -> Ordering {
        match (self, other) {
            (Place::Nothing, _) | (_, Place::Nothing) => self.cmp(other),
            _ => other.cmp(self),
        }
    }
}

/// Element by element; of two that begin alike, the shorter first.
fn arrays(a: &[Value], b: &[Value]) -> Ordering {
    let differing = a.iter().zip(b).map(|(a, b)| rank(Some(a), Some(b)));
    differing.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
}

/// By their fields in the order of their names, whatever order they were written in.
fn objects(a: &Map<String, Value>, b: &Map<String, Value>) -> Ordering {
    let (a, b) = (by_name(a), by_name(b));
    for ((one, left), (other, right)) in a.iter().zip(&b) {
        let order = one.cmp(other).then_with(|| rank(Some(left), Some(right)));
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

#[cfg(test)]
mod tests;
