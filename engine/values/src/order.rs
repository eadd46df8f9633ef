//! How values compare: in criteria, where some pairs have no order, and in sorting,
//! where every pair must have one.
//!
//! Numbers compare exactly, whole numbers beyond 2^53 too. Two strings that are both
//! RFC 3339 dates or instants compare as time. A bare date is its midnight in a time zone:
//! UTC, unless the caller brings another one.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Number, Value};

mod identity;
mod key;
mod place;

pub use identity::identity;
pub use key::{Key, sort};
pub use place::rank;

/// A moment: seconds since 1970 in UTC, and nanoseconds.
pub type Instant = (i64, u32);

/// A time zone, which knows when a day begins.
pub trait Zone {
    /// The first moment of the day; none beyond the calendar.
    fn midnight(&self, day: NaiveDate) -> Option<Instant>;
}

impl Zone for Utc {
    fn midnight(&self, day: NaiveDate) -> Option<Instant> {
        Some((day.and_hms_opt(0, 0, 0)?.and_utc().timestamp(), 0))
    }
}

/// Compares as criteria do. `None`: the two have no order. That holds for different types, for a
/// date and a text that is no date, and for arrays, objects and null.
pub fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    compare_in(a, b, &Utc)
}

/// As [`compare`], with bare dates in this zone.
pub fn compare_in(a: &Value, b: &Value, zone: &impl Zone) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => Some(numbers(a, b)),
        (Value::String(a), Value::String(b)) => match (instant_in(a, zone), instant_in(b, zone)) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            // UTF-8 orders as its code points do.
            (None, None) => Some(a.cmp(b)),
            _ => None,
        },
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// Whether two values are the same: deeply, with `1` equal to `1.0`, and strings that
/// are both temporal equal when they name the same moment.
pub fn equal(a: &Value, b: &Value) -> bool {
    equal_in(a, b, &Utc)
}

/// As [`equal`], with bare dates in this zone.
pub fn equal_in(a: &Value, b: &Value, zone: &impl Zone) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal_in(a, b, zone)),
        (Value::Object(a), Value::Object(b)) => equal_objects(a, b, zone),
        (Value::Null, Value::Null) => true,
        (Value::String(a), Value::String(b)) if a == b => true,
        _ => compare_in(a, b, zone) == Some(Ordering::Equal),
    }
}

fn equal_objects(a: &Map<String, Value>, b: &Map<String, Value>, zone: &impl Zone) -> bool {
    a.len() == b.len() && a.iter().all(|(name, one)| b.get(name).is_some_and(|other| equal_in(one, other, zone)))
}

/// The moment that a string names, if it is an RFC 3339 date or instant.
pub fn instant(text: &str) -> Option<Instant> {
    instant_in(text, &Utc)
}

/// As [`instant`], with bare dates in this zone.
pub fn instant_in(text: &str, zone: &impl Zone) -> Option<Instant> {
    if !begins_like_a_date(text.as_bytes()) {
        return None;
    }
    if text.len() == 10 {
        return zone.midnight(day(text)?);
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

fn day(date: &str) -> Option<NaiveDate> {
    let year = date.get(..4)?.parse().ok()?;
    let month = date.get(5..7)?.parse().ok()?;
    NaiveDate::from_ymd_opt(year, month, date.get(8..10)?.parse().ok()?)
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

#[cfg(test)]
mod tests;
