//! Retries and notifications.

use super::Stores;
use super::samples::{
    batch, claim_one, ended, find, finish, from_line, id, keep, kill, line, neighbours, part, running, scope, set,
    start, start_as,
};
use engine::model::organization::OrgScope;
use engine::model::overlap::Overlap;
use engine::model::status::Status;
use engine::ports::parts::PartKind;
use engine::ports::queue::{Finish, Resume};
use engine::ports::results::{History, Kill, NewResult, ResultRelation, RetryStart, StartError};

fn again(number: u128, of: u128, line_no: u32) -> NewResult {
    let retry = RetryStart { of: id(of), line_no, root: id(of), parts: None };
    NewResult { retry: Some(retry), ..start(number, "job") }
}

/// A result that stopped at line 30.
async fn failed(store: &impl Stores, scope: OrgScope, number: u128) {
    let lease = running(store, scope, number).await.lease;
    let parts = [(20, PartKind::Output), (30, PartKind::Input), (30, PartKind::Joining), (40, PartKind::Input)];
    keep(store, lease, parts.map(|(line_no, kind)| part(line_no, kind, 0)).to_vec()).await.expect("parts");
    keep(store, lease, vec![part(30, PartKind::Input, 1)]).await.expect("parts");
    let done = [line(10, Status::Success), line(20, Status::Warning)];
    store.checkpoint(lease, from_line(30, 1, &done)).await.expect("a checkpoint");
    for number in [1, 0] {
        store.record_batch(lease, batch(30, number)).await.expect("a batch");
    }
    let mut end = Finish { failed_line: Some(30), ..finish(Status::Error) };
    end.notes.lines = vec![line(30, Status::Error), line(40, Status::Skipped)];
    store.finish(lease, end).await.expect("an end");
}

pub async fn a_retry_takes_over_what_was_done(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    failed(store, acme, 1).await;
    let result = store.start(acme, again(5, 1, 30)).await.expect("a start").result;
    assert_eq!((result.retry_of, result.root, result.status), (Some(id(1)), id(1), Status::Pending));
    assert_eq!(find(store, acme, 5).await, result);
    assert_eq!(
        set(store, acme, 5, (30, PartKind::Input)).await,
        [part(30, PartKind::Input, 0), part(30, PartKind::Input, 1)]
    );
    assert_eq!(set(store, acme, 5, (30, PartKind::Joining)).await, [part(30, PartKind::Joining, 0)]);
    assert!(set(store, acme, 5, (20, PartKind::Output)).await.is_empty(), "what was kept is of the old result");
    let claimed = claim_one(store).await;
    let lines = vec![line(10, Status::Success), line(20, Status::Warning)];
    let batches = vec![batch(30, 0), batch(30, 1)];
    assert_eq!(claimed.resume, Some(Resume { lines, at: Some(30), batches, ..Resume::default() }));
    assert_eq!(set(store, acme, 1, (30, PartKind::Input)).await.len(), 2, "the old result stays as it is");
    store.finish(claimed.lease, finish(Status::Success)).await.expect("an end");
    assert!(set(store, acme, 5, (30, PartKind::Input)).await.is_empty());
    assert_eq!(store.lines(acme, &[id(5)]).await.expect("lines").len(), 2);
}

pub async fn a_retry_may_bring_its_sets(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    failed(store, acme, 1).await;
    let parts = vec![part(20, PartKind::Input, 0), part(20, PartKind::Joining, 0)];
    let retry = RetryStart { of: id(1), line_no: 20, root: id(5), parts: Some(parts.clone()) };
    let result = store.start(acme, NewResult { retry: Some(retry), ..start(5, "job") }).await.expect("a start").result;
    assert_eq!((result.retry_of, result.root), (Some(id(1)), id(5)), "its lines do everything anew");
    let resume = claim_one(store).await.resume.expect("it goes on");
    assert_eq!(resume, Resume { lines: vec![line(10, Status::Success)], at: Some(20), ..Resume::default() });
    assert_eq!(set(store, acme, 5, (20, PartKind::Input)).await, parts[..1]);
    assert!(set(store, acme, 5, (30, PartKind::Input)).await.is_empty());
}

pub async fn only_what_is_there_and_has_ended_is_tried_again(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    failed(store, acme, 1).await;
    for (scope, of) in [(acme, 9), (globex, 1)] {
        let refused = store.start(scope, again(5, of, 30)).await;
        assert!(matches!(refused, Err(StartError::Gone)), "{refused:?}");
    }
    store.start(acme, start(2, "job")).await.expect("a start");
    let refused = store.start(acme, again(5, 2, 30)).await;
    assert!(matches!(refused, Err(StartError::Store(_))), "{refused:?}");
    assert_eq!(History::find(store, acme, id(5)).await.expect("an answer"), None);
    let starts = (10..20).map(|number| store.start(acme, again(number, if number % 2 == 0 { 1 } else { 7 }, 30)));
    let started = futures_util::future::join_all(starts).await;
    assert_eq!(started.iter().filter(|one| one.is_ok()).count(), 5, "a refusal does not touch the others");
}

pub async fn the_retries_of_a_result_are_listed(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    failed(store, acme, 1).await;
    failed(store, globex, 1).await;
    for number in [12, 5, 7] {
        store.start(acme, again(number, 1, 30)).await.expect("a start");
    }
    store.start(globex, again(6, 1, 30)).await.expect("a start");
    assert_eq!(store.related(acme, id(1), ResultRelation::Retries).await.expect("retries"), [id(5), id(7), id(12)]);
    assert_eq!(store.related(globex, id(1), ResultRelation::Retries).await.expect("retries"), [id(6)]);
    assert!(store.related(acme, id(5), ResultRelation::Retries).await.expect("retries").is_empty());
}

