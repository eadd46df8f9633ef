//! Schedules: stored with their job, and advanced in the transaction that starts their results.

use serde_json::{Value, json};
use uuid::Uuid;

use super::Stores;
use super::samples::{
    at, claim, claim_one, find, finish, id, kill, neighbours, new_version, numbers, scope, start, start_as,
};
use engine::model::Instant;
use engine::model::organization::OrgScope;
use engine::model::overlap::Overlap;
use engine::model::result::{ResultId, Scheduled};
use engine::model::schedule::{Schedule, ScheduleId};
use engine::model::status::Status;
use engine::ports::jobs::{Jobs, NewVersion};
use engine::ports::results::{EndedAtStart, History, NewResult, ResultRelation, Started};
use engine::ports::schedules::{Fire, FireAnswer, SavedSchedule};

const NEVER_MISSED: Instant = Instant::MIN_UTC;

fn schedule(document: &Value) -> Schedule {
    Schedule::from_document(document).expect("a schedule")
}

fn minutely(key: &str) -> Schedule {
    schedule(&json!({"key": key, "interval": "1m"}))
}

fn version(job: &str, number: u128, schedules: Vec<Schedule>) -> NewVersion {
    let numbered = (number..).map(|number| ScheduleId(Uuid::from_u128(number))).zip(schedules).collect();
    NewVersion { schedules: numbered, ..new_version(job, json!({"n": number.to_string()}), None) }
}

/// Saves a job with these schedules, whose identities count from `number`.
async fn save(store: &impl Stores, scope: OrgScope, job: &str, number: u128, schedules: Vec<Schedule>) {
    Jobs::save(store, scope, version(job, number, schedules)).await.expect("a version");
}

async fn saved(store: &impl Stores, scope: OrgScope, job: &str, key: &str) -> SavedSchedule {
    store.find_schedule(scope, job, key).await.expect("an answer").expect("the schedule")
}

fn of_schedule(number: u128, of: &SavedSchedule, nominal: Instant) -> NewResult {
    let scheduled = Scheduled { schedule: of.schedule.key.clone(), at: nominal };
    NewResult { scheduled: Some(scheduled), ..start(number, &of.job) }
}

/// What a schedule is due for, with results whose identities count from `number`.
fn fire(of: &SavedSchedule, number: u128, now: Instant) -> Fire {
    let firing = of.schedule.fire(of.id, &of.position, now, NEVER_MISSED).expect("it is due");
    let starts = (number..).zip(&firing.starts).map(|(number, nominal)| of_schedule(number, of, *nominal));
    Fire { results: starts.collect(), saved: of.clone(), firing, at: now }
}

async fn fired(store: &impl Stores, fire: Fire) -> Vec<Started> {
    match store.fire(fire).await.expect("an answer") {
        FireAnswer::Fired(started) => started,
        FireAnswer::Outdated => panic!("the schedule was moved"),
    }
}

fn ids(started: &[Started]) -> Vec<ResultId> {
    started.iter().map(|one| one.result.id).collect()
}

pub async fn a_schedule_is_kept_with_its_job(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let cron = schedule(&json!({"key": "nightly", "cron": "0 3 * * *", "timeZone": "Europe/Madrid",
        "executions": 9, "startAt": "2026-01-01T00:00:00Z", "endAt": "2199-01-01T00:00:00.123456Z",
        "jitter": "30s", "missed": "all", "arguments": {"a": [1, null]}}));
    let rest = schedule(&json!({"key": "rest", "interval": 100, "after": "completion", "active": false}));
    let once = schedule(&json!({"key": "once", "at": "2198-12-31T23:59:59.5Z", "missed": "none"}));
    let all = vec![cron.clone(), rest.clone(), once.clone()];
    save(store, acme, "job", 1, all.clone()).await;
    for (number, expected) in (1..).zip(&all) {
        let saved = saved(store, acme, "job", &expected.key).await;
        assert_eq!((saved.id, saved.revision), (ScheduleId(Uuid::from_u128(number)), 1));
        assert_eq!((&saved.schedule, saved.job.as_str()), (expected, "job"));
        assert_eq!(saved.position, expected.begin(at(0)));
    }
    save(store, acme, "job", 11, vec![rest, minutely("new")]).await;
    assert_eq!(saved(store, acme, "job", "rest").await.id, ScheduleId(Uuid::from_u128(2)), "it is still the same");
    assert_eq!(saved(store, acme, "job", "new").await.id, ScheduleId(Uuid::from_u128(12)));
    for gone in ["nightly", "once"] {
        assert_eq!(store.find_schedule(acme, "job", gone).await.expect("an answer"), None, "{gone}");
    }
}

