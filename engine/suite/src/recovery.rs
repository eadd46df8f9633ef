//! What happens to results whose worker is gone.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;

use super::Stores;
use super::samples::{
    at, claim, claim_one, ended, find, finish, id, kill, line, node, note, numbers, running, scope, start,
};
use crate::queue::assert_lost;
use engine::model::fairness::Capacity;
use engine::model::lifecycle::isolation::{CRASHES_ALONE, CRASHES_BESIDE_OTHERS, ISOLATION};
use engine::model::lifecycle::waiting::Waiting;
use engine::model::status::Status;
use engine::ports::queue::{Claim, Claimed, NodeId};
use engine::ports::queues::QueueSetting;
use engine::ports::results::NewResult;

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

/// After this many crashes the result or the line that causes them is ended.
const FOUND_AFTER: u32 = CRASHES_BESIDE_OTHERS + CRASHES_ALONE;

pub async fn a_result_whose_node_crashes_before_any_line_is_given_up(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let mut lease = running(store, acme, 1).await.lease;
    for _ in 1..FOUND_AFTER {
        lease = lose(store).await.lease;
    }
    note(store, lease, &line(10, Status::Success)).await.expect("a line");
    assert_eq!(recover(store).await, 0, "it is not put back again");
    assert!(claim(store, 9, at(50)).await.is_empty());
    assert_lost(store, lease).await;
    let result = find(store, acme, 1).await;
    assert_eq!((result.status, result.finished_at), (Status::Error, Some(at(700))));
    assert!(result.message.contains("3 times while only this job was running"), "{}", result.message);
    assert_eq!(store.lines(acme, &[id(1)]).await.expect("lines")[0].1, line(10, Status::Success));
}

/// Loses the node of a claimed result while this line runs, and claims the result again.
async fn lose_at(store: &impl Stores, claimed: &Claimed, line_no: Option<u32>) -> Claimed {
    if let Some(line_no) = line_no {
        note(store, claimed.lease, &line(line_no, Status::Running)).await.expect("a line");
    }
    lose(store).await
}

fn condemned(claimed: &Claimed) -> Option<u32> {
    claimed.resume.as_ref().expect("it was lost").condemned
}

pub async fn a_line_that_crashes_its_node_alone_is_condemned(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let mut claimed = running(store, acme, 1).await;
    assert_eq!(claimed.resume, None);
    for crashes in 1..=FOUND_AFTER + 1 {
        note(store, claimed.lease, &line(10, Status::Success)).await.expect("a line");
        claimed = lose_at(store, &claimed, Some(20)).await;
        let resume = claimed.resume.as_ref().expect("it was lost");
        assert_eq!((resume.careful, resume.at), (true, None));
        assert_eq!(resume.condemned, (crashes >= FOUND_AFTER).then_some(20), "after {crashes} crashes");
    }
    assert_eq!(find(store, acme, 1).await.status, Status::Running);
}

pub async fn two_lines_that_crash_their_node_end_the_result(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let mut claimed = running(store, acme, 1).await;
    for _ in 0..FOUND_AFTER {
        claimed = lose_at(store, &claimed, Some(20)).await;
    }
    for _ in 1..CRASHES_ALONE {
        claimed = lose_at(store, &claimed, Some(30)).await;
        assert_eq!(condemned(&claimed), Some(20), "it does not run again");
    }
    note(store, claimed.lease, &line(30, Status::Running)).await.expect("a line");
    assert_eq!(recover(store).await, 0);
    assert_eq!(find(store, acme, 1).await.status, Status::Error);
}

pub async fn crashes_beside_others_condemn_no_line(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let mut now = at(700);
    for number in 1..=2 {
        store.start(acme, start(number, "job")).await.expect("a start");
    }
    for _ in 0..4 * FOUND_AFTER {
        // Long after any isolation.
        now += ISOLATION * 100;
        let claimed = claim(store, 9, now).await;
        assert_eq!(numbers(&claimed), [1, 2]);
        for one in &claimed {
            assert!(one.resume.as_ref().is_none_or(|resume| resume.condemned.is_none()));
            note(store, one.lease, &line(20, Status::Running)).await.expect("a line");
        }
        assert_eq!(store.recover(node(2), now, None).await.expect("a recovery"), 2);
    }
    let claimed = claim_one(store).await;
    let claimed = lose_at(store, &claimed, Some(20)).await;
    assert_eq!(claimed.result.id, id(2), "the first crash alone");
    store.release(claimed.lease).await.expect("the lease is good");
    let other = claim_one(store).await;
    assert_eq!((other.result.id, condemned(&other)), (id(1), None), "it is still isolated");
    store.finish(other.lease, finish(Status::Success)).await.expect("an end");
    let handed_back = claim_one(store).await;
    assert!(handed_back.resume.is_none_or(|resume| !resume.careful), "an orderly stop forgives");
}

