//! Claiming, pinning and finishing.

use super::Stores;
use super::samples::{
    at, batch, claim, claim_one, delicate, finish, from_line, id, is_refusal, keep, kill, line, neighbours, note, part,
    running, scope, set, start,
};
use engine::model::action::ModuleDigest;
use engine::model::organization::OrganizationId;
use engine::model::result::Counters;
use engine::model::status::Status;
use engine::ports::parts::PartKind;
use engine::ports::queue::{Finish, Lease, LeaseError, Notes, Postponement};
use engine::ports::results::{History, NewResult};

async fn claimed(store: &impl Stores, limit: u32) -> Vec<u128> {
    claim(store, limit, at(50)).await.iter().map(|one| one.result.id.0.as_u128()).collect()
}

/// Checks that every write with this lease fails.
pub(super) async fn assert_lost(store: &impl Stores, lease: Lease) {
    let recorded = note(store, lease, &line(990, Status::Success)).await;
    assert!(matches!(recorded, Err(LeaseError::Lost)), "note: {recorded:?}");
    let kept = keep(store, lease, vec![part(990, PartKind::Input, 0)]).await;
    assert!(matches!(kept, Err(LeaseError::Lost)), "keep: {kept:?}");
    let gone_on = store.checkpoint(lease, from_line(990, 0, &[])).await;
    assert!(matches!(gone_on, Err(LeaseError::Lost)), "checkpoint: {gone_on:?}");
    let done = store.record_batch(lease, batch(990, 0)).await;
    assert!(matches!(done, Err(LeaseError::Lost)), "record_batch: {done:?}");
    let postponement = Postponement { checkpoint: from_line(990, 0, &[]), until: at(0) };
    let postponed = store.postpone(lease, postponement).await;
    assert!(matches!(postponed, Err(LeaseError::Lost)), "postpone: {postponed:?}");
    let released = store.release(lease).await;
    assert!(matches!(released, Err(LeaseError::Lost)), "release: {released:?}");
    let notifications = vec![NewResult { notification_of: Some(lease.result), ..start(990, "job") }];
    let finished = store.finish(lease, Finish { notifications, ..finish(Status::Success) }).await;
    assert!(matches!(finished, Err(LeaseError::Lost)), "finish: {finished:?}");
    let scope = crate::samples::scope_of(lease.organization);
    assert_eq!(History::find(store, scope, id(990)).await.expect("an answer"), None, "nobody tells of it");
    assert!(set(store, scope, lease.result.0.as_u128(), (990, PartKind::Input)).await.is_empty());
}

pub async fn the_oldest_are_claimed_first_and_only_once(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for number in [3, 1, 2] {
        store.start(acme, start(number, "job")).await.expect("a start");
    }
    assert_eq!(claimed(store, 9).await, [1, 2, 3]);
    assert!(claimed(store, 9).await.is_empty());
}

pub async fn a_claim_takes_no_more_than_it_asked_for(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for number in 1..=5 {
        store.start(acme, start(number, "job")).await.expect("a start");
    }
    assert_eq!(claimed(store, 2).await, [1, 2]);
    assert!(claimed(store, 0).await.is_empty());
    assert_eq!(claimed(store, u32::MAX).await, [3, 4, 5]);
}

pub async fn a_claim_begins_the_result_and_brings_its_records(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let records = vec![delicate(), serde_json::json!({"n": 2}), delicate()];
    store.start(acme, NewResult { records: records.clone(), ..start(1, "job") }).await.expect("a start");
    let claimed = claim_one(store).await;
    assert_eq!(claimed.records, records);
    assert_eq!((claimed.lease.organization, claimed.lease.result), (acme.organization(), id(1)));
    let result = claimed.result;
    assert_eq!((result.status, result.attempt, result.started_at), (Status::Running, 1, Some(at(50))));
    let found = History::find(store, acme, id(1)).await.expect("an answer");
    assert_eq!(found, Some(result), "what is stored is what was handed out");
}

pub async fn claims_go_over_all_organizations(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    store
        .start(globex, NewResult { records: vec![serde_json::json!({"of": "globex"})], ..start(1, "job") })
        .await
        .expect("a start");
    store.start(acme, start(2, "job")).await.expect("a start");
    store.start(globex, start(3, "job")).await.expect("a start");
    store.start(acme, start(1, "job")).await.expect("a start");
    let claimed = claim(store, 3, at(50)).await;
    let places: Vec<_> =
        claimed.iter().map(|one| (one.result.id.0.as_u128(), one.lease.organization, one.records.len())).collect();
    let (acme, globex) = (acme.organization(), globex.organization());
    assert_eq!(places, [(1, acme, 0), (1, globex, 1), (2, acme, 0)], "each in turn, the oldest first");
}

pub async fn the_modules_of_a_result_are_noted(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    let module =
        |name: &str| ModuleDigest { module: name.to_owned(), version: "1.2.3".to_owned(), digest: "ab".repeat(32) };
    let modules = [module("standard"), module("js")];
    store.note(lease, &Notes { modules: Some(modules.to_vec()), lines: Vec::new() }).await.expect("a note");
    let found = History::find(store, acme, id(1)).await.expect("an answer").expect("the result");
    assert_eq!(found.modules, modules);
    let finished = store.finish(lease, finish(Status::Success)).await.expect("a finish").result;
    assert_eq!(finished.modules, modules);
}

