//! Writing dates: `{{date dueDate "%d %B %Y"}}`.

use std::fmt::Write;

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, FixedOffset, NaiveDate};
use serde_json::Value;

use super::Call;

/// The date or instant as the pattern says; null stays null. An instant is written
/// with the offset it came with, a date is its midnight UTC.
pub(super) fn date(call: &Call) -> Result<Value, String> {
    let text = match call.value(0) {
        Value::Null => return Ok(Value::Null),
        Value::String(text) => text,
        other => return Err(not_a_date(&other.to_string())),
    };
    let pattern = call.value(1).as_str().ok_or("the pattern is no text, write \"%d.%m.%Y\"")?;
    let items: Vec<Item> = StrftimeItems::new(pattern).collect();
    if items.contains(&Item::Error) {
        return Err(format!("the pattern \"{pattern}\" is wrong: see strftime, like \"%d.%m.%Y\""));
    }
    let moment = read(text).ok_or_else(|| not_a_date(text))?;
    let mut written = String::new();
    write!(written, "{}", moment.format_with_items(items.iter()))
        .map_err(|_| format!("the pattern \"{pattern}\" cannot be written"))?;
    Ok(written.into())
}

fn not_a_date(text: &str) -> String {
    let shown: String = text.chars().take(60).collect();
    format!("\"{shown}\" is no RFC 3339 date or instant, like 2026-03-01 or 2026-03-01T09:30:00Z")
}

fn read(text: &str) -> Option<DateTime<FixedOffset>> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Some(date.and_hms_opt(0, 0, 0)?.and_utc().fixed_offset());
    }
    DateTime::parse_from_rfc3339(text).ok()
}
