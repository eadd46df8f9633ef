//! How values compare: in criteria, where some pairs have no order, and in sorting, where every pair
//! must have one.
//!
//! Numbers compare exactly, also integers above 2^53. Two strings that are both RFC 3339 dates or
//! instants compare as time. A bare date means midnight in a time zone: UTC, unless the caller gives
//! another one.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Number, Value};

mod identity;
mod key;
mod rank;

pub use identity::identity;
pub use key::{Key, sort};
pub use rank::rank;

/// An instant: seconds since 1970 in UTC, and nanoseconds.
pub type Instant = (i64, u32);

/// A time zone.
pub trait Zone {
    /// The first instant of a day; none outside of the calendar.
    fn midnight(&self, day: NaiveDate) -> Option<Instant>;
}

impl Zone for Utc {
    fn midnight(&self, day: NaiveDate) -> Option<Instant> {
        Some((day.and_hms_opt(0, 0, 0)?.and_utc().timestamp(), 0))
    }
}

/// Compares two values as criteria do. None if they have no order: for values of different types, for
/// a date and a text that is not a date, and for arrays, objects and null.
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

/// Whether two values are equal. Arrays and objects are compared deeply, `1` is equal to `1.0`, and two
/// dates or instants are equal if they mean the same time.
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

/// The instant that a text names; none if it is not an RFC 3339 date or instant.
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
    // A time without seconds or an offset is not an instant.
    let instant = DateTime::parse_from_rfc3339(text).ok()?;
    Some((instant.timestamp(), instant.timestamp_subsec_nanos()))
}

/// Looks at the first ten bytes, because most texts are not dates and parsing is slow.
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

/// Compares numbers by their exact values, whether they are stored as integers or floats.
pub(crate) fn numbers(a: &Number, b: &Number) -> Ordering {
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(a), None) => whole_and_float(a, float(b)),
        (None, Some(b)) => whole_and_float(b, float(a)).reverse(),
        (None, None) => float(a).partial_cmp(&float(b)).unwrap_or(Ordering::Equal),
    }
}

/// The exact integer, if the number is stored as one.
pub(crate) fn whole(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

fn float(number: &Number) -> f64 {
    // JSON has neither NaN nor infinity, so that every number has a value as f64.
    number.as_f64().unwrap_or(0.0)
}

fn whole_and_float(whole: i128, float: f64) -> Ordering {
    // Below this bound, a cast to i128 cuts only the fraction. Above it, there is no i64 or u64.
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