pub async fn a_finished_result_keeps_how_it_ended(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for (number, status) in [(1, Status::Success), (2, Status::Info), (3, Status::Warning), (4, Status::Error)] {
        let lease = running(store, acme, number).await.lease;
        let counters = Counters { records_in: u64::MAX, records_out: 9_007_199_254_740_993, records_rejected: 0 };
        let how = Finish { counters, ..finish(status) };
        let finished = store.finish(lease, how).await.expect("a finish").result;
        assert_eq!((finished.status, finished.counters, finished.finished_at), (status, counters, Some(at(500))));
        assert_eq!(finished.message, format!("ended as {status}"));
        assert_eq!(History::find(store, acme, id(number)).await.expect("an answer"), Some(finished));
    }
    assert!(claimed(store, 9).await.is_empty(), "what has ended does not wait");
}

pub async fn a_result_is_finished_once(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    let finished = store.finish(lease, finish(Status::Success)).await.expect("a finish").result;
    assert_lost(store, lease).await;
    assert_eq!(History::find(store, acme, id(1)).await.expect("an answer"), Some(finished));
    assert!(store.lines(acme, &[id(1)]).await.expect("lines").is_empty());
}

pub async fn of_several_ends_at_the_same_time_one_counts(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    let other = running(store, acme, 2).await.lease;
    let ends = [(lease, Status::Success), (lease, Status::Error), (other, Status::Info), (lease, Status::Success)];
    let answers = futures_util::future::join_all(ends.map(|(lease, status)| store.finish(lease, finish(status)))).await;
    assert!(answers[2].is_ok(), "the other result ends for itself: {:?}", answers[2]);
    let of_first: Vec<_> =
        [&answers[0], &answers[1], &answers[3]].into_iter().filter_map(|answer| answer.as_ref().ok()).collect();
    let [counted] = of_first.as_slice() else { panic!("{} ends counted", of_first.len()) };
    assert_eq!(History::find(store, acme, id(1)).await.expect("an answer").as_ref(), Some(&counted.result));
}

pub async fn work_cannot_end_as_killed(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let before = running(store, acme, 1).await;
    for status in [Status::Killed, Status::Pending, Status::Running] {
        let refused = store.finish(before.lease, finish(status)).await;
        let Err(LeaseError::Store(refused)) = refused else { panic!("finishing as {status} gave {refused:?}") };
        assert!(is_refusal::<()>(&Err(refused)));
    }
    assert_eq!(
        History::find(store, acme, id(1)).await.expect("an answer"),
        Some(before.result),
        "a refusal changes nothing"
    );
    store.finish(before.lease, finish(Status::Success)).await.expect("the lease is still good");
}

pub async fn a_lease_is_lost_by_a_kill(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    note(store, lease, &line(10, Status::Running)).await.expect("a line");
    let killed = store.kill(acme, id(1), kill()).await.expect("a kill");
    assert_lost(store, lease).await;
    assert_eq!(History::find(store, acme, id(1)).await.expect("an answer"), Some(killed));
    assert_eq!(store.lines(acme, &[id(1)]).await.expect("lines").len(), 1, "nothing was written after the kill");
}

pub async fn a_made_up_lease_is_worth_nothing(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    store.start(acme, start(1, "job")).await.expect("a start");
    let number_before_any_claim = Lease { organization: acme.organization(), result: id(1), number: 0 };
    assert_lost(store, number_before_any_claim).await;
    let lease = claim_one(store).await.lease;
    let nobody = OrganizationId(uuid::Uuid::from_u128(77));
    for wrong in [
        Lease { organization: globex.organization(), ..lease },
        Lease { organization: nobody, ..lease },
        Lease { result: id(2), ..lease },
        Lease { number: lease.number + 1, ..lease },
        Lease { number: lease.number - 1, ..lease },
    ] {
        assert_lost(store, wrong).await;
    }
    store.finish(lease, finish(Status::Success)).await.expect("the true lease is still good");
}

pub async fn an_end_writes_all_that_was_not_written_before(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    let mut leases = Vec::new();
    for number in 1..=20 {
        leases.push(running(store, if number % 3 == 0 { globex } else { acme }, number).await.lease);
    }
    note(store, leases[0], &line(10, Status::Running)).await.expect("a line");
    let module = ModuleDigest { module: "js".to_owned(), version: "1.0.0".to_owned(), digest: "ab".repeat(32) };
    let lines = vec![line(10, Status::Success), line(20, Status::Error)];
    let notes = Notes { modules: Some(vec![module.clone()]), lines: lines.clone() };
    let end = Finish { notes, failed_line: Some(20), ..finish(Status::Error) };
    let ends = leases.iter().map(|lease| store.finish(*lease, end.clone()));
    for (answer, lease) in futures_util::future::join_all(ends).await.into_iter().zip(&leases) {
        let finished = answer.expect("an end").result;
        assert_eq!((finished.failed_line, finished.modules.as_slice()), (Some(20), &[module.clone()][..]));
        let scope = crate::samples::scope_of(lease.organization);
        let found = History::find(store, scope, lease.result).await.expect("an answer");
        assert_eq!(found, Some(finished));
        let found = store.lines(scope, &[lease.result]).await.expect("lines");
        assert_eq!(found.into_iter().map(|(_, line)| line).collect::<Vec<_>>(), lines);
    }
}

pub async fn an_end_says_whether_more_is_ready(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    let (first, second) = (running(store, acme, 1).await.lease, running(store, acme, 2).await.lease);
    assert!(!store.finish(first, finish(Status::Success)).await.expect("an end").more);
    store.start(globex, start(3, "job")).await.expect("a start");
    assert!(store.finish(second, finish(Status::Success)).await.expect("an end").more);
}
