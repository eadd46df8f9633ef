//! The types of the fields of a source, and how values are converted to them.

use std::fmt;

use chrono::{DateTime, Datelike};
use chrono_tz::Tz;
use serde_json::{Number, Value};
use values::json::parse;

use super::limits::record_bounds;
use super::time_format::TimeFormat;
use crate::model::dates::stamp;
use crate::model::text::shortened;
use crate::model::wall::time_zone;

/// Characters of a value that a message shows.
const SHOWN: usize = 40;

/// The type of a field. Null stays null, and an empty text becomes null for every type but [`FieldType::Text`].
#[derive(Debug, Clone, PartialEq)]
pub enum FieldType {
    /// Text; numbers and booleans become text.
    Text,
    /// A JSON number.
    Number,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A text that holds JSON.
    Json,
    /// A day; becomes `YYYY-MM-DD`.
    Date(TimeFormat),
    /// An instant in this time zone, or else in the job's; becomes RFC 3339.
    Instant(TimeFormat, Option<Tz>),
    /// Seconds since 1970 in UTC; become RFC 3339 in the job's zone.
    EpochSeconds,
    /// Milliseconds since 1970 in UTC; become RFC 3339 in the job's zone.
    EpochMillis,
}

impl FieldType {
    /// Reads a type whose shape the job schema has already accepted.
    ///
    /// # Errors
    /// One sentence with what to write.
    pub fn read(value: &Value) -> Result<Self, String> {
        match (value.as_str(), value["date"].as_str(), value["instant"].as_str()) {
            (Some(word), ..) => Self::from_word(word),
            (None, Some(format), None) if value.get("timeZone").is_none() => {
                TimeFormat::for_dates(format).map(Self::Date)
            }
            (None, None, Some(format)) => {
                let format = TimeFormat::for_instants(format)?;
                let zone = value["timeZone"].as_str().map(time_zone).transpose()?;
                Ok(Self::Instant(format, zone))
            }
            _ => Err("must be one type: a word, {date: FORMAT} or {instant: FORMAT, timeZone: ZONE}".to_owned()),
        }
    }

    fn from_word(word: &str) -> Result<Self, String> {
        match word {
            "text" => Ok(Self::Text),
            "number" => Ok(Self::Number),
            "integer" => Ok(Self::Integer),
            "boolean" => Ok(Self::Boolean),
            "json" => Ok(Self::Json),
            "epochSeconds" => Ok(Self::EpochSeconds),
            "epochMillis" => Ok(Self::EpochMillis),
            _ => Err(format!("`{word}` is not a type")),
        }
    }

