//! The date variables of templates and their offsets. All of them use one clock reading.

use chrono::{
    DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeDelta, TimeZone,
};
use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::{Instant, wall};

/// The value of `since` before the first success of a job. It is in UTC in every time zone, because an
/// offset would move it out of the years of RFC 3339.
pub const BEGINNING: &str = "0001-01-01T00:00:00Z";

/// The names of the date variables.
pub const NAMES: [&str; 12] = [
    "today",
    "yesterday",
    "tomorrow",
    "now",
    "startOfWeek",
    "endOfWeek",
    "startOfMonth",
    "endOfMonth",
    "startOfQuarter",
    "endOfQuarter",
    "startOfYear",
    "endOfYear",
];

/// All date variables at this instant in this zone: dates as `YYYY-MM-DD`, and `now` as RFC 3339 with
/// the offset of the zone. Weeks begin on Monday, and `endOf…` is the last day itself.
pub fn variables(now: Instant, zone: Tz) -> Map<String, Value> {
    let local = now.with_timezone(&zone);
    let today = local.date_naive();
    let value = |name| match name {
        "now" => stamp(&local),
        name => named_day(name, today).unwrap_or(today).to_string(),
    };
    NAMES.iter().map(|name| ((*name).to_owned(), Value::String(value(name)))).collect()
}

/// The value of a date variable on a day; none for `now` and for unknown names.
fn named_day(name: &str, today: NaiveDate) -> Option<NaiveDate> {
    let week = today - Days::new(today.weekday().num_days_from_monday().into());
    let month = first_of_month(today, today.month());
    let quarter = first_of_month(today, (today.month0() / 3) * 3 + 1);
    let year = first_of_month(today, 1);
    let last_of = |start: NaiveDate, months: u32| start + Months::new(months) - Days::new(1);
    Some(match name {
        "today" => today,
        "yesterday" => today - Days::new(1),
        "tomorrow" => today + Days::new(1),
        "startOfWeek" => week,
        "endOfWeek" => week + Days::new(6),
        "startOfMonth" => month,
        "endOfMonth" => last_of(month, 1),
        "startOfQuarter" => quarter,
        "endOfQuarter" => last_of(quarter, 3),
        "startOfYear" => year,
        "endOfYear" => last_of(year, 12),
        _ => return None,
    })
}