pub async fn a_retry_keeps_to_the_overlap_rule(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    failed(store, acme, 1).await;
    store.start(acme, start_as(2, "job", Overlap::Queue)).await.expect("a start");
    let skipped = NewResult { overlap: Overlap::Skip, ..again(5, 1, 30) };
    assert_eq!(store.start(acme, skipped).await.expect("a start").result.status, Status::Info);
    assert!(store.lines(acme, &[id(5)]).await.expect("lines").is_empty(), "it did nothing");
    assert!(set(store, acme, 5, (30, PartKind::Input)).await.is_empty());
    store.start(acme, NewResult { overlap: Overlap::Queue, ..again(6, 1, 30) }).await.expect("a start");
    let first = claim_one(store).await;
    assert_eq!((first.result.id, first.resume), (id(2), None));
    store.finish(first.lease, finish(Status::Success)).await.expect("an end");
    assert_eq!(claim_one(store).await.resume.expect("it goes on").lines.len(), 2);
}

fn notice(number: u128, of: u128) -> NewResult {
    NewResult { notification_of: Some(id(of)), ..start_as(number, "job", Overlap::Queue) }
}

pub async fn notifications_start_with_the_end_of_a_result(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    let end = Finish { notifications: vec![notice(10, 1), notice(11, 1)], ..finish(Status::Error) };
    assert!(store.finish(lease, end).await.expect("an end").more);
    store.start(acme, start_as(2, "job", Overlap::Queue)).await.expect("a start");
    let kill_with_notification = Kill { notifications: vec![notice(12, 2)], ..kill() };
    store.kill(acme, id(2), kill_with_notification).await.expect("a kill");
    for (number, of) in [(10, 1), (11, 1), (12, 2)] {
        let found = find(store, acme, number).await;
        assert_eq!((found.notification_of, found.status), (Some(id(of)), Status::Pending));
    }
    assert_eq!(crate::samples::claim(store, 9, crate::samples::at(50)).await.len(), 3);
}

pub async fn an_end_whose_notifications_fail_is_rolled_back(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let before = running(store, acme, 1).await;
    let end = Finish { notifications: vec![notice(10, 1), notice(1, 1)], ..finish(Status::Error) };
    assert!(store.finish(before.lease, end).await.is_err());
    let kill_with_notification = Kill { notifications: vec![notice(10, 1), notice(1, 1)], ..kill() };
    assert!(store.kill(acme, id(1), kill_with_notification).await.is_err());
    assert_eq!(find(store, acme, 1).await, before.result);
    assert_eq!(History::find(store, acme, id(10)).await.expect("an answer"), None);
    store.finish(before.lease, finish(Status::Success)).await.expect("the lease is still good");
}

pub async fn the_status_of_the_previous_result_is_found(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    let before = async |scope, number| store.ended_before(scope, "job", id(number)).await.expect("an answer");
    for (number, status) in [(1, Status::Success), (3, Status::Error), (5, Status::Info), (7, Status::Warning)] {
        ended(store, acme, number, "job", status).await;
    }
    ended(store, acme, 6, "other", Status::Error).await;
    ended(store, globex, 6, "job", Status::Error).await;
    running(store, acme, 8).await;
    store.start(acme, start(9, "job")).await.expect("a start");
    store.kill(acme, id(9), kill()).await.expect("a kill");
    for (number, expected) in [
        (1, None),
        (3, Some(Status::Success)),
        (4, Some(Status::Error)),
        (5, Some(Status::Error)),
        (7, Some(Status::Info)),
        (8, Some(Status::Warning)),
        (10, Some(Status::Warning)),
    ] {
        assert_eq!(before(acme, number).await, expected, "before {number}");
    }
    store.kill(acme, id(8), kill()).await.expect("a kill");
    assert_eq!(before(acme, 10).await, Some(Status::Killed), "it had begun");
}

pub async fn a_retry_from_the_beginning_copies_no_batches(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    failed(store, acme, 1).await;
    let retry = RetryStart { of: id(1), line_no: 30, root: id(5), parts: None };
    let anew = NewResult { retry: Some(retry), ..start(5, "job") };
    assert_eq!(store.start(acme, anew).await.expect("a start").result.root, id(5));
    let resume = claim_one(store).await.resume.expect("it goes on");
    assert_eq!((resume.at, resume.batches), (Some(30), Vec::new()));
    assert_eq!(set(store, acme, 5, (30, PartKind::Input)).await.len(), 2);
}

pub async fn what_joins_later_is_not_lost_by_a_failure(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    let parts = [(30, PartKind::Input), (40, PartKind::Joining), (20, PartKind::Joining)];
    keep(store, lease, parts.map(|(line_no, kind)| part(line_no, kind, 0)).to_vec()).await.expect("parts");
    store.finish(lease, Finish { failed_line: Some(30), ..finish(Status::Error) }).await.expect("an end");
    assert!(set(store, acme, 1, (20, PartKind::Joining)).await.is_empty());
    store.start(acme, again(5, 1, 30)).await.expect("a start");
    assert_eq!(set(store, acme, 5, (40, PartKind::Joining)).await, [part(40, PartKind::Joining, 0)]);
}
