use std::time::{Duration, Instant as Stopwatch};

use super::*;

const SAVED: &str = "2026-11-20T12:00:00Z";

fn minute(minutes: i64) -> Instant {
    at(SAVED) + TimeDelta::minutes(minutes)
}

fn minutely(missed: Missed) -> Schedule {
    Schedule { missed, ..schedule(json!({"interval": "1m"})) }
}

fn minutes(range: std::ops::RangeInclusive<i64>) -> Vec<Instant> {
    range.map(minute).collect()
}

/// The firing when a watch begins after this many minutes.
fn after_a_gap(schedule: &Schedule, minutes: i64) -> Firing {
    let now = minute(minutes) + seconds(30);
    schedule.fire(ID, &schedule.begin(at(SAVED)), now, now).unwrap()
}

#[test]
fn it_fires_when_it_is_due_and_not_before() {
    let every = minutely(Missed::Latest);
    let position = every.begin(at(SAVED));
    assert_eq!(every.fire(ID, &position, minute(1) - TimeDelta::microseconds(1), at(SAVED)), None);
    let fired = every.fire(ID, &position, minute(1), at(SAVED)).unwrap();
    assert_eq!(fired, Firing { starts: minutes(1..=1), left_out: None, handled: minute(1) });
}

#[test]
fn who_watches_late_starts_all_of_them_a_hundred_at_once() {
    let every = minutely(Missed::None);
    let (_, firings) = run(&every, every.begin(at(SAVED)), minute(250), at(SAVED));
    let starts: Vec<_> = firings.iter().map(|firing| firing.starts.clone()).collect();
    assert_eq!(starts, [minutes(1..=100), minutes(101..=200), minutes(201..=250)]);
    assert!(firings.iter().all(|firing| firing.left_out.is_none()));
}

#[test]
fn the_latest_of_the_missed_is_made_up_for() {
    let firing = after_a_gap(&minutely(Missed::Latest), 5);
    let left_out = MissedStarts { first: minute(1), last: minute(4), count: 4, more: false };
    assert_eq!(firing, Firing { starts: minutes(5..=5), left_out: Some(left_out), handled: minute(5) });
    let only = after_a_gap(&minutely(Missed::Latest), 1);
    assert_eq!(only, Firing { starts: minutes(1..=1), left_out: None, handled: minute(1) });
}

#[test]
fn all_of_the_missed_are_made_up_for_the_newest_hundred_at_most() {
    let all = after_a_gap(&minutely(Missed::All), 100);
    assert_eq!((all.starts, all.left_out), (minutes(1..=100), None));
    let more = after_a_gap(&minutely(Missed::All), 101);
    let left_out = MissedStarts { first: minute(1), last: minute(1), count: 1, more: false };
    assert_eq!((more.starts, more.left_out), (minutes(2..=101), Some(left_out)));
}

#[test]
fn none_of_the_missed_is_made_up_for() {
    let firing = after_a_gap(&minutely(Missed::None), 5);
    let left_out = MissedStarts { first: minute(1), last: minute(5), count: 5, more: false };
    assert_eq!(firing, Firing { starts: Vec::new(), left_out: Some(left_out), handled: minute(5) });
}

#[test]
fn ten_thousand_are_counted_and_more_are_reported_as_more() {
    for (missed, kept) in [(Missed::Latest, 1), (Missed::All, 100), (Missed::None, 0)] {
        let firing = after_a_gap(&minutely(missed), 10_000);
        let left_out = firing.left_out.unwrap();
        assert_eq!((left_out.count, left_out.more), (10_000 - kept, false), "{missed:?}");
        for gone in [10_001, 10_002, 10_101, 50_000] {
            let firing = after_a_gap(&minutely(missed), gone);
            let left_out = firing.left_out.unwrap();
            let kept = kept as i64;
            assert_eq!(firing.starts, minutes(gone - kept + 1..=gone), "{missed:?} of {gone}");
            assert_eq!((left_out.first, left_out.last), (minute(1), minute(gone - kept)));
            assert!(left_out.more && left_out.count < (gone - kept) as u64, "{left_out:?}");
            assert_eq!(firing.handled, minute(gone));
        }
    }
}

