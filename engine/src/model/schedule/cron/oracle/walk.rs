//! Walks through time and looks at a wall clock at each step.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use chrono::{NaiveDateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

use super::naive::Naive;
use crate::model::Instant;

/// The time that a wall clock shows, computed from the zone only.
fn shown(at: Instant, zone: Tz) -> NaiveDateTime {
    at.with_timezone(&zone).naive_local()
}

/// All starts after `from`, up to `to`.
///
/// Expressions that follow elapsed time start whenever the clock shows a time that fits. Fixed times start
/// when the clock, for the first time, shows a time that fits or jumps over it. A time that is not later
/// than all times before is ignored.
pub fn starts(naive: &Naive, zone: Tz, from: Instant, to: Instant) -> Vec<Instant> {
    let step = if naive.has_seconds { 1 } else { 60 };
    let mut at = Instant::from_timestamp(from.timestamp().div_euclid(step) * step, 0).unwrap();
    let mut latest = (0..=27 * 60).map(|minutes| shown(at - TimeDelta::minutes(minutes), zone)).max().unwrap();
    let step = TimeDelta::seconds(step);
    let mut starts = Vec::new();
    loop {
        at += step;
        if at > to {
            return starts;
        }
        let now = shown(at, zone);
        let fits = if naive.elapsed {
            naive.fits(now)
        } else {
            let reached = std::iter::successors(Some(latest + step), |time| Some(*time + step));
            reached.take_while(|time| *time <= now).any(|time| naive.fits(time))
        };
        if fits {
            starts.push(at);
        }
        latest = latest.max(now);
    }
}

/// The instants from 2005 to 2035 at which the zone changes its clocks; New Year's days for a zone that
/// never does.
pub fn changes(zone: Tz) -> Vec<Instant> {
    static KNOWN: LazyLock<Mutex<HashMap<Tz, Vec<Instant>>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap();
    known.entry(zone).or_insert_with(|| look_for_changes(zone)).clone()
}

fn look_for_changes(zone: Tz) -> Vec<Instant> {
    let year = |year| chrono::Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).unwrap();
    let hours = std::iter::successors(Some(year(2005)), |at| Some(*at + TimeDelta::hours(1)));
    let ahead = |at: Instant| shown(at, zone) - at.naive_utc();
    let found: Vec<_> = hours
        .take_while(|at| *at < year(2035))
        .filter(|at| ahead(*at) != ahead(*at + TimeDelta::hours(1)))
        .flat_map(|at| (1..=60).map(move |minutes| at + TimeDelta::minutes(minutes)))
        .filter(|at| ahead(*at) != ahead(*at - TimeDelta::minutes(1)))
        .collect();
    if found.is_empty() { (2005..2035).map(year).collect() } else { found }
}