pub async fn what_is_due_comes_back_in_order(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let every = |key: &str, interval: &str| schedule(&json!({"key": key, "interval": interval}));
    let asleep = schedule(&json!({"key": "asleep", "interval": "1s", "active": false}));
    save(store, acme, "job", 1, vec![every("c", "3m"), every("a", "1m"), every("b", "2m"), asleep]).await;
    let keys = async |now, limit| {
        let due = store.due(at(now), limit).await.expect("an answer");
        assert!(due.unreadable.is_empty());
        let keys: Vec<_> = due.schedules.into_iter().map(|saved| saved.schedule.key).collect();
        (keys.join(" "), due.next)
    };
    assert_eq!(keys(59, 9).await, (String::new(), Some(at(60))));
    assert_eq!(keys(60, 9).await, ("a".to_owned(), Some(at(120))));
    assert_eq!(keys(200, 9).await, ("a b c".to_owned(), None));
    assert_eq!(keys(200, 2).await, ("a b".to_owned(), Some(at(180))));
    assert_eq!(store.due(at(0), 9).await.expect("an answer").next, Some(at(60)));
}

pub async fn a_firing_starts_results_and_moves_the_schedule(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    save(store, acme, "job", 1, vec![minutely("often")]).await;
    let before = saved(store, acme, "job", "often").await;
    let skipped = NewResult {
        ended_at_start: Some(EndedAtStart { status: Status::Info, message: "Skipped.".to_owned() }),
        ..start(9, "job")
    };
    let mut both = fire(&before, 5, at(125));
    both.results.push(skipped);
    assert_eq!(ids(&fired(store, both).await), [id(5), id(6), id(9)]);
    let after = saved(store, acme, "job", "often").await;
    assert_eq!((after.position.fired, after.position.handled), (2, at(120)), "what only tells is not counted");
    assert_eq!((after.position.next, after.revision), (Some(at(180)), before.revision + 1));
    let result = find(store, acme, 6).await;
    assert_eq!(result.scheduled, Some(Scheduled { schedule: "often".to_owned(), at: at(120) }));
    assert_eq!(numbers(&claim(store, 9, at(50)).await), [5, 6]);
}

pub async fn nothing_is_started_twice_for_an_instant(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    save(store, acme, "job", 1, vec![minutely("often"), minutely("other")]).await;
    let before = saved(store, acme, "job", "often").await;
    fired(store, fire(&before, 5, at(60))).await;
    // As if somebody had reset the schedule.
    let moved = saved(store, acme, "job", "often").await;
    assert!(store.rearm(&moved, before.position).await.expect("an answer"));
    let again = saved(store, acme, "job", "often").await;
    assert_eq!(ids(&fired(store, fire(&again, 6, at(120))).await), [id(7)], "the first instant had its start");
    assert!(History::find(store, acme, id(6)).await.expect("an answer").is_none());
    assert_eq!(saved(store, acme, "job", "often").await.position.next, Some(at(180)));
    let other = saved(store, acme, "job", "other").await;
    assert_eq!(ids(&fired(store, fire(&other, 8, at(60))).await), [id(8)], "another schedule has instants of its own");
}

pub async fn a_fire_of_an_older_revision_changes_nothing(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    save(store, acme, "job", 1, vec![minutely("often")]).await;
    let before = saved(store, acme, "job", "often").await;
    let (one, other) = tokio::join!(store.fire(fire(&before, 5, at(60))), store.fire(fire(&before, 6, at(60))));
    let answers = [one.expect("an answer"), other.expect("an answer")];
    assert_eq!(answers.iter().filter(|answer| **answer == FireAnswer::Outdated).count(), 1, "{answers:?}");
    assert!(!store.rearm(&before, before.position).await.expect("an answer"));
    save(store, acme, "job", 2, Vec::new()).await;
    assert_eq!(store.fire(fire(&before, 7, at(60))).await.expect("an answer"), FireAnswer::Outdated, "it is gone");
    assert_eq!(History::count(store, acme, &Default::default()).await.expect("a count"), 1);
}

pub async fn a_start_that_is_skipped_is_not_counted(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    save(store, acme, "job", 1, vec![schedule(&json!({"key": "twice", "interval": "1m", "executions": 2}))]).await;
    store.start(acme, start_as(3, "job", Overlap::Allow)).await.expect("a start");
    let skipped = |fire: Fire| {
        let results = fire.results.into_iter().map(|new| NewResult { overlap: Overlap::Skip, ..new }).collect();
        Fire { results, ..fire }
    };
    let started = fired(store, skipped(fire(&saved(store, acme, "job", "twice").await, 5, at(60)))).await;
    assert_eq!(started[0].result.status, Status::Info);
    for (number, seconds) in [(6, 120), (7, 180)] {
        let twice = saved(store, acme, "job", "twice").await;
        assert_eq!(twice.position.next, Some(at(seconds)));
        fired(store, fire(&twice, number, at(seconds))).await;
    }
    let over = saved(store, acme, "job", "twice").await;
    assert_eq!((over.position.fired, over.position.next), (2, None));
    assert!(store.due(at(99_999), 9).await.expect("an answer").schedules.is_empty());
}