/// The instant in RFC 3339, with fractions of a second only as far as needed.
pub fn stamp<Z: TimeZone<Offset: std::fmt::Display>>(instant: &DateTime<Z>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn first_of_month(day: NaiveDate, month: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(day.year(), month, 1).unwrap_or(day)
}

/// Moves a date or an instant by offsets such as `+7d`, `-1M`, `+1M-1d`.
///
/// Days, weeks, months and years are moved on the calendar of the zone. A day that the month does not
/// have becomes the last day of the month. Minutes and hours are elapsed time; they turn a date into
/// the instant at which it begins in the zone.
///
/// # Errors
/// One sentence if a text cannot be parsed or the result is out of range.
pub fn shift(text: &str, offsets: &str, zone: Tz) -> Result<String, String> {
    let parsed = parse_offsets(offsets)?;
    // Before the first success, `since-1h` takes everything, as `since` does.
    if text == BEGINNING {
        return Ok(text.to_owned());
    }
    let moved = Moment::parse(text, zone)?.moved_by_all(&parsed, zone);
    moved.map(|moment| moment.text()).ok_or_else(|| out_of_range(text, offsets))
}

/// Moves `today` by the offsets and then takes the boundary, such as `endOfMonth`. So `-1M` gives the
/// last day of last month, however long this month is. Minutes and hours are added to the boundary.
///
/// # Errors
/// One sentence if a text cannot be parsed or the result is out of range.
pub fn shift_to_boundary(today: &str, offsets: &str, boundary: &str, zone: Tz) -> Result<String, String> {
    let Moment::Day(today) = Moment::parse(today, zone)? else {
        return Err(format!("`{today}` is not a date (YYYY-MM-DD)"));
    };
    let (times, days): (Vec<_>, Vec<_>) =
        parse_offsets(offsets)?.into_iter().partition(|(_, unit)| matches!(unit, 'm' | 'h'));
    let out_of_range = || out_of_range(boundary, offsets);
    let Some(Moment::Day(moved)) = Moment::Day(today).moved_by_all(&days, zone) else { return Err(out_of_range()) };
    let day = named_day(boundary, moved).ok_or_else(|| format!("`{boundary}` is not a date variable"))?;
    let moved = Moment::Day(day).moved_by_all(&times, zone).filter(Moment::has_year_of_rfc3339);
    moved.map(|moment| moment.text()).ok_or_else(out_of_range)
}

fn out_of_range(date: &str, offsets: &str) -> String {
    format!("{date} moved by {offsets} is out of range; the year must be from 1 to 9999")
}

/// A date or an instant.
enum Moment {
    Day(NaiveDate),
    At(DateTime<Tz>),
}

impl Moment {
    fn parse(text: &str, zone: Tz) -> Result<Self, String> {
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Ok(Self::Day(day));
        }
        let instant = DateTime::parse_from_rfc3339(text);
        instant
            .map(|at| Self::At(at.with_timezone(&zone)))
            .map_err(|_| format!("`{text}` is not a date (YYYY-MM-DD) or an RFC 3339 instant"))
    }

    /// Moves by each offset in turn; none if one leads out of the years of RFC 3339.
    fn moved_by_all(self, offsets: &[(i64, char)], zone: Tz) -> Option<Self> {
        offsets
            .iter()
            .try_fold(self, |moment, (count, unit)| moment.moved(*count, *unit, zone).filter(Self::has_year_of_rfc3339))
    }

    fn moved(self, count: i64, unit: char, zone: Tz) -> Option<Self> {
        match (self, unit) {
            (Self::Day(day), 'm' | 'h') => {
                Self::At(instant_of(day.and_time(NaiveTime::MIN), zone)?).moved(count, unit, zone)
            }
            (Self::Day(day), _) => move_day(day, count, unit).map(Self::Day),
            (Self::At(at), 'm') => at.checked_add_signed(TimeDelta::try_minutes(count)?).map(Self::At),
            (Self::At(at), 'h') => at.checked_add_signed(TimeDelta::try_hours(count)?).map(Self::At),
            (Self::At(at), _) => {
                let wall = move_day(at.date_naive(), count, unit)?.and_time(at.time());
                instant_of(wall, zone).map(Self::At)
            }
        }
    }

    fn has_year_of_rfc3339(&self) -> bool {
        let year = match self {
            Self::Day(day) => day.year(),
            Self::At(at) => at.year(),
        };
        (1..=9999).contains(&year)
    }

    fn text(&self) -> String {
        match self {
            Self::Day(day) => day.to_string(),
            Self::At(at) => stamp(at),
        }
    }
}

fn instant_of(wall: NaiveDateTime, zone: Tz) -> Option<DateTime<Tz>> {
    wall::first_instant(wall, zone).map(|instant| instant.with_timezone(&zone))
}

fn move_day(day: NaiveDate, count: i64, unit: char) -> Option<NaiveDate> {
    let days = |each: i64| day.checked_add_signed(TimeDelta::try_days(count.checked_mul(each)?)?);
    let months = |each: i64| {
        let total = count.checked_mul(each)?;
        let size = Months::new(u32::try_from(total.unsigned_abs()).ok()?);
        if total < 0 { day.checked_sub_months(size) } else { day.checked_add_months(size) }
    };
    match unit {
        'd' => days(1),
        'w' => days(7),
        'M' => months(1),
        _ => months(12),
    }
}

