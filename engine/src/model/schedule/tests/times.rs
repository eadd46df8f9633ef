use super::*;

fn first(schedule: &Schedule, from: &str, count: usize) -> Vec<String> {
    let instants = schedule.preview(at(from), count);
    instants.iter().map(|instant| stamp(&instant.with_timezone(&schedule.zone))).collect()
}

#[test]
fn intervals_count_from_when_they_were_saved() {
    let every = schedule(json!({"interval": "15m"}));
    let saved = at("2026-11-20T12:00:07Z");
    let position = every.begin(saved);
    assert_eq!(position.next, Some(at("2026-11-20T12:15:07Z")));
    assert_eq!(every.next(at("2026-11-20T12:15:07Z"), saved), Some(at("2026-11-20T12:30:07Z")));
    assert_eq!(every.next(at("2026-11-20T12:15:06.999999Z"), saved), Some(at("2026-11-20T12:15:07Z")));
    assert_eq!(every.next(at("2030-11-20T00:00:00Z"), saved), Some(at("2030-11-20T00:00:07Z")));
    assert_eq!(every.next(at("1970-01-01T00:00:00Z"), saved), Some(at("2026-11-20T12:15:07Z")));
}

#[test]
fn intervals_count_from_start_at() {
    let future = schedule(json!({"interval": "1h", "startAt": "2026-12-01T09:00:00Z"}));
    assert_eq!(future.begin(at("2026-11-20T12:00:00Z")).next, Some(at("2026-12-01T09:00:00Z")));
    let past = schedule(json!({"interval": "1h", "startAt": "2020-01-01T00:10:00Z"}));
    assert_eq!(past.begin(at("2026-11-20T12:00:00Z")).next, Some(at("2026-11-20T12:10:00Z")));
    // Intervals follow elapsed time, also when clocks change.
    let daily = schedule(json!({"interval": "1d", "startAt": "2026-10-24T12:00"}));
    let shown = first(&daily, "2026-10-20T00:00:00Z", 2);
    assert_eq!(shown, ["2026-10-24T12:00:00+02:00", "2026-10-25T11:00:00+01:00"]);
}

#[test]
fn intervals_after_completion_begin_at_start_at_or_when_an_interval_has_passed() {
    let saved = "2026-11-20T12:00:00Z";
    for (start_at, expected) in [
        (None, "2026-11-20T13:00:00Z"),
        (Some("2026-12-01T09:00:00Z"), "2026-12-01T09:00:00Z"),
        // It has passed already.
        (Some("2026-01-01T09:00:00Z"), "2026-11-20T13:00:00Z"),
    ] {
        let mut after = schedule(json!({"interval": "1h", "after": "completion"}));
        after.start_at = start_at.map(at);
        assert_eq!(after.begin(at(saved)).next, Some(at(expected)), "{start_at:?}");
        assert_eq!(after.next(at(expected), at(saved)), None, "the next depends on when it ends");
    }
}

#[test]
fn bounds_are_inclusive() {
    for (word, when) in [("cron", json!("0 * * * *")), ("interval", json!("1h")), ("at", json!("2026-11-20T12:00:00Z"))]
    {
        let mut bounded = json!({"startAt": "2026-11-20T12:00:00Z", "endAt": "2026-11-20T12:00:00Z"});
        bounded[word] = when;
        let bounded = schedule(bounded);
        let noon = at("2026-11-20T12:00:00Z");
        assert_eq!(bounded.preview(at("2026-11-01T00:00:00Z"), 5), [noon], "{word}");
        assert_eq!(bounded.next(noon, noon), None, "{word}");
    }
    let days = schedule(json!({"cron": "0 0,12 * * *", "startAt": "2026-11-20", "endAt": "2026-11-20"}));
    let shown = first(&days, "2026-11-01T00:00:00Z", 5);
    assert_eq!(shown, ["2026-11-20T00:00:00+01:00", "2026-11-20T12:00:00+01:00"]);
}

#[test]
fn a_preview_shows_what_would_be_started() {
    let limited = schedule(json!({"cron": "0 7 * * 1", "executions": 2}));
    assert_eq!(first(&limited, "2026-11-20T12:00:00Z", 5), ["2026-11-23T07:00:00+01:00", "2026-11-30T07:00:00+01:00"]);
    let after = schedule(json!({"interval": "12h", "after": "completion", "executions": 3}));
    let shown = first(&after, "2026-11-20T12:00:00Z", 5);
    assert_eq!(shown, ["2026-11-21T01:00:00+01:00", "2026-11-21T13:00:00+01:00", "2026-11-22T01:00:00+01:00"]);
    assert!(first(&schedule(json!({"at": "2026-01-01"})), "2026-11-20T12:00:00Z", 5).is_empty());
    assert_eq!(first(&schedule(json!({"interval": "1s"})), "2026-11-20T12:00:00Z", 100).len(), 100);
}

#[test]
fn jitter_is_the_same_for_the_same_instant_and_below_its_bound() {
    let jittery = schedule(json!({"cron": "* * * * *", "jitter": "30s"}));
    let nominal = |minute: i64| at("2026-11-20T12:00:00Z") + TimeDelta::minutes(minute);
    let later: Vec<_> = (0..1000).map(|minute| jittery.due(nominal(minute), ID) - nominal(minute)).collect();
    assert!(later.iter().all(|later| (TimeDelta::zero()..seconds(30)).contains(later)));
    assert_eq!(later, (0..1000).map(|minute| jittery.due(nominal(minute), ID) - nominal(minute)).collect::<Vec<_>>());
    // Delays are spread over the whole jitter and differ between schedules.
    for tenth in 0..10 {
        let span = seconds(tenth * 3)..seconds(tenth * 3 + 3);
        let count = later.iter().filter(|later| span.contains(later)).count();
        assert!((50..150).contains(&count), "{count} of 1000 in {span:?}");
    }
    let other = ScheduleId(Uuid::from_u128(8));
    let same = (0..1000).filter(|minute| jittery.due(nominal(*minute), ID) == jittery.due(nominal(*minute), other));
    assert!(same.count() < 5);
    let none = schedule(json!({"cron": "* * * * *"}));
    assert_eq!(none.due(nominal(1), ID), nominal(1));
}