    /// Converts a value to this type; none if it stays as it is.
    ///
    /// # Errors
    /// A sentence such as "`x` is not a whole number".
    pub fn convert(&self, value: &Value, zone: Tz) -> Result<Option<Value>, String> {
        let converted = match (self, value) {
            (_, Value::Null) => return Ok(None),
            (Self::Text, Value::String(_)) | (Self::Number, Value::Number(_)) | (Self::Boolean, Value::Bool(_)) => {
                return Ok(None);
            }
            (Self::Json, Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => return Ok(None),
            (_, Value::String(text)) if text.trim().is_empty() => Some(Value::Null),
            (_, Value::String(text)) => self.convert_text(text.trim(), zone),
            (_, Value::Number(number)) => self.convert_number(number, zone),
            (Self::Text, Value::Bool(truth)) => Some(Value::String(truth.to_string())),
            _ => None,
        };
        converted.map(Some).ok_or_else(|| format!("`{}` is not {self}", shown(value)))
    }

    fn convert_text(&self, text: &str, zone: Tz) -> Option<Value> {
        match self {
            Self::Text => Some(Value::String(text.to_owned())),
            Self::Number => number(text).map(Value::Number),
            Self::Integer => whole(text).map(Value::Number),
            Self::Boolean if text.eq_ignore_ascii_case("true") => Some(Value::Bool(true)),
            Self::Boolean if text.eq_ignore_ascii_case("false") => Some(Value::Bool(false)),
            Self::Boolean => None,
            Self::Json => parse(text.as_bytes(), record_bounds()).ok(),
            Self::Date(format) => format.date(text).map(|day| Value::String(day.to_string())),
            Self::Instant(format, own) => format.instant(text, own.unwrap_or(zone)).map(|at| Value::String(stamp(&at))),
            Self::EpochSeconds | Self::EpochMillis => self.convert_number(&number(text)?, zone),
        }
    }

    fn convert_number(&self, number: &Number, zone: Tz) -> Option<Value> {
        match self {
            Self::Integer if number.is_f64() => exact_integer(number.as_f64()?),
            Self::Integer | Self::Number | Self::Json => Some(Value::Number(number.clone())),
            Self::EpochSeconds => since_epoch(number, 1_000_000, zone),
            Self::EpochMillis => since_epoch(number, 1_000, zone),
            Self::Boolean => None,
            Self::Text | Self::Date(_) | Self::Instant(..) => self.convert_text(&number.to_string(), zone),
        }
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Number => f.write_str("a number"),
            Self::Integer => f.write_str("a whole number"),
            Self::Boolean => f.write_str("true or false"),
            Self::Json => f.write_str("JSON"),
            Self::Date(format) => write!(f, "a date of the form {}", format.as_str()),
            Self::Instant(format, _) => write!(f, "an instant of the form {}", format.as_str()),
            Self::EpochSeconds => f.write_str("a number of seconds since 1970"),
            Self::EpochMillis => f.write_str("a number of milliseconds since 1970"),
        }
    }
}

/// Parses a number, also in notations that JSON does not allow: `+5`, `.5`, `05`.
fn number(text: &str) -> Option<Number> {
    if let Some(whole) = whole(text) {
        return Some(whole);
    }
    // An integer that is too large would be rounded.
    let too_large = text.trim_start_matches(['+', '-']).bytes().all(|byte| byte.is_ascii_digit());
    Number::from_f64(text.parse().ok().filter(|_| !too_large)?)
}

fn whole(text: &str) -> Option<Number> {
    let signed = text.parse::<i64>().map(Number::from);
    signed.or_else(|_| text.parse::<u64>().map(Number::from)).ok()
}

/// `5.0` as `5`; none for a float that has a fraction or is too large to be exact.
fn exact_integer(float: f64) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (float.fract() == 0.0 && float.abs() <= EXACT).then(|| Value::from(float as i64))
}

/// The instant that is `number` units of `unit` microseconds after the beginning of 1970 in UTC.
fn since_epoch(number: &Number, unit: i64, zone: Tz) -> Option<Value> {
    let micros = match number.as_i64() {
        Some(whole) => whole.checked_mul(unit)?,
        // The cast saturates. The largest and the smallest number are outside of the years accepted below.
        None => (number.as_f64()? * unit as f64).round() as i64,
    };
    let at = DateTime::from_timestamp_micros(micros)?.with_timezone(&zone);
    (1..=9999).contains(&at.year()).then(|| Value::String(stamp(&at)))
}