fn parse_offsets(offsets: &str) -> Result<Vec<(i64, char)>, String> {
    let fault = || format!("`{offsets}` is not an offset; write for example +7d, -1M or +2h (units m h d w M y)");
    let mut rest = offsets;
    let mut parsed = Vec::new();
    while !rest.is_empty() {
        let end = rest.find(|c| "mhdwMy".contains(c)).ok_or_else(fault)?;
        let (number, unit) = (&rest[..end], rest[end..].chars().next().ok_or_else(fault)?);
        let signed = number.starts_with(['+', '-']) && number.len() > 1;
        let count: i64 = number.parse().map_err(|_| fault())?;
        if !signed {
            return Err(fault());
        }
        parsed.push((count, unit));
        rest = &rest[end + 1..];
    }
    if parsed.is_empty() { Err(fault()) } else { Ok(parsed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, zone: Tz) -> Map<String, Value> {
        variables(DateTime::parse_from_rfc3339(text).unwrap().to_utc(), zone)
    }

    #[test]
    fn all_variables_come_from_the_day_in_the_zone() {
        let dates = at("2026-11-20T23:30:00Z", chrono_tz::Europe::Madrid);
        let shown: Vec<_> = NAMES.iter().map(|name| dates[*name].as_str().unwrap()).collect();
        let expected = [
            "2026-11-21",
            "2026-11-20",
            "2026-11-22",
            "2026-11-21T00:30:00+01:00",
            "2026-11-16",
            "2026-11-22",
            "2026-11-01",
            "2026-11-30",
            "2026-10-01",
            "2026-12-31",
            "2026-01-01",
            "2026-12-31",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn offsets_move_on_the_calendar_and_clamp() {
        let zone = chrono_tz::Europe::Madrid;
        let shifted = |text, offset| shift(text, offset, zone).unwrap();
        assert_eq!(shifted("2026-01-31", "+1M"), "2026-02-28");
        assert_eq!(shifted("2024-02-29", "-1y"), "2023-02-28");
        assert_eq!(shifted("2026-11-20", "+7d"), "2026-11-27");
        assert_eq!(shifted("2026-11-20", "-2w+1d"), "2026-11-07");
        assert_eq!(shifted("2026-11-20", "+90m"), "2026-11-20T01:30:00+01:00");
    }

    #[test]
    fn a_boundary_is_taken_after_the_day_was_moved() {
        let cases = [
            ("2026-04-15", "endOfMonth", "-1M", "2026-03-31"),
            ("2026-03-31", "endOfMonth", "-1M", "2026-02-28"),
            ("2026-03-31", "startOfMonth", "+1M", "2026-04-01"),
            ("2026-11-20", "startOfWeek", "+1w", "2026-11-23"),
            ("2026-11-20", "endOfWeek", "-7d", "2026-11-15"),
            ("2026-05-31", "endOfQuarter", "-3M", "2026-03-31"),
            ("2026-05-31", "startOfQuarter", "-1M", "2026-04-01"),
            ("2024-02-29", "endOfYear", "+1y", "2025-12-31"),
            ("2024-02-29", "startOfYear", "-1y", "2023-01-01"),
            ("2026-04-15", "endOfMonth", "-1M+2h", "2026-03-31T02:00:00+02:00"),
            ("2026-04-15", "startOfMonth", "+0h", "2026-04-01T00:00:00+02:00"),
        ];
        let zone = chrono_tz::Europe::Madrid;
        for (today, boundary, offsets, expected) in cases {
            let shifted = shift_to_boundary(today, offsets, boundary, zone).unwrap();
            assert_eq!(shifted, expected, "{boundary}{offsets} on {today}");
        }
        for (today, boundary, offsets) in [
            ("2026-04-15", "endOfMoon", "-1M"),
            ("2026-04-15", "endOfMonth", "-9999y"),
            ("0001-01-01", "startOfWeek", "-1d"),
            ("soon", "endOfMonth", "-1M"),
        ] {
            assert!(shift_to_boundary(today, offsets, boundary, zone).is_err(), "{boundary}{offsets} on {today}");
        }
    }

    #[test]
    fn days_keep_the_wall_clock_and_hours_are_elapsed_time() {
        let zone = chrono_tz::Europe::Madrid;
        let before_spring = "2026-03-28T12:00:00+01:00";
        assert_eq!(shift(before_spring, "+1d", zone).unwrap(), "2026-03-29T12:00:00+02:00");
        assert_eq!(shift(before_spring, "+24h", zone).unwrap(), "2026-03-29T13:00:00+02:00");
        let into_the_gap = shift("2026-03-28T02:30:00+01:00", "+1d", zone).unwrap();
        assert_eq!(into_the_gap, "2026-03-29T03:00:00+02:00");
        let into_the_fold = shift("2026-10-24T02:30:00+02:00", "+1d", zone).unwrap();
        assert_eq!(into_the_fold, "2026-10-25T02:30:00+02:00");
    }

    #[test]
    fn what_is_no_offset_or_out_of_range_is_refused() {
        for offset in ["", "7d", "+d", "+7", "+7x", "+7d?", "--7d", "+99999999999999999999d"] {
            assert!(shift("2026-11-20", offset, Tz::UTC).is_err(), "{offset}");
        }
        for offset in
            ["+8000y", "+260116y+41d+24h", "-2027y", "+999999999y", "+9223372036854775807d", "-9223372036854775807w"]
        {
            assert!(shift("2026-11-20", offset, Tz::UTC).unwrap_err().contains("out of range"), "{offset}");
        }
        assert!(shift("soon", "+1d", Tz::UTC).unwrap_err().contains("`soon` is not a date"));
    }
}
