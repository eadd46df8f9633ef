//! Cron expressions, with the rules of crontab: five fields (minute, hour, day of month, month, day
//! of week), or six with seconds in front.
//!
//! The `cron` crate parses the lists, ranges, steps and names of each field. It is used for nothing
//! else, because it numbers weekdays from 1, joins the two day fields by *and*, and handles clock
//! changes in another way. Days are chosen in [`Days`], and instants are found here, on the wall
//! clock of a zone.
//!
//! - A **fixed** time (no wildcard and no step among second, minute and hour) starts once on each of
//!   its days. If the clocks are put forward over it, it starts at the first instant after the gap;
//!   if they are put back, it starts at the first of its two instants.
//! - Every other expression follows **elapsed time**: it starts whenever the wall clock shows a time
//!   that fits, so that it starts nothing in a gap and continues through a repeated hour.

mod days;
mod fields;

use chrono::{Datelike, Days as Span, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};
use chrono_tz::Tz;

use self::days::Days;
use self::fields::Fields;
use crate::model::{Instant, wall};

/// Bytes of an expression.
const LONGEST: usize = 256;
/// Months after which the calendar repeats itself, weekdays included.
const CYCLE: u32 = 400 * 12;
/// More than clocks are ever put back by.
const DAY: TimeDelta = TimeDelta::hours(26);

/// A cron expression that has at least one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    text: String,
    seconds: Ordinals,
    minutes: Ordinals,
    hours: Ordinals,
    months: Ordinals,
    days: Days,
    /// Whether it follows elapsed time.
    elapsed: bool,
}

impl Cron {
    /// Parses an expression.
    ///
    /// # Errors
    /// One sentence with the field and what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("has {} bytes; a cron expression may have at most {LONGEST}", text.len()));
        }
        let fields = Fields::split(text)?;
        let cron = Self {
            text: text.to_owned(),
            seconds: fields.seconds()?,
            minutes: fields.minutes()?,
            hours: fields.hours()?,
            months: fields.months()?,
            days: fields.days()?,
            elapsed: fields.follow_elapsed_time(),
        };
        // Every possible day is in one cycle.
        let any = NaiveDate::from_ymd_opt(2000, 1, 1).and_then(|day| cron.next_day(day));
        any.map(|_| cron).ok_or_else(|| {
            format!("`{text}` never occurs: its months have no such day; correct the day of month or the month")
        })
    }

    /// The expression as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first instant after this one at which it starts something. None after the last year of the calendar.
    pub fn next(&self, after: Instant, zone: Tz) -> Option<Instant> {
        if self.elapsed { self.next_elapsed(after, zone) } else { self.next_fixed(after, zone) }
    }

    /// Tries the times of the wall clock in order. A later time never means an earlier instant, so
    /// the first time that means an instant after `after` is the next one.
    fn next_fixed(&self, after: Instant, zone: Tz) -> Option<Instant> {
        let mut from = wall::shown(after, zone)?;
        loop {
            let time = self.next_time(from)?;
            let instant = wall::first_instant(time, zone)?;
            if instant > after {
                return Some(instant);
            }
            from = time.checked_add_signed(TimeDelta::seconds(1))?;
        }
    }

    /// Goes from one clock change to the next. In between, the wall clock runs evenly.
    fn next_elapsed(&self, after: Instant, zone: Tz) -> Option<Instant> {
        let mut from = after.checked_add_signed(TimeDelta::microseconds(1))?;
        loop {
            let time = self.next_time(wall::shown(from, zone)?)?;
            let next = time.checked_sub_signed(wall::offset(from, zone))?.and_utc();
            let horizon = from.checked_add_signed(DAY)?;
            match wall::first_change(from, next.min(horizon), zone) {
                Some(change) if change <= next => from = change,
                _ if next <= horizon => return Some(next),
                // No time fits until then. Clocks that are put back in between only show times again
                // that were shown before.
                _ => from = horizon.max(next.checked_sub_signed(DAY)?),
            }
        }
    }

    /// The first time of the wall clock that fits, from this one on.
    fn next_time(&self, from: NaiveDateTime) -> Option<NaiveDateTime> {
        let from = match from.nanosecond() {
            0 => from,
            _ => from.with_nanosecond(0)?.checked_add_signed(TimeDelta::seconds(1))?,
        };
        let day = self.next_day(from.date())?;
        if day == from.date() {
            if let Some(time) = self.time_from(from.time()) {
                return Some(day.and_time(time));
            }
            let later = self.next_day(day.checked_add_days(Span::new(1))?)?;
            return Some(later.and_time(self.time_from(NaiveTime::MIN)?));
        }
        Some(day.and_time(self.time_from(NaiveTime::MIN)?))
    }

    /// The first day that fits, from this one on.
    fn next_day(&self, from: NaiveDate) -> Option<NaiveDate> {
        let mut first = from;
        for _ in 0..=CYCLE {
            if self.months.holds(first.month()) {
                let fitting = self.days.of_month(first.year(), first.month());
                if let Some(day) = fitting.from(first.day()) {
                    return first.with_day(day);
                }
            }
            first = first.with_day(1)?.checked_add_months(chrono::Months::new(1))?;
        }
        None
    }

    /// The first time of a day that fits, from this one on.
    fn time_from(&self, time: NaiveTime) -> Option<NaiveTime> {
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        let first = |hour, minute| NaiveTime::from_hms_opt(hour, minute, self.seconds.from(0)?);
        if self.hours.holds(hour) {
            if self.minutes.holds(minute)
                && let Some(second) = self.seconds.from(second)
            {
                return NaiveTime::from_hms_opt(hour, minute, second);
            }
            if let Some(minute) = self.minutes.from(minute + 1) {
                return first(hour, minute);
            }
        }
        first(self.hours.from(hour + 1)?, self.minutes.from(0)?)
    }
}

/// A set of small numbers: seconds, hours, days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Ordinals(u64);

impl Ordinals {
    fn holds(self, ordinal: u32) -> bool {
        ordinal < u64::BITS && self.0 >> ordinal & 1 == 1
    }

    /// The smallest one from this on.
    fn from(self, least: u32) -> Option<u32> {
        let rest = self.0 & u64::MAX.checked_shl(least)?;
        (rest != 0).then(|| rest.trailing_zeros())
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromIterator<u32> for Ordinals {
    fn from_iter<I: IntoIterator<Item = u32>>(ordinals: I) -> Self {
        Self(ordinals.into_iter().fold(0, |all, ordinal| all | 1u64.checked_shl(ordinal).unwrap_or(0)))
    }
}

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;