pub async fn one_crash_isolates_nothing(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for number in 1..=8 {
        store.start(acme, start(number, "job")).await.expect("a start");
    }
    assert_eq!(claim(store, 6, at(50)).await.len(), 6);
    assert_eq!(recover(store).await, 6);
    assert_eq!(claim(store, 9, at(701)).await.len(), 8, "all at the same time, as before");
}

/// Claims all results and loses the node, until they are isolated.
async fn isolate(store: &impl Stores) {
    for _ in 0..CRASHES_BESIDE_OTHERS {
        claim(store, 99, at(699)).await;
        recover(store).await;
    }
}

pub async fn isolated_results_are_performed_one_at_a_time(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for number in 1..=3 {
        store.start(acme, start(number, "job")).await.expect("a start");
    }
    isolate(store).await;
    for number in 4..=5 {
        let priority = 9;
        store.start(acme, NewResult { priority, ..start(number, "job") }).await.expect("a start");
    }
    store.end_wait(acme.organization(), id(2)).await.expect("nothing happens to what is isolated");
    let waiting = store.waiting(acme, &[id(2)]).await.expect("an answer");
    assert_eq!(waiting, [(id(2), Waiting::Worker)]);
    let take = async || {
        let claim = Claim { node: node(1), capacity: Capacity { slots: 9, spare: 2 }, now: at(705) };
        store.claim(claim).await.expect("a claim")
    };
    let claimed = take().await;
    assert_eq!((numbers(&claimed.claimed), claimed.isolated), (vec![1], true));
    let nothing = take().await;
    assert_eq!((nothing.claimed.len(), nothing.isolated), (0, true), "it is alone on its node");
    assert_eq!(nothing.next_due, Some(at(700) + ISOLATION));
    assert_eq!(recover(store).await, 1, "the others were not running");
    for number in [2, 3, 1] {
        let claimed = take().await;
        assert_eq!(numbers(&claimed.claimed), [number], "those that crashed alone come last");
        store.finish(claimed.claimed[0].lease, finish(Status::Success)).await.expect("an end");
    }
    let claimed = take().await;
    assert_eq!((numbers(&claimed.claimed), claimed.isolated), (vec![4, 5], false));
}

pub async fn isolation_is_over_after_a_while(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for number in 1..=3 {
        store.start(acme, start(number, "job")).await.expect("a start");
    }
    isolate(store).await;
    store.start(acme, start(4, "job")).await.expect("a start");
    assert_eq!(numbers(&claim(store, 9, at(701)).await), [1]);
    let over = at(700) + ISOLATION;
    assert!(claim(store, 9, over - TimeDelta::milliseconds(1)).await.is_empty());
    assert_eq!(numbers(&claim(store, 9, over).await), [2, 3, 4]);
    assert_eq!(store.recover(node(2), over, None).await.expect("a recovery"), 4);
    let alone = claim(store, 9, over).await;
    assert_eq!((numbers(&alone), condemned(&alone[0])), (vec![1], None), "it was not alone to its end");
    let longer = over + ISOLATION * 2;
    assert!(claim(store, 9, longer - TimeDelta::milliseconds(1)).await.is_empty());
    assert_eq!(numbers(&claim(store, 9, longer).await), [2, 3, 4], "4 has crashed once");
}

pub async fn isolation_holds_up_no_other_node(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for number in 1..=2 {
        store.start(acme, start(number, "job")).await.expect("a start");
    }
    isolate(store).await;
    let by = async |number, now| {
        let claim = Claim { node: node(number), capacity: Capacity { slots: 9, spare: 0 }, now: at(now) };
        let claims = store.claim(claim).await.expect("a claim");
        (numbers(&claims.claimed), claims.isolated)
    };
    assert_eq!(by(1, 701).await, (vec![1], true));
    for number in 3..=4 {
        store.start(acme, start(number, "job")).await.expect("a start");
    }
    assert_eq!(by(3, 701).await, (vec![2], true), "one alone on each node");
    assert_eq!(by(4, 701).await, (vec![3, 4], false));
    let recovered = async |node, now| store.recover(node, at(now), Some(Duration::from_secs(60))).await;
    for (number, beat) in [(1, 701), (3, 780), (4, 780)] {
        store.beat(node(number), at(beat)).await.expect("a beat");
    }
    store.start(acme, start(5, "job")).await.expect("a start");
    assert_eq!(recovered(node(4), 780).await.expect("a recovery"), 1, "the first node is silent");
    assert_eq!(by(4, 780).await, (vec![5], true), "it has something running already");
    assert_eq!(by(5, 780).await, (vec![1], true), "another node is idle");
}

