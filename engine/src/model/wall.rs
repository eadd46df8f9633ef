//! Wall clocks: which instants a time of day means in a time zone, and when the zone changes its clocks.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone};
use chrono_tz::{GapInfo, Tz};

use super::Instant;
use super::fault::did_you_mean;
use super::text::shortened;

/// A zone changes its clocks at most once in this span: from 1970 to 2100, no two changes of any zone are
/// less than six days apart.
const STEP: TimeDelta = TimeDelta::hours(12);

/// A time zone in which values are compared: a bare date is the first instant of its day there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(pub Tz);

impl values::order::Zone for Zone {
    fn midnight(&self, day: NaiveDate) -> Option<values::order::Instant> {
        let instant = first_instant(day.and_time(NaiveTime::MIN), self.0)?;
        Some((instant.timestamp(), 0))
    }
}

/// The time zone with this IANA name.
///
/// # Errors
/// One sentence with the nearest name, and what to write.
pub fn time_zone(name: &str) -> Result<Tz, String> {
    name.parse().map_err(|_| {
        let near = did_you_mean(name, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
        let near = if near.is_empty() { "." } else { near.as_str() };
        format!("`{}` is not a time zone{near} Write an IANA name such as Europe/Madrid", shortened(name, 60))
    })
}

/// The instant at which a wall clock of the zone shows `wall`: the first of two where the clocks
/// were put back, the first after the gap where they were put forward.
pub fn first_instant(wall: NaiveDateTime, zone: Tz) -> Option<Instant> {
    let shown = zone.from_local_datetime(&wall).earliest();
    shown.or_else(|| GapInfo::new(&wall, &zone)?.end).map(|shown| shown.to_utc())
}

/// The last instant at which a wall clock of the zone shows `wall`, or the first after the gap.
pub fn last_instant(wall: NaiveDateTime, zone: Tz) -> Option<Instant> {
    let shown = zone.from_local_datetime(&wall).latest();
    shown.map(|shown| shown.to_utc()).or_else(|| first_instant(wall, zone))
}

/// The time that a wall clock of the zone shows. None after the last year of the calendar.
pub fn shown(instant: Instant, zone: Tz) -> Option<NaiveDateTime> {
    instant.naive_utc().checked_add_signed(offset(instant, zone))
}

/// How far the wall clocks of the zone are ahead of UTC.
pub fn offset(instant: Instant, zone: Tz) -> TimeDelta {
    let seconds = zone.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc();
    TimeDelta::seconds(seconds.into())
}

/// When the zone first changes its clocks after `from`, up to `to`. Precise to the second.
pub fn first_change(from: Instant, to: Instant, zone: Tz) -> Option<Instant> {
    let before = offset(from, zone);
    let (mut low, mut high) = (from, from);
    while offset(high, zone) == before {
        if high >= to {
            return None;
        }
        low = high;
        high = high.checked_add_signed(STEP)?.min(to);
    }
    // The change is between the two.
    let (mut low, mut high) = (low.timestamp(), high.timestamp());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let moved = Instant::from_timestamp(middle, 0).is_some_and(|at| offset(at, zone) != before);
        if moved { high = middle } else { low = middle }
    }
    Instant::from_timestamp(high, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn a_time_in_a_gap_means_its_end_and_one_in_a_fold_the_first() {
        let first = |text, zone| first_instant(wall(text), zone).unwrap();
        let madrid = chrono_tz::Europe::Madrid;
        assert_eq!(first("2026-03-29T02:30:00", madrid), at("2026-03-29T01:00:00Z"));
        assert_eq!(first("2026-10-25T02:30:00", madrid), at("2026-10-25T00:30:00Z"));
        assert_eq!(first("2026-11-20T12:00:00", madrid), at("2026-11-20T11:00:00Z"));
        // Half an hour only.
        let lord_howe = chrono_tz::Australia::Lord_Howe;
        assert_eq!(first("2026-10-04T02:15:00", lord_howe), at("2026-10-03T15:30:00Z"));
        assert_eq!(first("2026-04-05T01:45:00", lord_howe), at("2026-04-04T14:45:00Z"));
        // A whole day.
        assert_eq!(first("2011-12-30T07:00:00", chrono_tz::Pacific::Apia), at("2011-12-30T10:00:00Z"));
        // The first hour of the day.
        assert_eq!(first("2018-11-04T00:30:00", chrono_tz::America::Sao_Paulo), at("2018-11-04T03:00:00Z"));
    }

    #[test]
    fn changes_are_found_to_the_second() {
        let change = |from, to, zone| first_change(at(from), at(to), zone);
        let madrid = chrono_tz::Europe::Madrid;
        let spring = at("2026-03-29T01:00:00Z");
        assert_eq!(change("2026-01-01T00:00:00Z", "2026-12-31T00:00:00Z", madrid), Some(spring));
        assert_eq!(change("2026-03-29T00:59:59.5Z", "2026-03-29T01:00:00Z", madrid), Some(spring));
        assert_eq!(change("2026-03-29T01:00:00Z", "2026-10-25T00:59:59Z", madrid), None);
        assert_eq!(change("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", chrono_tz::UTC), None);
    }
}
