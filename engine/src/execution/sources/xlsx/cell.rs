//! What a cell of a sheet holds, as JSON.

use calamine::{DataRef, ExcelDateTime};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;
use serde_json::{Number, Value};

use crate::model::dates::stamp;
use crate::model::wall;

/// Whole numbers up to here are exact in a cell.
const EXACT: f64 = 9_007_199_254_740_992.0;
const SECONDS_OF_DAY: f64 = 86_400.0;

/// The value of a cell; dates become RFC 3339, and what is empty is null.
///
/// # Errors
/// What the cell has instead of a value, such as `the error #N/A`.
pub(super) fn value(cell: &DataRef<'_>, zone: Tz) -> Result<Value, String> {
    match cell {
        DataRef::Empty => Ok(Value::Null),
        DataRef::String(text) => Ok(of_text(text)),
        DataRef::SharedString(text) => Ok(of_text(text)),
        DataRef::Bool(truth) => Ok(Value::Bool(*truth)),
        DataRef::Int(whole) => Ok(Value::from(*whole)),
        DataRef::Float(float) => of_number(*float),
        DataRef::DateTime(serial) if serial.is_duration() => Ok(Value::String(of_duration(serial))),
        DataRef::DateTime(serial) => of_serial(serial, zone),
        DataRef::DateTimeIso(text) => Ok(Value::String(of_iso(text, zone))),
        DataRef::DurationIso(text) => Ok(Value::String(text.clone())),
        DataRef::Error(error) => Err(format!("the error {error}")),
    }
}

fn of_text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { Value::String(text.to_owned()) }
}

/// Every number of a sheet is a float; those that are whole become whole numbers again.
fn of_number(float: f64) -> Result<Value, String> {
    if float.fract() == 0.0 && float.abs() <= EXACT {
        return Ok(Value::from(float as i64));
    }
    Number::from_f64(float).map(Value::Number).ok_or_else(|| "a number out of range".to_owned())
}

/// Hours, minutes and seconds, such as `36:15:00`.
fn of_duration(serial: &ExcelDateTime) -> String {
    let seconds = (serial.as_f64() * SECONDS_OF_DAY).round() as i64;
    let (sign, seconds) = (if seconds < 0 { "-" } else { "" }, seconds.unsigned_abs());
    format!("{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A day without a time of day is a date, a time without a day stays a time.
fn of_serial(serial: &ExcelDateTime, zone: Tz) -> Result<Value, String> {
    /// The days from 1900 to 9999.
    const DAYS: f64 = 2_958_466.0;
    let not_a_date = || format!("a date that is not in the calendar ({})", serial.as_f64());
    let (year, month, day, hour, minute, second, millis) = serial.to_ymd_hms_milli();
    let time = NaiveTime::from_hms_milli_opt(hour.into(), minute.into(), second.into(), millis.into());
    let time = time.ok_or_else(not_a_date)?;
    match serial.as_f64() {
        days if !(0.0..DAYS).contains(&days) => Err(not_a_date()),
        days if days < 1.0 => Ok(Value::String(time.format("%H:%M:%S").to_string())),
        _ => {
            let date = NaiveDate::from_ymd_opt(year.into(), month.into(), day.into()).ok_or_else(not_a_date)?;
            Ok(Value::String(of_wall(date.and_time(time), zone)))
        }
    }
}

fn of_iso(text: &str, zone: Tz) -> String {
    match text.parse::<NaiveDateTime>() {
        Ok(wall) => of_wall(wall, zone),
        Err(_) => text.to_owned(),
    }
}

fn of_wall(wall: NaiveDateTime, zone: Tz) -> String {
    if wall.time() == NaiveTime::MIN {
        return wall.date().to_string();
    }
    match wall::first_instant(wall, zone) {
        Some(at) => stamp(&at.with_timezone(&zone)),
        None => wall.date().to_string(),
    }
}
