//! Tests of schedules: reading them, their nominal instants, and their starts.

mod firing;
mod position;
mod reading;
mod restarts;
mod times;

use serde_json::json;

use super::*;
use crate::model::fault::Fault;

const ID: ScheduleId = ScheduleId(Uuid::from_u128(7));

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn seconds(seconds: i64) -> TimeDelta {
    TimeDelta::seconds(seconds)
}

/// A schedule of a job in Madrid.
fn read(mut written: Value) -> Result<Schedule, Vec<Fault>> {
    written["key"] = json!("a");
    Schedule::read(&written, "schedules[0]", chrono_tz::Europe::Madrid)
}

fn schedule(written: Value) -> Schedule {
    read(written).unwrap()
}

/// Starts everything that is due, and returns the position afterwards with the firings.
fn run(schedule: &Schedule, position: Position, now: Instant, watched_since: Instant) -> (Position, Vec<Firing>) {
    let (mut position, mut firings) = (position, Vec::new());
    while let Some(firing) = schedule.fire(ID, &position, now, watched_since) {
        let counted = firing.starts.len() as u64;
        position = schedule.moved(&position, &firing, Fired { counted, awaits: None, at: now });
        firings.push(firing);
    }
    (position, firings)
}
