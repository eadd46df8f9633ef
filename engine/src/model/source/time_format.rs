//! The strftime formats in which a source writes dates and instants. They are checked when the job is saved.

use std::fmt::Write;

use chrono::format::{Fixed, Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, Offset};
use chrono_tz::Tz;

use crate::model::wall;

/// 21 November 2026, 13:45:06 UTC, in seconds since 1970. A format is usable if it can read back what it
/// writes for this instant.
const SAMPLE: i64 = 1_795_268_706;

/// A format that determines at least the day.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeFormat {
    text: String,
    items: Vec<Item<'static>>,
}

impl TimeFormat {
    /// A format for days, such as `%d/%m/%Y`.
    ///
    /// # Errors
    /// One sentence if the format has an unknown code or does not determine the day.
    pub fn for_dates(text: &str) -> Result<Self, String> {
        let format = Self::parse(text)?;
        match format.date(&format.sample()) {
            Some(day) if day.and_hms_opt(13, 45, 6).is_some_and(|at| at.and_utc().timestamp() == SAMPLE) => Ok(format),
            _ => Err(format!("`{text}` does not determine a day; name the year, month and day, as in %d/%m/%Y")),
        }
    }

    /// A format for instants, such as `%Y-%m-%d %H:%M`.
    ///
    /// # Errors
    /// One sentence if the format has an unknown code or does not determine the minute.
    pub fn for_instants(text: &str) -> Result<Self, String> {
        let format = Self::parse(text)?;
        match format.instant(&format.sample(), Tz::UTC) {
            Some(at) if at.timestamp().div_euclid(60) == SAMPLE.div_euclid(60) => Ok(format),
            _ => Err(format!(
                "`{text}` does not determine a minute; name the date and the time, as in %Y-%m-%d %H:%M, \
                 or use `date` for days without a time"
            )),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let items = StrftimeItems::new(text).parse_to_owned();
        let items = items.map_err(|_| {
            format!("`{text}` has a code that strftime does not know; the usual ones are %Y %m %d %H %M %S %b %p %z")
        })?;
        if items.contains(&Item::Fixed(Fixed::TimezoneName)) {
            return Err(format!("`{text}` has %Z, but names of time zones are ambiguous; use %z or `timeZone`"));
        }
        Ok(Self { text: text.to_owned(), items })
    }

    /// The sample in this format, as far as it can be written.
    fn sample(&self) -> String {
        let at = DateTime::from_timestamp(SAMPLE, 0).unwrap_or_default().fixed_offset();
        let mut text = String::new();
        // A code that cannot be written cannot be read back either, so that the format is refused.
        let _ = write!(text, "{}", at.format_with_items(self.items.iter()));
        text
    }

    /// The format as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The day that a text names; none if it does not have this format or is not in the calendar.
    pub fn date(&self, text: &str) -> Option<NaiveDate> {
        let day = self.parsed(text)?.to_naive_date().ok()?;
        has_plausible_year(day, text).then_some(day)
    }

    /// The instant that a text names, with its own offset or else with the offset of the zone.
    pub fn instant(&self, text: &str, zone: Tz) -> Option<DateTime<FixedOffset>> {
        let parsed = self.parsed(text)?;
        let at = match parsed.to_datetime() {
            Ok(at) => at,
            Err(_) => {
                let at = wall::first_instant(parsed.to_naive_datetime_with_offset(0).ok()?, zone)?;
                let local = at.with_timezone(&zone);
                local.with_timezone(&local.offset().fix())
            }
        };
        has_plausible_year(at.date_naive(), text).then_some(at)
    }

    fn parsed(&self, text: &str) -> Option<Parsed> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, self.items.iter()).ok().map(|()| parsed)
    }
}

/// Whether the year is written with four digits: `%Y` would read the 26 of `20/11/26` as the year 26.
fn has_plausible_year(day: NaiveDate, text: &str) -> bool {
    let year = day.year();
    (1000..=9999).contains(&year) || ((1..1000).contains(&year) && text.contains(&format!("{year:04}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(format: &str, text: &str) -> Option<String> {
        TimeFormat::for_dates(format).unwrap().date(text).map(|day| day.to_string())
    }

    fn instant(format: &str, text: &str, zone: Tz) -> Option<String> {
        TimeFormat::for_instants(format).unwrap().instant(text, zone).map(|at| at.to_rfc3339())
    }

    #[test]
    fn days_are_read_as_the_format_says() {
        assert_eq!(date("%d/%m/%Y", "3/11/2026"), Some("2026-11-03".to_owned()));
        assert_eq!(date("%b %d %Y", "Dec 07 1998"), Some("1998-12-07".to_owned()));
        assert_eq!(date("%Y%m%d", "20261120"), Some("2026-11-20".to_owned()));
        assert_eq!(date("%d/%m/%y", "20/11/26"), Some("2026-11-20".to_owned()));
        assert_eq!(date("%Y-%m-%d %H:%M", "2026-11-20 23:59"), Some("2026-11-20".to_owned()));
        for wrong in ["30/02/2026", "20/11/26", "11/20/2026", "20/11/2026 x", "", "20/11/20260"] {
            assert_eq!(date("%d/%m/%Y", wrong), None, "{wrong}");
        }
        assert_eq!(date("%d/%m/%Y", "20/11/0026"), Some("0026-11-20".to_owned()));
    }

    #[test]
    fn instants_have_the_offset_of_their_zone_or_their_own() {
        let (madrid, format) = (chrono_tz::Europe::Madrid, "%Y-%m-%d %H:%M");
        assert_eq!(instant(format, "2026-11-21 23:00", madrid).as_deref(), Some("2026-11-21T23:00:00+01:00"));
        assert_eq!(instant(format, "2026-07-21 23:00", madrid).as_deref(), Some("2026-07-21T23:00:00+02:00"));
        assert_eq!(instant(format, "2026-03-29 02:30", madrid).as_deref(), Some("2026-03-29T03:00:00+02:00"));
        assert_eq!(instant(format, "2026-10-25 02:30", madrid).as_deref(), Some("2026-10-25T02:30:00+02:00"));
        let offset = instant("%d.%m.%Y %H:%M:%S %z", "21.11.2026 23:00:05 -0500", madrid);
        assert_eq!(offset.as_deref(), Some("2026-11-21T23:00:05-05:00"));
        assert_eq!(instant(format, "2026-11-21", madrid), None);
    }

    #[test]
    fn a_format_that_determines_too_little_is_refused() {
        for format in ["%d/%m", "x", "", "%H:%M", "%Y"] {
            let message = TimeFormat::for_dates(format).unwrap_err();
            assert!(message.contains("does not determine a day"), "{format}: {message}");
        }
        for format in ["%d/%m/%Y", "%Y-%m-%d %I:%M", "%Y-%m-%d %H"] {
            let message = TimeFormat::for_instants(format).unwrap_err();
            assert!(message.contains("does not determine a minute"), "{format}: {message}");
        }
        for format in ["%Q", "%Y-%m-%d %", "%Y-%m-%!"] {
            assert!(TimeFormat::for_dates(format).unwrap_err().contains("strftime does not know"), "{format}");
        }
        assert!(TimeFormat::for_instants("%Y-%m-%d %H:%M %Z").unwrap_err().contains("ambiguous"));
    }
}
