//! What `run` shows: a progress bar while the job runs, then its lines and records.

pub mod output;
pub mod progress;
pub mod report;

use engine::model::Instant;
use serde_json::Value;

pub use engine::model::text::printable as plain;

/// A count with its noun: `1 line`, `2 lines`.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The time between two instants of the API; empty if one of them is missing.
pub fn elapsed(from: &Value, to: &Value) -> String {
    let instant = |value: &Value| value.as_str().and_then(|text| text.parse::<Instant>().ok());
    let Some(milliseconds) = instant(from).zip(instant(to)).map(|(from, to)| (to - from).num_milliseconds().max(0))
    else {
        return String::new();
    };
    let seconds = milliseconds / 1000;
    match seconds {
        0 => format!("{milliseconds} ms"),
        1..=59 => format!("{seconds}.{} s", milliseconds % 1000 / 100),
        60..=3599 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn elapsed_times_are_written_for_people() {
        let after = |end: &str| elapsed(&json!("2026-11-20T07:00:00.000000Z"), &json!(end));
        assert_eq!(after("2026-11-20T07:00:00.012500Z"), "12 ms");
        assert_eq!(after("2026-11-20T07:00:59.960000Z"), "59.9 s");
        assert_eq!(after("2026-11-20T07:02:03.000000Z"), "2 min 3 s");
        assert_eq!(after("2026-11-21T08:05:00.000000Z"), "25 h 5 min");
        assert_eq!(after("2026-11-20T06:00:00.000000Z"), "0 ms", "the clock was set back");
        assert_eq!(elapsed(&Value::Null, &json!("2026-11-20T07:00:00Z")), "");
    }
}
