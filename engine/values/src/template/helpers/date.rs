//! Helpers for dates and instants: `{{date dueDate "%d %B %Y"}}` formats one, and others calculate the
//! time between two.

use std::fmt::Write;

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
use serde_json::Value;

use super::Call;

/// A date, or an instant with the offset in which it was written.
enum Moment {
    Day(NaiveDate),
    At(DateTime<FixedOffset>),
}

/// Formats a date or an instant by a pattern; null stays null. An instant keeps its offset, and a date
/// means midnight UTC.
pub(super) fn date(call: &Call) -> Result<Value, String> {
    let Some(moment) = Moment::from_call(call, 0)? else { return Ok(Value::Null) };
    let pattern = call.pattern("%d.%m.%Y")?;
    let items: Vec<Item> = StrftimeItems::new(pattern).collect();
    if items.contains(&Item::Error) {
        return Err(format!("the pattern \"{pattern}\" is wrong; write the codes of strftime, such as \"%d.%m.%Y\""));
    }
    let instant = moment.at(Utc.fix()).ok_or("the date is out of range")?;
    let mut written = String::new();
    write!(written, "{}", instant.format_with_items(items.iter()))
        .map_err(|_| format!("the pattern \"{pattern}\" cannot be written"))?;
    Ok(written.into())
}

/// `{{daysBetween dueDate today}}`: the days from the first date to the second, negative if the second is
/// earlier. Between instants, a day is 24 full hours, so that 47 hours are 1 day.
pub(super) fn days_between(call: &Call) -> Result<Value, String> {
    Ok(between(call)?.map_or(Value::Null, |time| time.num_days().into()))
}

/// `{{hoursBetween createdAt now}}`: the hours from the first to the second, an integer if there is no
/// fraction.
pub(super) fn hours_between(call: &Call) -> Result<Value, String> {
    Ok(match between(call)? {
        None => Value::Null,
        Some(time) if time == TimeDelta::hours(time.num_hours()) => time.num_hours().into(),
        Some(time) => (time.num_seconds() as f64 / 3600.0 + f64::from(time.subsec_nanos()) / 3.6e12).into(),
    })
}

/// The time from the first value to the second; none if one of them is null. If the other value is an
/// instant, a date means midnight at the offset of that instant.
fn between(call: &Call) -> Result<Option<TimeDelta>, String> {
    let (Some(start), Some(end)) = (Moment::from_call(call, 0)?, Moment::from_call(call, 1)?) else {
        return Ok(None);
    };
    let offset = start.offset().or(end.offset()).unwrap_or(Utc.fix());
    let instants = start.at(offset).zip(end.at(offset));
    Ok(Some(instants.map(|(start, end)| end - start).ok_or("a date is out of range")?))
}

impl Moment {
    /// The value at a position; none if it is null.
    fn from_call(call: &Call, at: usize) -> Result<Option<Moment>, String> {
        match call.value(at) {
            Value::Null => Ok(None),
            Value::String(text) => Moment::parse(text).map(Some).ok_or_else(|| not_a_date(text)),
            other => Err(not_a_date(&other.to_string())),
        }
    }

    fn parse(text: &str) -> Option<Moment> {
        let day = text.parse().map(Moment::Day);
        day.or_else(|_| DateTime::parse_from_rfc3339(text).map(Moment::At)).ok()
    }

    fn offset(&self) -> Option<FixedOffset> {
        match self {
            Moment::Day(_) => None,
            Moment::At(instant) => Some(*instant.offset()),
        }
    }

    /// The instant. A date means midnight at this offset.
    fn at(&self, offset: FixedOffset) -> Option<DateTime<FixedOffset>> {
        match self {
            Moment::Day(day) => offset.from_local_datetime(&day.and_time(NaiveTime::MIN)).single(),
            Moment::At(instant) => Some(*instant),
        }
    }
}

fn not_a_date(text: &str) -> String {
    let shown: String = text.chars().take(60).collect();
    format!("\"{shown}\" is not an RFC 3339 date or instant, such as 2026-03-01 or 2026-03-01T09:30:00Z")
}