/// A value as messages show it.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => shortened(text, SHOWN),
        value => shortened(&value.to_string(), SHOWN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn converted(kind: Value, value: Value) -> Result<Value, String> {
        let kind = FieldType::read(&kind).unwrap();
        Ok(kind.convert(&value, chrono_tz::Europe::Madrid)?.unwrap_or(value))
    }

    #[test]
    fn values_that_fit_become_what_the_type_says() {
        let cases = [
            (json!("integer"), json!(" 7 "), json!(7)),
            (json!("integer"), json!(7.0), json!(7)),
            (json!("number"), json!(".5"), json!(0.5)),
            (json!("number"), json!("+7"), json!(7)),
            (json!("number"), json!("05"), json!(5)),
            (json!("number"), json!("18446744073709551615"), json!(u64::MAX)),
            (json!("boolean"), json!("TRUE"), json!(true)),
            (json!("json"), json!("[1]"), json!([1])),
            (json!("json"), json!({"a": 1}), json!({"a": 1})),
            (json!("text"), json!(5), json!("5")),
            (json!("text"), json!(true), json!("true")),
            (json!("text"), json!(""), json!("")),
            (json!({"date": "%d/%m/%Y"}), json!("20/11/2026"), json!("2026-11-20")),
            (json!({"date": "%Y%m%d"}), json!(20_261_120), json!("2026-11-20")),
            (json!({"instant": "%Y-%m-%d %H:%M"}), json!("2026-11-21 23:00"), json!("2026-11-21T23:00:00+01:00")),
            (
                json!({"instant": "%Y-%m-%d %H:%M", "timeZone": "America/New_York"}),
                json!("2026-11-21 23:00"),
                json!("2026-11-21T23:00:00-05:00"),
            ),
            (json!("epochSeconds"), json!("1795302306"), json!("2026-11-22T00:05:06+01:00")),
            (json!("epochSeconds"), json!(1_795_302_306.25), json!("2026-11-22T00:05:06.250+01:00")),
            (json!("epochMillis"), json!(1_795_302_306_250_u64), json!("2026-11-22T00:05:06.250+01:00")),
            (json!("epochMillis"), json!(-1), json!("1970-01-01T00:59:59.999+01:00")),
        ];
        for (kind, value, expected) in cases {
            assert_eq!(converted(kind.clone(), value.clone()), Ok(expected), "{kind} of {value}");
        }
    }

    #[test]
    fn what_is_empty_is_null() {
        for kind in [json!("number"), json!("json"), json!("epochMillis"), json!({"date": "%d/%m/%Y"})] {
            assert_eq!(converted(kind.clone(), json!(" ")), Ok(Value::Null));
            assert_eq!(converted(kind, Value::Null), Ok(Value::Null));
        }
    }

    #[test]
    fn what_does_not_fit_is_named_with_the_type() {
        let cases = [
            (json!("integer"), json!("5.5"), "`5.5` is not a whole number"),
            (json!("integer"), json!(5.5), "`5.5` is not a whole number"),
            (json!("integer"), json!(1e300), "`1e+300` is not a whole number"),
            (json!("number"), json!("99999999999999999999999"), "`99999999999999999999999` is not a number"),
            (json!("number"), json!("nan"), "`nan` is not a number"),
            (json!("number"), json!("1,255.5"), "`1,255.5` is not a number"),
            (json!("number"), json!(true), "`true` is not a number"),
            (json!("boolean"), json!("yes"), "`yes` is not true or false"),
            (json!("json"), json!("{"), "`{` is not JSON"),
            (json!("text"), json!([1]), "`[1]` is not text"),
            (json!({"date": "%d/%m/%Y"}), json!("Dec 07 1998"), "`Dec 07 1998` is not a date of the form %d/%m/%Y"),
            (json!("epochSeconds"), json!(1e18), "`1e+18` is not a number of seconds since 1970"),
            (json!("epochMillis"), json!(i64::MAX), "`9223372036854775807` is not a number of milliseconds since 1970"),
        ];
        for (kind, value, expected) in cases {
            assert_eq!(converted(kind, value), Err(expected.to_owned()));
        }
    }

    #[test]
    fn a_type_that_says_too_little_or_too_much_is_refused() {
        let refused = |kind: Value| FieldType::read(&kind).unwrap_err();
        assert!(refused(json!({"date": "%d/%m/%Y", "instant": "%Y"})).contains("must be one type"));
        assert!(refused(json!({"date": "%d/%m/%Y", "timeZone": "UTC"})).contains("must be one type"));
        assert!(refused(json!({"timeZone": "UTC"})).contains("must be one type"));
        assert!(refused(json!({"instant": "%Y-%m-%d %H:%M", "timeZone": "Madrid"})).contains("not a time zone"));
    }
}
