//! What a start does when an earlier result of its job has not ended.

use super::Stores;
use super::samples::{
    at, claim, claim_one, find, finish, from_line, id, kill, line, neighbours, note, numbers, scope, start, start_as,
};
use engine::model::lifecycle::isolation::{CRASHES_ALONE, CRASHES_BESIDE_OTHERS};
use engine::model::overlap::Overlap::{Allow, Queue, Replace, Skip};
use engine::model::status::Status;
use engine::ports::queue::{Finish, Postponement};
use engine::ports::results::{History, NewResult};

pub async fn queued_results_begin_one_after_the_other(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for number in [1, 3, 2] {
        store.start(acme, start_as(number, "job", Queue)).await.expect("a start");
    }
    store.start(acme, start_as(4, "other", Queue)).await.expect("a start");
    let claimed = claim(store, 9, at(50)).await;
    assert_eq!(numbers(&claimed), [1, 4], "another job does not wait");
    for next in [2, 3] {
        let lease = if next == 2 { claimed[0].lease } else { claim_one(store).await.lease };
        assert!(claim(store, 9, at(50)).await.is_empty());
        assert!(store.finish(lease, finish(Status::Error)).await.expect("an end").more);
        assert_eq!(find(store, acme, next).await.status, Status::Pending);
    }
    assert_eq!(numbers(&claim(store, 9, at(50)).await), [3]);
}

pub async fn a_kill_lets_the_next_begin(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for number in 1..=4 {
        store.start(acme, start_as(number, "job", Queue)).await.expect("a start");
    }
    assert_eq!(numbers(&claim(store, 9, at(50)).await), [1]);
    store.kill(acme, id(2), kill()).await.expect("a kill");
    assert!(claim(store, 9, at(50)).await.is_empty(), "who was killed only waited");
    store.kill(acme, id(1), kill()).await.expect("a kill");
    assert_eq!(numbers(&claim(store, 9, at(50)).await), [3]);
}

pub async fn a_result_that_waits_for_a_time_holds_up_its_job(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for number in 1..=2 {
        store.start(acme, start_as(number, "job", Queue)).await.expect("a start");
    }
    let lease = claim_one(store).await.lease;
    let postponement = Postponement { checkpoint: from_line(10, 1, &[]), until: at(900) };
    store.postpone(lease, postponement).await.expect("a wait");
    assert!(claim(store, 9, at(899)).await.is_empty());
    let lease = claim(store, 9, at(900)).await.remove(0).lease;
    store.release(lease).await.expect("the lease is good");
    assert_eq!(numbers(&claim(store, 9, at(900)).await), [1]);
}

pub async fn a_result_that_is_skipped_says_so_and_never_runs(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    store.start(acme, start_as(1, "job", Skip)).await.expect("a start");
    let started = store.start(acme, start_as(2, "job", Skip)).await.expect("a start");
    let result = started.result;
    assert_eq!((result.status, result.started_at, result.finished_at), (Status::Info, None, Some(result.created_at)));
    assert!(result.message.contains(&id(1).0.to_string()), "{}", result.message);
    assert_eq!(find(store, acme, 2).await, result);
    assert_eq!(store.last_success(acme, "job").await.expect("an answer"), None, "it did nothing");
    let lease = claim_one(store).await.lease;
    store.finish(lease, finish(Status::Warning)).await.expect("an end");
    let started = store.start(acme, start_as(3, "job", Skip)).await.expect("a start");
    assert_eq!(started.result.status, Status::Pending);
    let end = store.ended_before(acme, "job", id(3)).await.expect("an answer");
    assert_eq!(end, Some(Status::Warning), "what was skipped is no end");
}

pub async fn a_result_replaces_those_before_it(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for number in 1..=3 {
        store.start(acme, start_as(number, "job", Queue)).await.expect("a start");
    }
    let other = store.start(acme, start_as(4, "other", Replace)).await.expect("a start");
    assert!(other.replaced.is_empty());
    let lease = claim(store, 1, at(50)).await.remove(0).lease;
    note(store, lease, &line(10, Status::Running)).await.expect("a line");
    let started = store.start(acme, start_as(9, "job", Replace)).await.expect("a start");
    assert_eq!((started.result.status, started.replaced), (Status::Pending, vec![id(1), id(2), id(3)]));
    for number in 1..=3 {
        let killed = find(store, acme, number).await;
        assert_eq!((killed.status, killed.finished_at), (Status::Killed, Some(started.result.created_at)));
        assert!(killed.message.contains(&id(9).0.to_string()), "{}", killed.message);
    }
    let cut = store.lines(acme, &[id(1)]).await.expect("lines").remove(0).1;
    assert_eq!((cut.status, cut.message), (Status::Killed, find(store, acme, 1).await.message));
    crate::queue::assert_lost(store, lease).await;
    assert_eq!(numbers(&claim(store, 9, at(50)).await), [4, 9]);
}

