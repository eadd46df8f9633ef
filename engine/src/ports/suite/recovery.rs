//! What happens to results whose worker is gone.

use std::time::Duration;

use super::Stores;
use super::queue::assert_lost;
use super::samples::{
    at, claim, claim_one, ended, find, finish, id, kill, line, node, note, numbers, running, scope, start,
};
use crate::model::status::Status;
use crate::model::turn::Room;
use crate::ports::queue::{Claim, Claimed, NodeId, STRIKES_AT_MOST};
use crate::ports::results::NewResult;

async fn recover(store: &impl Stores) -> u64 {
    store.recover(node(2), at(700), None).await.expect("a recovery")
}

pub async fn what_was_running_is_claimed_again(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let records = vec![serde_json::json!({"n": 1})];
    store.start(acme, NewResult { records: records.clone(), ..start(1, "job") }).await.expect("a start");
    let first = claim_one(store).await;
    assert_eq!(recover(store).await, 1);
    assert_eq!(find(store, acme, 1).await, first.result, "it goes on being running");
    let second = claim(store, 9, at(800)).await.remove(0);
    assert!(second.lease.number > first.lease.number, "the number of a lease grows");
    assert_eq!((second.result.attempt, second.result.status), (2, Status::Running));
    assert_eq!(second.result.started_at, first.result.started_at, "it began once");
    assert_eq!(second.records, records);
    store.finish(second.lease, finish(Status::Success)).await.expect("a finish");
}

pub async fn a_new_attempt_has_no_lines_of_the_one_before(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    note(store, lease, &line(10, Status::Success)).await.expect("a line");
    note(store, lease, &line(20, Status::Running)).await.expect("a line");
    recover(store).await;
    assert_eq!(store.lines(acme, &[id(1)]).await.expect("lines").len(), 2, "they stay until it is claimed");
    claim_one(store).await;
    assert!(store.lines(acme, &[id(1)]).await.expect("lines").is_empty());
}

pub async fn a_lease_is_lost_by_recovery_and_by_the_next_claim(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let first = running(store, acme, 1).await.lease;
    recover(store).await;
    assert_lost(store, first).await;
    let second = claim_one(store).await.lease;
    assert_lost(store, first).await;
    note(store, second, &line(10, Status::Success)).await.expect("the newest lease is good");
    store.finish(second, finish(Status::Success)).await.expect("the newest lease is good");
}

pub async fn what_was_put_back_can_be_killed(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    note(store, lease, &line(10, Status::Running)).await.expect("a line");
    recover(store).await;
    store.kill(acme, id(1), kill()).await.expect("a kill");
    assert!(claim(store, 9, at(50)).await.is_empty());
    assert_eq!(store.lines(acme, &[id(1)]).await.expect("lines")[0].1.status, Status::Killed);
}

/// Loses the node of a claimed result, and claims it again.
async fn lose(store: &impl Stores) -> Claimed {
    assert_eq!(recover(store).await, 1);
    claim_one(store).await
}

pub async fn what_took_its_node_down_three_times_before_any_line_is_given_up(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let mut lease = running(store, acme, 1).await.lease;
    for _ in 1..STRIKES_AT_MOST {
        lease = lose(store).await.lease;
    }
    note(store, lease, &line(10, Status::Success)).await.expect("a line");
    assert_eq!(recover(store).await, 0, "it is not put back again");
    assert!(claim(store, 9, at(50)).await.is_empty());
    assert_lost(store, lease).await;
    let result = find(store, acme, 1).await;
    assert_eq!((result.status, result.finished_at), (Status::Error, Some(at(700))));
    assert!(result.message.contains("3 times"), "{}", result.message);
    assert_eq!(store.lines(acme, &[id(1)]).await.expect("lines")[0].1, line(10, Status::Success));
}

