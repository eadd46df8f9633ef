//! Pruning old results.

use std::time::Duration;

use super::Stores;
use super::samples::{at, claim, ended, find, finish, id, keep, neighbours, page, part, running, scope, start};
use engine::model::Instant;
use engine::model::lifecycle::retention::Retention;
use engine::model::organization::OrgScope;
use engine::model::status::Status;
use engine::ports::collections::{Collections, Once};
use engine::ports::parts::PartKind;
use engine::ports::queue::Finish;
use engine::ports::results::{History, Idempotency, NewResult, ResultFilter, RetryStart};

async fn prune(store: &impl Stores, age: u64, results: u32, now: i64) -> u64 {
    prune_all(store, Retention { age: Duration::from_secs(age), results }, at(now)).await
}

/// Prunes until a whole round finds nothing, and returns how many results were removed.
pub(super) async fn prune_all(store: &impl Stores, keep: Retention, now: Instant) -> u64 {
    let (mut removed, mut in_round) = (0, 0);
    for _ in 0..1000 {
        let step = store.prune(keep, now).await.expect("a step");
        (removed, in_round) = (removed + step.removed, in_round + step.removed);
        if !step.more && std::mem::take(&mut in_round) == 0 {
            return removed;
        }
    }
    panic!("pruning does not come to an end");
}

async fn kept(store: &impl Stores, scope: OrgScope) -> Vec<u128> {
    page(store, scope, &ResultFilter::default(), None, 1000).await.0
}

/// Starts results at the times of their numbers, in seconds, and ends each with its status.
async fn all_ended(store: &impl Stores, scope: OrgScope, ends: &[(u128, Status)]) {
    for (number, status) in ends {
        ended(store, scope, *number, "job", *status).await;
    }
}

pub async fn what_is_old_and_not_among_the_newest_goes(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    let ends: Vec<_> = (1..=9).map(|number| (number, Status::Warning)).collect();
    all_ended(store, acme, &ends).await;
    all_ended(store, globex, &ends[..3]).await;
    ended(store, acme, 10, "other", Status::Warning).await;
    assert_eq!(prune(store, 100, 0, 101).await, 0, "nothing is older than that");
    assert_eq!(prune(store, 100, 2, 106).await, 6);
    assert_eq!((kept(store, acme).await, kept(store, globex).await), (vec![10, 9, 8, 7, 6], vec![3, 2]));
    assert_eq!(prune(store, 0, 2, 900).await, 2);
    assert_eq!((kept(store, acme).await, kept(store, globex).await), (vec![10, 9, 8], vec![3, 2]));
    assert_eq!(prune(store, 0, 0, 900).await, 5);
    assert!(kept(store, acme).await.is_empty());
}

pub async fn the_last_success_and_the_last_failure_stay(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let (success, info, error, warning) = (Status::Success, Status::Info, Status::Error, Status::Warning);
    all_ended(store, acme, &[(1, error), (2, success), (3, error), (4, info), (5, success), (6, warning), (7, error)])
        .await;
    store.start(acme, NewResult { dry_run: true, ..start(8, "job") }).await.expect("a start");
    store.start(acme, NewResult { notification_of: Some(id(7)), ..start(9, "job") }).await.expect("a start");
    for one in claim(store, 9, at(50)).await {
        store.finish(one.lease, finish(success)).await.expect("an end");
    }
    assert_eq!(prune(store, 0, 0, 900).await, 7);
    assert_eq!(kept(store, acme).await, [7, 5]);
    assert_eq!(store.last_success(acme, "job").await.expect("an answer"), Some(at(5)));
}

pub async fn what_has_not_ended_stays(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    running(store, acme, 1).await;
    store.start(acme, start(2, "job")).await.expect("a start");
    assert_eq!(prune(store, 0, 0, 900).await, 0);
    assert_eq!(kept(store, acme).await, [2, 1]);
}

pub async fn what_a_retry_goes_on_from_stays(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    all_ended(store, acme, &[(1, Status::Warning), (2, Status::Warning)]).await;
    let retry = RetryStart { of: id(1), line_no: 10, root: id(1), parts: None };
    store.start(acme, NewResult { retry: Some(retry), ..start(5, "job") }).await.expect("a start");
    let lease = claim(store, 1, at(50)).await.remove(0).lease;
    assert_eq!(prune(store, 0, 0, 900).await, 1);
    assert_eq!(kept(store, acme).await, [5, 1]);
    store.finish(lease, finish(Status::Warning)).await.expect("an end");
    assert_eq!(prune(store, 0, 0, 900).await, 2);
}

pub async fn all_that_belongs_to_a_result_goes_with_it(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let name = Idempotency { key: "once".to_owned(), digest: "d".to_owned() };
    let named = NewResult { idempotency: Some(name), ..start(1, "job") };
    store.start(acme, named.clone()).await.expect("a start");
    let lease = claim(store, 1, at(50)).await.remove(0).lease;
    keep(store, lease, vec![part(10, PartKind::Output, 0)]).await.expect("parts");
    let once = Once { result: id(1), call: "10:1".to_owned() };
    Collections::write(store, acme, "c", &[], Some(&once)).await.expect("a call");
    let mut end = Finish { failed_line: Some(10), ..finish(Status::Warning) };
    end.notes.lines = vec![crate::samples::line(10, Status::Warning)];
    store.finish(lease, end).await.expect("an end");
    assert_eq!(prune(store, 0, 0, 900).await, 1);
    assert_eq!(History::find(store, acme, id(1)).await.expect("an answer"), None);
    assert!(store.lines(acme, &[id(1)]).await.expect("lines").is_empty());
    assert!(crate::samples::set(store, acme, 1, (10, PartKind::Output)).await.is_empty());
    let again = store.start(acme, NewResult { id: id(2), ..named }).await.expect("a start").result;
    assert_eq!((again.id, find(store, acme, 2).await), (id(2), again), "the name is free again");
}

pub async fn many_go_in_steps(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let starts = (1..=450).map(|number| store.start(acme, start(number, "job")));
    futures_util::future::join_all(starts).await;
    let claimed = claim(store, 500, at(50)).await;
    let ends = claimed.iter().map(|one| store.finish(one.lease, finish(Status::Warning)));
    futures_util::future::join_all(ends).await;
    running(store, acme, 451).await;
    assert_eq!(prune(store, 0, 10, 2000).await, 441);
    assert_eq!(kept(store, acme).await, (442..=451).rev().collect::<Vec<u128>>());
}