fn after_completion() -> Vec<Schedule> {
    vec![schedule(&json!({"key": "calm", "interval": "1m", "after": "completion"}))]
}

pub async fn a_schedule_goes_on_when_what_it_started_has_ended(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    save(store, acme, "job", 1, after_completion()).await;
    fired(store, fire(&saved(store, acme, "job", "calm").await, 5, at(60))).await;
    let waiting = saved(store, acme, "job", "calm").await;
    assert_eq!((waiting.position.awaits, waiting.position.next), (Some(id(5)), None));
    assert_eq!(store.due(at(99_999), 9).await.expect("an answer").next, None);
    let lease = claim_one(store).await.lease;
    assert!(store.finish(lease, finish(Status::Success)).await.expect("an end").armed_schedule);
    let position = saved(store, acme, "job", "calm").await.position;
    assert_eq!((position.awaits, position.next), (None, Some(at(560))), "a minute after the end");
}

pub async fn what_was_killed_or_given_up_lets_a_schedule_go_on(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    save(store, acme, "job", 1, after_completion()).await;
    fired(store, fire(&saved(store, acme, "job", "calm").await, 5, at(60))).await;
    store.kill(acme, id(5), kill()).await.expect("a kill");
    let calm = saved(store, acme, "job", "calm").await;
    assert_eq!((calm.position.awaits, calm.position.next), (None, Some(at(660))));
    fired(store, fire(&calm, 6, at(660))).await;
    let replacing = NewResult { created_at: at(700), ..start_as(7, "job", Overlap::Replace) };
    store.start(acme, replacing).await.expect("a start");
    let calm = saved(store, acme, "job", "calm").await;
    assert_eq!((calm.position.awaits, calm.position.next), (None, Some(at(760))), "what was replaced has ended");
}

pub async fn schedules_of_one_job_that_replace_each_other_wait_for_nothing_that_ended(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let calm = |key: &str| schedule(&json!({"key": key, "interval": "1m", "after": "completion"}));
    save(store, acme, "job", 1, vec![calm("a"), calm("b"), calm("c")]).await;
    let replacing = async |key: &str, number| {
        let fire = fire(&saved(store, acme, "job", key).await, number, at(60));
        let results = fire.results.into_iter().map(|new| NewResult { overlap: Overlap::Replace, ..new }).collect();
        Fire { results, ..fire }
    };
    let fires = (replacing("a", 5).await, replacing("b", 6).await, replacing("c", 7).await);
    let (a, b, c) = tokio::join!(store.fire(fires.0), store.fire(fires.1), store.fire(fires.2));
    for answer in [a, b, c] {
        assert!(matches!(answer, Ok(FireAnswer::Fired(_))), "{answer:?}");
    }
    let mut waiting = 0;
    for key in ["a", "b", "c"] {
        let position = saved(store, acme, "job", key).await.position;
        match position.awaits {
            Some(id) => {
                let awaited = History::find(store, acme, id).await.expect("an answer").expect("a result");
                assert_eq!(awaited.status, Status::Pending, "{key} waits for what has ended");
                waiting += 1;
            }
            None => assert!(position.next.is_some(), "{key} rests for ever"),
        }
    }
    assert_eq!(waiting, 1);
}

pub async fn notifications_of_an_earlier_start_are_not_started_again(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    save(store, acme, "job", 1, vec![minutely("often")]).await;
    let before = saved(store, acme, "job", "often").await;
    fired(store, fire(&before, 5, at(60))).await;
    let moved = saved(store, acme, "job", "often").await;
    assert!(store.rearm(&moved, before.position).await.expect("an answer"));
    let mut again = fire(&saved(store, acme, "job", "often").await, 6, at(60));
    again.results.push(NewResult { notification_of: Some(id(6)), ..start(7, "job/notify") });
    assert_eq!(ids(&fired(store, again).await), []);
}

