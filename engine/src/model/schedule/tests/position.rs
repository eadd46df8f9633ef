use super::*;
use crate::model::result::ResultId;

const SAVED: &str = "2026-11-20T12:00:00Z";

fn hourly() -> Schedule {
    schedule(json!({"interval": "1h"}))
}

fn noon_and(hours: i64) -> Instant {
    at(SAVED) + TimeDelta::hours(hours)
}

/// The position after this number of starts, each without delay.
fn started(schedule: &Schedule, times: u64) -> Position {
    (0..times).fold(schedule.begin(at(SAVED)), |position, _| {
        let now = position.next.unwrap();
        let firing = schedule.fire(ID, &position, now, at(SAVED)).unwrap();
        schedule.moved(&position, &firing, Fired { counted: 1, awaits: None, at: now })
    })
}

#[test]
fn it_moves_on_until_its_executions_are_done() {
    let twice = Schedule { executions: 2, ..hourly() };
    let position = started(&twice, 1);
    assert_eq!((position.fired, position.handled, position.next), (1, noon_and(1), Some(noon_and(2))));
    let position = started(&twice, 2);
    assert_eq!((position.fired, position.next), (2, None));
    assert!(twice.is_over(&position));
    assert_eq!(twice.fire(ID, &position, noon_and(9), at(SAVED)), None);
}

#[test]
fn a_start_that_was_skipped_does_not_count() {
    let once = Schedule { executions: 1, ..hourly() };
    let position = once.begin(at(SAVED));
    let firing = once.fire(ID, &position, noon_and(1), at(SAVED)).unwrap();
    let position = once.moved(&position, &firing, Fired { counted: 0, awaits: None, at: noon_and(1) });
    assert_eq!((position.fired, position.next), (0, Some(noon_and(2))));
}

#[test]
fn starts_that_are_cut_off_have_their_turn_if_one_of_the_others_was_skipped() {
    let twice = Schedule { executions: 2, ..hourly() };
    let position = twice.begin(at(SAVED));
    let firing = twice.fire(ID, &position, noon_and(5), at(SAVED)).unwrap();
    assert_eq!((firing.starts.as_slice(), firing.handled), ([noon_and(1), noon_and(2)].as_slice(), noon_and(2)));
    let position = twice.moved(&position, &firing, Fired { counted: 1, awaits: None, at: noon_and(5) });
    let firing = twice.fire(ID, &position, noon_and(5), at(SAVED)).unwrap();
    assert_eq!(firing.starts, [noon_and(3)]);
}

#[test]
fn after_completion_it_waits_for_what_it_started() {
    let after = schedule(json!({"interval": "1h", "after": "completion"}));
    let position = after.begin(at(SAVED));
    let firing = after.fire(ID, &position, noon_and(1), at(SAVED)).unwrap();
    assert_eq!(firing.starts, [noon_and(1)]);
    let result = ResultId(Uuid::from_u128(1));
    let fired = Fired { counted: 1, awaits: Some(result), at: noon_and(1) };
    let waiting = after.moved(&position, &firing, fired);
    assert_eq!((waiting.next, waiting.awaits), (None, Some(result)));
    assert!(!after.is_over(&waiting));
    assert_eq!(after.fire(ID, &waiting, noon_and(99), at(SAVED)), None);
    let position = after.completed(&waiting, noon_and(5));
    assert_eq!((position.next, position.awaits), (Some(noon_and(6)), None));
    // The clock was put back while it waited. It must not start an instant a second time.
    let back = after.completed(&waiting, noon_and(-5));
    assert_eq!(back.next, Some(noon_and(2)));
    // The start was skipped, so the wait begins at once.
    let skipped = after.moved(&position, &firing, Fired { counted: 0, awaits: None, at: noon_and(7) });
    assert_eq!(skipped.next, Some(noon_and(8)));
    let ended = Schedule { end_at: Some(noon_and(5)), ..after.clone() };
    assert!(ended.is_over(&ended.completed(&waiting, noon_and(5))));
}

#[test]
fn what_takes_its_place_goes_on_where_it_stood() {
    let old = hourly();
    let position = started(&old, 2);
    let same = Schedule { jitter: seconds(5), missed: Missed::All, ..hourly() };
    assert_eq!(same.replace(&old, &position, noon_and(2)), position);
    let limited = Schedule { executions: 2, ..hourly() };
    assert!(limited.is_over(&limited.replace(&old, &position, noon_and(2))));
    let ended = Schedule { end_at: Some(noon_and(2)), ..hourly() };
    assert!(ended.is_over(&ended.replace(&old, &position, noon_and(2))));
    // A start that is due and was not made is still due.
    assert_eq!(same.replace(&old, &position, noon_and(4)).next, Some(noon_and(3)));
}

#[test]
fn other_nominal_instants_start_a_new_position() {
    let old = hourly();
    let position = started(&old, 2);
    let now = noon_and(2) + seconds(60);
    let others = [
        schedule(json!({"interval": "2h"})),
        schedule(json!({"interval": "1h", "startAt": SAVED})),
        Schedule { zone: Tz::UTC, ..hourly() },
    ];
    for other in others {
        assert_eq!(other.replace(&old, &position, now), other.begin(now));
    }
}

#[test]
fn what_passed_while_it_was_inactive_or_over_is_not_missed() {
    let old = Schedule { executions: 2, ..hourly() };
    let over = started(&old, 2);
    let (half_past, following) = (noon_and(99) + seconds(1800), noon_and(100));
    let more = Schedule { executions: 5, ..hourly() };
    let position = more.replace(&old, &over, half_past);
    assert_eq!((position.next, position.fired, position.handled), (Some(following), 2, half_past));
    let ended = Schedule { end_at: Some(noon_and(2)), ..hourly() };
    let position = hourly().replace(&ended, &started(&ended, 2), half_past);
    assert_eq!(position.next, Some(following));
    let inactive = Schedule { active: false, ..hourly() };
    let paused = inactive.replace(&hourly(), &started(&hourly(), 2), noon_and(2));
    assert_eq!((paused.next, inactive.is_over(&paused)), (None, false));
    assert_eq!(hourly().replace(&inactive, &paused, half_past).next, Some(following));
}

#[test]
fn after_completion_a_schedule_that_takes_the_place_of_another_still_waits() {
    let after = schedule(json!({"interval": "1h", "after": "completion"}));
    let result = Some(ResultId(Uuid::from_u128(1)));
    let waiting = Position { next: None, awaits: result, ..after.begin(at(SAVED)) };
    assert_eq!(after.replace(&after, &waiting, noon_and(3)), waiting);
    let inactive = Schedule { active: false, ..after.clone() };
    let paused = inactive.replace(&after, &waiting, noon_and(3));
    assert_eq!((paused.next, paused.awaits), (None, result));
    let ended = inactive.completed(&paused, noon_and(4));
    assert_eq!((ended.next, ended.awaits), (None, None));
    let resumed = after.replace(&inactive, &ended, noon_and(9));
    assert_eq!(resumed.next, Some(noon_and(10)));
}