pub async fn a_stopped_queue_holds_isolated_results(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for (number, queue) in [(1, "stopped"), (2, "default")] {
        store.start(acme, NewResult { queue: queue.to_owned(), ..start(number, "job") }).await.expect("a start");
    }
    isolate(store).await;
    let stop = QueueSetting { key: "stopped".to_owned(), global: true, limit: Some(0) };
    store.save_queue(acme, &stop).await.expect("a queue");
    let second = claim_one(store).await;
    assert_eq!(second.result.id, id(2));
    store.finish(second.lease, finish(Status::Success)).await.expect("an end");
    store.start(acme, start(3, "job")).await.expect("a start");
    assert_eq!(numbers(&claim(store, 9, at(701)).await), [3], "it holds up nobody");
    assert!(claim(store, 9, at(7000)).await.is_empty());
}

/// Two results crash their node whenever they run, and it is killed now and then for other reasons.
pub async fn the_cause_of_crashes_is_found_among_many_and_no_other_result_fails(store: &impl Stores) {
    const NEIGHBOURS: u128 = 20;
    const CAUSES: [u128; 2] = [7, 15];
    const KILLS: u32 = 6;
    let acme = scope(store, 1, "acme").await;
    for number in 1..=NEIGHBOURS {
        store.start(acme, start(number, "job")).await.expect("a start");
    }
    let (mut ended, mut crashes, mut round) = (BTreeMap::new(), 0, 0_u32);
    while (1..=NEIGHBOURS).any(|number| !ended.contains_key(&number)) {
        round += 1;
        let now = at(700) + TimeDelta::milliseconds(100) * i32::try_from(round).expect("few rounds");
        store.start(acme, start(NEIGHBOURS + u128::from(round), "job")).await.expect("a start");
        let claimed = claim(store, 20, now).await;
        for one in claimed.iter().filter(|one| one.resume.as_ref().is_some_and(|resume| resume.careful)) {
            note(store, one.lease, &line(20, Status::Running)).await.expect("a line");
        }
        let number = |one: &Claimed| one.result.id.0.as_u128();
        let is_condemned = |one: &Claimed| one.resume.as_ref().is_some_and(|resume| resume.condemned == Some(20));
        let crashed = claimed.iter().any(|one| CAUSES.contains(&number(one)) && !is_condemned(one));
        crashes += u32::from(crashed);
        if crashed || round % 4 == 0 && round <= 4 * KILLS {
            store.recover(node(2), now, None).await.expect("a recovery");
            continue;
        }
        for one in &claimed {
            let status = if is_condemned(one) { Status::Error } else { Status::Success };
            store.finish(one.lease, finish(status)).await.expect("an end");
            ended.insert(number(one), status);
        }
    }
    let most = CRASHES_BESIDE_OTHERS + CAUSES.len() as u32 * CRASHES_ALONE;
    assert!(crashes <= most, "found after {crashes} crashes in {round} rounds");
    for (number, status) in ended {
        let expected = if CAUSES.contains(&number) { Status::Error } else { Status::Success };
        assert_eq!(status, expected, "{number}");
    }
}

pub async fn a_result_that_is_handed_back_waits_as_if_it_had_not_been_claimed(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let mut lease = running(store, acme, 1).await.lease;
    for _ in 0..2 * FOUND_AFTER {
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

pub async fn what_was_claimed_without_an_answer_is_handed_back(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for number in 1..=4 {
        store.start(acme, start(number, "job")).await.expect("a start");
    }
    let known = claim(store, 1, at(50)).await.remove(0).lease;
    let unknown = claim(store, 2, at(50)).await;
    let other = Claim { node: node(5), capacity: Capacity { slots: 1, spare: 0 }, now: at(50) };
    let other = store.claim(other).await.expect("a claim").claimed.remove(0).lease;
    assert_eq!(store.release_others(node(1), &[known]).await.expect("an answer"), 2);
    assert_eq!(store.release_others(node(1), &[known]).await.expect("an answer"), 0);
    for one in &unknown {
        assert_lost(store, one.lease).await;
    }
    for lease in [known, other] {
        note(store, lease, &line(10, Status::Success)).await.expect("the lease is good");
    }
    let again = claim(store, 9, at(50)).await;
    assert_eq!(again.iter().map(|one| one.result.attempt).collect::<Vec<_>>(), [1, 1], "the claim did not count");
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
        let capacity = Capacity { slots: 1, spare: 0 };
        let claim = Claim { node, capacity, now: at(50) };
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