/// Fires after years without a running server, and looks at the newest instants one by one.
fn jump(written: Value, saved: &str, now: &str) {
    let watch = Stopwatch::now();
    let schedule = Schedule { missed: Missed::All, ..schedule(written.clone()) };
    let position = schedule.begin(at(saved));
    let firing = schedule.fire(ID, &position, at(now), at(now)).unwrap();
    assert!(watch.elapsed() < Duration::from_secs(2), "{written} took {:?}", watch.elapsed());
    let left_out = firing.left_out.unwrap();
    assert!(left_out.more && Some(left_out.first) == position.next, "{written}: {left_out:?}");
    assert_eq!(firing.starts.len(), 100);
    let next = |after| schedule.next(after, position.anchor).unwrap();
    let mut expected = left_out.last;
    for start in &firing.starts {
        expected = next(expected);
        assert_eq!(*start, expected, "{written}");
    }
    assert_eq!(firing.handled, expected);
    assert!(schedule.due(expected, ID) <= at(now) && schedule.due(next(expected), ID) > at(now), "{written}");
}

#[test]
fn over_years_the_newest_are_found_quickly() {
    let (long_ago, now) = ("1971-01-01T00:00:00Z", "2026-11-20T12:00:00Z");
    jump(json!({"interval": 100}), long_ago, now);
    jump(json!({"interval": "1s", "jitter": "1s"}), long_ago, now);
    jump(json!({"cron": "* * * * * *"}), long_ago, now);
    jump(json!({"cron": "*/5 * * * *"}), long_ago, now);
    jump(json!({"cron": "*/5 * * * *", "jitter": "5m"}), long_ago, now);
    // Many starts for a while, and then none for long.
    jump(json!({"cron": "* * * 1 1 *"}), long_ago, now);
    jump(json!({"cron": "* * * * 1 *"}), long_ago, "2026-02-20T12:00:00Z");
    jump(json!({"cron": "* * 29 2 *", "timeZone": "Pacific/Apia"}), long_ago, now);
    // The newest are after a change of clocks.
    jump(json!({"cron": "*/10 * * * *"}), long_ago, "2026-10-25T01:15:00Z");
    jump(json!({"cron": "0,30 0-23 * * *"}), long_ago, "2026-03-29T01:00:01Z");
}

#[test]
fn with_jitter_missed_starts_are_distinguished_from_others_one_by_one() {
    // The jitter is longer than the time between two starts.
    let jittery = schedule(json!({"cron": "* * * * *", "jitter": "1h", "missed": "none"}));
    for minutes in [30, 90, 9_000, 20_000] {
        let now = minute(minutes);
        let Some(firing) = jittery.fire(ID, &jittery.begin(at(SAVED)), now, now) else { continue };
        let next = jittery.next(firing.handled, at(SAVED)).unwrap();
        assert!(firing.handled < now && jittery.due(next, ID) >= now, "{minutes}: {firing:?}");
        assert!(now - firing.handled <= TimeDelta::minutes(61), "{minutes}: {firing:?}");
        // All handled starts were due.
        let handled = (0..61).map(|earlier| firing.handled - TimeDelta::minutes(earlier));
        let mut handled = handled.filter(|nominal| *nominal > at(SAVED));
        assert!(handled.all(|nominal| jittery.due(nominal, ID) < now), "{minutes}: {firing:?}");
    }
}

#[test]
fn a_clock_that_was_put_back_loses_no_start_and_makes_none_twice() {
    let every = minutely(Missed::Latest);
    let watched_since = minute(500);
    // The clock is now before the time when the watch began.
    let position = every.begin(at(SAVED));
    let firing = every.fire(ID, &position, minute(1), watched_since).unwrap();
    assert_eq!(firing, Firing { starts: minutes(1..=1), left_out: None, handled: minute(1) });
    let (position, _) = run(&every, position, minute(3), watched_since);
    assert_eq!(position.next, Some(minute(4)));
    assert_eq!(every.fire(ID, &position, minute(-500), watched_since), None);
    assert_eq!(every.fire(ID, &position, minute(3), watched_since), None);
}

#[test]
fn one_sentence_describes_what_was_left_out() {
    let message = |missed, gone: i64| {
        let every = minutely(missed);
        after_a_gap(&every, gone).left_out.unwrap().message(&every)
    };
    assert_eq!(
        message(Missed::Latest, 2),
        "Missed a start at 2026-11-20T13:01:00+01:00: no server was ready to start it. The schedule `a` has \
         `missed: latest`."
    );
    assert_eq!(
        message(Missed::None, 3),
        "Missed 3 starts from 2026-11-20T13:01:00+01:00 to 2026-11-20T13:03:00+01:00: no server was ready to start \
         them. The schedule `a` has `missed: none`."
    );
    assert!(message(Missed::All, 20_000).starts_with("Missed more than 9900 starts from"));
}
