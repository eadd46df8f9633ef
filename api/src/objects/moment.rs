//! Instants as the API writes and reads them.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use engine::model::Instant;

/// A moment in time: RFC 3339 with microseconds, in UTC, such as
/// `2026-03-29T05:00:00.000000Z`. On the way in any offset may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Instant);

impl Moment {
    /// The instant of a log message. Logs are stored in milliseconds, so a message that is not stored yet has to show
    /// the same.
    pub(crate) fn in_milliseconds(instant: Instant) -> Self {
        Self(instant.trunc_subsecs(3))
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

/// A moment in time: RFC 3339 with microseconds, in UTC, such as
/// `2026-03-29T05:00:00.000000Z`. On the way in any offset may be given.
#[Scalar(name = "DateTime", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339#section-5.6")]
impl ScalarType for Moment {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        let read = DateTime::parse_from_rfc3339(text);
        let wrong = |_| InputValueError::custom("write an instant with its offset, such as `2026-03-29T05:00:00Z`");
        read.map(|instant| Self(instant.with_timezone(&Utc).trunc_subsecs(6))).map_err(wrong)
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_in_utc_with_microseconds() {
        let read = Moment::parse(Value::from("2026-03-29T07:00:00.2500009+02:00")).unwrap();
        assert_eq!(read.to_value(), Value::from("2026-03-29T05:00:00.250000Z"));
    }

    #[test]
    fn an_instant_without_an_offset_is_refused() {
        for text in ["2026-03-29", "2026-03-29T07:00:00", "now", ""] {
            assert!(Moment::parse(Value::from(text)).is_err(), "{text}");
        }
        assert!(Moment::parse(Value::from(7)).is_err());
    }
}