pub async fn a_schedule_that_is_changed_keeps_what_it_counted(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    save(store, acme, "job", 1, vec![minutely("often")]).await;
    fired(store, fire(&saved(store, acme, "job", "often").await, 5, at(60))).await;
    let same = saved(store, acme, "job", "often").await;
    save(store, acme, "job", 2, vec![minutely("often")]).await;
    assert_eq!(saved(store, acme, "job", "often").await, same, "another version of its job leaves it alone");
    let limited = schedule(&json!({"key": "often", "interval": "1m", "executions": 2}));
    save(store, acme, "job", 3, vec![limited]).await;
    let changed = saved(store, acme, "job", "often").await;
    assert_eq!((changed.position.fired, changed.position.next), (1, Some(at(120))));
    assert_eq!(store.fire(fire(&same, 6, at(120))).await.expect("an answer"), FireAnswer::Outdated);
    save(store, acme, "job", 4, vec![schedule(&json!({"key": "often", "interval": "2m"}))]).await;
    let other = saved(store, acme, "job", "often").await;
    assert_eq!((other.id, other.position.fired, other.position.next), (same.id, 0, Some(at(120))), "it begins anew");
}

pub async fn schedules_are_listed_by_job_and_key(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    save(store, acme, "b", 1, vec![minutely("z"), minutely("a")]).await;
    save(store, acme, "a", 3, vec![minutely("m")]).await;
    let names = |saved: &[SavedSchedule]| {
        let names: Vec<_> = saved.iter().map(|saved| format!("{}/{}", saved.job, saved.schedule.key)).collect();
        names.join(" ")
    };
    let listed = async |after, limit| {
        let listed = store.list_schedules(acme, after, limit).await.expect("a page");
        (names(&listed.items), listed.more)
    };
    assert_eq!(listed(None, 2).await, ("a/m b/a".to_owned(), true));
    assert_eq!(listed(Some(("b", "a")), 2).await, ("b/z".to_owned(), false));
    assert_eq!(store.count_schedules(acme).await.expect("a count"), 3);
    let of = async |jobs: &[&str]| {
        let jobs: Vec<_> = jobs.iter().map(|job| (*job).to_owned()).collect();
        names(&store.schedules_of(acme, &jobs).await.expect("schedules"))
    };
    assert_eq!(of(&["b"]).await, "b/a b/z");
    assert_eq!(of(&["c", "b", "a"]).await, "a/m b/a b/z");
    assert_eq!(of(&[]).await, "");
}

pub async fn all_schedules_are_inspected(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    save(store, acme, "job", 1, after_completion()).await;
    save(store, acme, "other", 2, vec![minutely("often")]).await;
    save(store, globex, "job", 1, after_completion()).await;
    fired(store, fire(&saved(store, acme, "job", "calm").await, 5, at(60))).await;
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let some = store.inspect(after, 2).await.expect("an answer");
        assert!(some.unreadable.is_empty());
        let Some(last) = some.last else { break };
        after = Some(last);
        seen.extend(some.schedules.into_iter().map(|one| {
            assert_eq!(one.due, one.saved.due());
            (one.saved.organization, one.saved.id.0.as_u128(), one.awaits)
        }));
    }
    let [acme, globex] = [acme.organization(), globex.organization()];
    assert_eq!(seen, [(acme, 1, true), (acme, 2, false), (globex, 1, false)]);
}

pub async fn another_organization_sees_no_schedule(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    save(store, acme, "job", 1, vec![minutely("often")]).await;
    assert_eq!(store.find_schedule(globex, "job", "often").await.expect("an answer"), None);
    assert!(store.list_schedules(globex, None, 9).await.expect("a page").items.is_empty());
    save(store, globex, "job", 1, vec![minutely("often")]).await;
    save(store, globex, "job", 2, Vec::new()).await;
    assert_eq!(saved(store, acme, "job", "often").await.revision, 1, "a job of the same key is another job");
}

pub async fn a_result_that_ended_at_its_start_keeps_its_message(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let ended_at_start = EndedAtStart { status: Status::Error, message: "The job has faults.".to_owned() };
    let new =
        NewResult { ended_at_start: Some(ended_at_start), started_from: Some(id(7)), depth: 3, ..start(5, "job") };
    store.start(acme, new).await.expect("a start");
    let result = find(store, acme, 5).await;
    assert_eq!((result.status, result.message.as_str()), (Status::Error, "The job has faults."));
    assert_eq!((result.started_at, result.finished_at), (None, Some(result.created_at)));
    assert_eq!((result.started_from, result.depth), (Some(id(7)), 3));
    assert_eq!(store.related(acme, id(7), ResultRelation::Started).await.expect("an answer"), [id(5)]);
    assert_eq!(store.related(acme, id(5), ResultRelation::Started).await.expect("an answer"), []);
    assert!(claim(store, 9, at(50)).await.is_empty());
    assert_eq!(store.last_success(acme, "job").await.expect("an answer"), None);
}