pub async fn a_line_that_took_its_node_down_three_times_is_condemned(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let mut claimed = running(store, acme, 1).await;
    assert_eq!(claimed.resume, None);
    for lost in 1..=STRIKES_AT_MOST + 1 {
        note(store, claimed.lease, &line(10, Status::Success)).await.expect("a line");
        note(store, claimed.lease, &line(20, Status::Running)).await.expect("a line");
        claimed = lose(store).await;
        let resume = claimed.resume.expect("it was lost");
        assert_eq!((resume.careful, resume.at), (true, None));
        assert_eq!(resume.condemned, (lost >= STRIKES_AT_MOST).then_some(20), "after {lost} times");
        claimed.resume = None;
    }
    assert_eq!(find(store, acme, 1).await.status, Status::Running);
}

pub async fn strikes_are_counted_for_each_line_alone(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let mut lease = running(store, acme, 1).await.lease;
    for line_no in [Some(10), Some(10), Some(20), None, None, Some(10), Some(10)] {
        if let Some(line_no) = line_no {
            note(store, lease, &line(line_no, Status::Running)).await.expect("a line");
        }
        let claimed = lose(store).await;
        assert_eq!(claimed.resume.expect("it was lost").condemned, None);
        lease = claimed.lease;
    }
    store.release(lease).await.expect("the lease is good");
    let handed_back = claim_one(store).await;
    assert!(handed_back.resume.is_none_or(|resume| !resume.careful), "an orderly stop forgives");
}

pub async fn a_result_that_is_handed_back_waits_as_if_it_had_not_been_claimed(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let mut lease = running(store, acme, 1).await.lease;
    for _ in 0..2 * STRIKES_AT_MOST {
        note(store, lease, &line(10, Status::Running)).await.expect("a line");
        store.release(lease).await.expect("the lease is good");
        assert_lost(store, lease).await;
        assert!(store.release(lease).await.is_err(), "only once");
        let claimed = claim_one(store).await;
        assert_eq!(claimed.result.attempt, 1, "the claim did not count");
        lease = claimed.lease;
    }
    store.kill(acme, id(1), kill()).await.expect("a kill");
    assert!(store.release(lease).await.is_err(), "a killed result is not handed back");
    assert!(claim(store, 9, at(50)).await.is_empty());
}

pub async fn what_waits_or_has_ended_is_left_alone(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    ended(store, acme, 1, "job", Status::Success).await;
    store.start(acme, start(2, "job")).await.expect("a start");
    store.kill(acme, id(2), kill()).await.expect("a kill");
    store.start(acme, start(3, "job")).await.expect("a start");
    let before = (find(store, acme, 1).await, find(store, acme, 2).await, find(store, acme, 3).await);
    assert_eq!(recover(store).await, 0);
    assert_eq!((find(store, acme, 1).await, find(store, acme, 2).await, find(store, acme, 3).await), before);
    assert_eq!(claim_one(store).await.result.attempt, 1);
}

pub async fn a_node_that_is_silent_for_long_is_lost_and_no_other(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let by = async |number: u128, node: NodeId| {
        store.start(acme, start(number, "job")).await.expect("a start");
        let room = Room { slots: 1, spare: 0 };
        let claim = Claim { node, room, now: at(50) };
        store.claim(claim).await.expect("a claim").claimed.remove(0).lease
    };
    let (never_heard, silent, alive, own) =
        (by(1, node(1)).await, by(2, node(2)).await, by(3, node(3)).await, by(4, node(4)).await);
    for (number, beat) in [(2, 100), (2, 110), (3, 100), (3, 150), (4, 100)] {
        store.beat(node(number), at(beat)).await.expect("a beat");
    }
    let recover = async |now| store.recover(node(4), at(now), Some(Duration::from_secs(60))).await.expect("a recovery");
    assert_eq!(recover(169).await, 1, "what was never heard of");
    assert_lost(store, never_heard).await;
    assert_eq!(recover(169).await, 0);
    assert_eq!(recover(170).await, 1, "silent for a minute");
    assert_lost(store, silent).await;
    for lease in [alive, own] {
        note(store, lease, &line(10, Status::Success)).await.expect("the lease is good");
    }
    assert_eq!(numbers(&claim(store, 9, at(800)).await), [1, 2]);
    assert_eq!(store.recover(node(4), at(170), None).await.expect("a recovery"), 3, "all but its own");
}