pub async fn results_may_run_side_by_side(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for number in 1..=2 {
        store.start(acme, start_as(number, "job", Allow)).await.expect("a start");
    }
    store.start(acme, start_as(3, "job", Queue)).await.expect("a start");
    let claimed = claim(store, 9, at(50)).await;
    assert_eq!(numbers(&claimed), [1, 2]);
    store.finish(claimed[0].lease, finish(Status::Success)).await.expect("an end");
    assert!(claim(store, 9, at(50)).await.is_empty(), "the other is still running");
    store.finish(claimed[1].lease, finish(Status::Success)).await.expect("an end");
    assert_eq!(numbers(&claim(store, 9, at(50)).await), [3]);
}

pub async fn dry_runs_and_notices_neither_wait_nor_are_waited_for(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let dry = |number, overlap| NewResult { dry_run: true, ..start_as(number, "job", overlap) };
    let notice = |number, overlap| NewResult { notification_of: Some(id(77)), ..start_as(number, "job", overlap) };
    store.start(acme, dry(1, Queue)).await.expect("a start");
    store.start(acme, notice(2, Queue)).await.expect("a start");
    store.start(acme, start_as(3, "job", Queue)).await.expect("a start");
    for (number, overlap) in [(4, Queue), (5, Skip), (6, Replace)] {
        let started = store.start(acme, dry(number, overlap)).await.expect("a start");
        assert_eq!((started.result.status, started.replaced.len()), (Status::Pending, 0));
    }
    store.start(acme, notice(7, Skip)).await.expect("a start");
    let claimed = claim(store, 9, at(50)).await;
    assert_eq!(numbers(&claimed), [1, 2, 3, 4, 5, 6, 7]);
    for one in claimed.iter().filter(|one| one.result.id != id(3)) {
        store.finish(one.lease, finish(Status::Success)).await.expect("an end");
    }
    assert_eq!(store.last_success(acme, "job").await.expect("an answer"), None);
    assert_eq!(store.ended_before(acme, "job", id(9)).await.expect("an answer"), None);
}

pub async fn of_starts_at_the_same_time_one_begins(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    let starts = (1..=20).map(|number| {
        let scope = if number % 2 == 0 { acme } else { globex };
        store.start(scope, start_as(number, "job", if number <= 10 { Queue } else { Skip }))
    });
    for started in futures_util::future::join_all(starts).await {
        started.expect("a start");
    }
    assert_eq!(claim(store, 30, at(50)).await.len(), 2, "one of each organization");
}

pub async fn of_replacements_at_the_same_time_one_stays(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let starts = (1..=9).map(|number| store.start(acme, start_as(number, "job", Replace)));
    let started = futures_util::future::join_all(starts).await;
    let replaced: Vec<_> = started.into_iter().flat_map(|one| one.expect("a start").replaced).collect();
    assert_eq!(replaced.len(), 8, "{replaced:?}");
    let stays = claim_one(store).await.result.id;
    assert!(!replaced.contains(&stays));
}

pub async fn what_is_given_up_lets_the_next_begin(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for number in 1..=2 {
        store.start(acme, start_as(number, "job", Queue)).await.expect("a start");
    }
    for _ in 0..CRASHES_BESIDE_OTHERS + CRASHES_ALONE {
        assert_eq!(numbers(&claim(store, 9, at(50)).await), [1]);
        store.recover(crate::samples::node(2), at(700), None).await.expect("a recovery");
    }
    assert_eq!(find(store, acme, 1).await.status, Status::Error);
    assert_eq!(numbers(&claim(store, 9, at(50)).await), [2]);
}

pub async fn ends_at_the_same_time_let_one_begin(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for number in 1..=5 {
        store.start(acme, start_as(number, "job", Allow)).await.expect("a start");
    }
    for number in 6..=9 {
        store.start(acme, start_as(number, "job", Queue)).await.expect("a start");
    }
    let claimed = claim(store, 9, at(50)).await;
    let ends = claimed.iter().map(|one| store.finish(one.lease, Finish::bare(Status::Success, "", at(60))));
    assert!(futures_util::future::join_all(ends).await.into_iter().all(|end| end.is_ok()));
    assert_eq!(numbers(&claim(store, 9, at(50)).await), [6]);
    store.start(acme, start(10, "job")).await.expect("a start");
    let newest = History::find(store, acme, id(10)).await.expect("an answer").expect("a result");
    assert_eq!(newest.status, Status::Pending);
}
