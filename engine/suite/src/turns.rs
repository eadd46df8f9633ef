//! The order of claims: fairness, priorities, limits, and waiting times.

use futures_util::future::join_all;

use super::Stores;
use super::samples::{at, claim, find, finish, from_line, id, neighbours, node, numbers, running, scope, start};
use engine::model::fairness::Capacity;
use engine::model::lifecycle::waiting::Waiting;
use engine::model::organization::OrgScope;
use engine::model::result::ResultId;
use engine::model::status::Status;
use engine::ports::queue::{CLAIM_BATCH, Claim, Postponement};
use engine::ports::queues::{QueueDepth, QueueSetting};
use engine::ports::results::NewResult;

async fn start_in(store: &impl Stores, scope: OrgScope, number: u128, queue: &str, priority: i32) {
    let start = NewResult { queue: queue.to_owned(), priority, ..start(number, "job") };
    store.start(scope, start).await.expect("a start");
}

async fn limit(store: &impl Stores, scope: OrgScope, key: &str, global: bool, limit: u32) {
    let setting = QueueSetting { key: key.to_owned(), global, limit: Some(limit) };
    store.save_queue(scope, &setting).await.expect("a queue");
}

pub async fn an_organization_with_many_results_starves_no_other(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    join_all((1..=200).map(|number| start_in(store, acme, number, "default", 0))).await;
    assert_eq!(numbers(&claim(store, 3, at(50)).await), [1, 2, 3]);
    store.start(globex, start(900, "job")).await.expect("a start");
    store.start(globex, start(901, "job")).await.expect("a start");
    assert_eq!(numbers(&claim(store, 4, at(50)).await), [900, 901, 4, 5], "until both have as many running");
}

pub async fn organizations_with_as_many_running_take_turns(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    for number in 1..=4 {
        store.start(acme, start(number, "job")).await.expect("a start");
        store.start(globex, start(number + 10, "job")).await.expect("a start");
    }
    let mut order = Vec::new();
    for _ in 0..8 {
        let claimed = claim(store, 1, at(50)).await;
        order.extend(numbers(&claimed));
        store.finish(claimed[0].lease, finish(Status::Success)).await.expect("an end");
    }
    assert_eq!(order, [1, 11, 2, 12, 3, 13, 4, 14]);
}

pub async fn a_higher_priority_comes_first_and_then_age(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for (number, priority) in [(3, 0), (1, -5), (4, 7), (2, 7), (5, -1000), (6, 1000)] {
        start_in(store, acme, number, "default", priority).await;
    }
    assert_eq!(numbers(&claim(store, 4, at(50)).await), [6, 2, 4, 3]);
    assert_eq!(numbers(&claim(store, 4, at(50)).await), [1, 5]);
    assert_eq!(find(store, acme, 5).await.priority, -1000);
}

pub async fn a_full_queue_is_passed_over_until_there_is_room(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    limit(store, acme, "narrow", true, 2).await;
    for number in 1..=3 {
        start_in(store, acme, number, "narrow", 9).await;
        start_in(store, globex, number + 10, "narrow", 9).await;
    }
    start_in(store, acme, 4, "wide", 0).await;
    let claimed = claim(store, 9, at(50)).await;
    assert_eq!(numbers(&claimed), [1, 11, 4], "the limit is one for all organizations");
    assert!(claim(store, 9, at(50)).await.is_empty());
    store.finish(claimed[0].lease, finish(Status::Success)).await.expect("an end");
    assert_eq!(numbers(&claim(store, 9, at(50)).await), [12], "both have as many running, and acme was served last");
    limit(store, acme, "narrow", true, 4).await;
    assert_eq!(claim(store, 9, at(50)).await.len(), 2);
    limit(store, acme, "narrow", true, 0).await;
    assert!(claim(store, 9, at(50)).await.is_empty(), "a queue can be stopped");
    assert!(store.remove_queue(acme, "narrow", true).await.expect("an answer"));
    assert_eq!(claim(store, 9, at(50)).await.len(), 1, "without a limit anything goes");
}

pub async fn a_queue_of_its_own_limits_one_organization(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    limit(store, acme, "narrow", false, 1).await;
    for number in 1..=3 {
        start_in(store, acme, number, "narrow", 0).await;
        start_in(store, globex, number + 10, "narrow", 0).await;
    }
    assert_eq!(numbers(&claim(store, 9, at(50)).await), [1, 11, 12, 13]);
}

pub async fn a_queue_of_its_own_counts_within_the_shared_one(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    limit(store, acme, "narrow", true, 2).await;
    limit(store, acme, "narrow", false, 9).await;
    start_in(store, globex, 11, "narrow", 0).await;
    for number in 1..=3 {
        start_in(store, acme, number, "narrow", 0).await;
    }
    let claimed = claim(store, 9, at(50)).await;
    assert_eq!(numbers(&claimed), [1, 11], "two in all, in whichever queue");
    let waiting = store.waiting(acme, &[id(2)]).await.expect("an answer");
    assert_eq!(waiting, [(id(2), Waiting::QueueFull { queue: "narrow".to_owned(), limit: 2 })]);
    start_in(store, globex, 12, "narrow", 0).await;
    assert!(claim(store, 9, at(50)).await.is_empty(), "what is running in the own queue counts in the shared one");
    limit(store, acme, "narrow", false, 1).await;
    limit(store, acme, "narrow", true, 9).await;
    assert_eq!(numbers(&claim(store, 9, at(50)).await), [12], "and the own limit holds within it");
    store.finish(claimed[0].lease, finish(Status::Success)).await.expect("an end");
    assert_eq!(numbers(&claim(store, 9, at(50)).await), [2]);
    limit(store, acme, "narrow", true, 0).await;
    store.remove_queue(acme, "narrow", false).await.expect("an answer");
    assert!(claim(store, 9, at(50)).await.is_empty(), "results that it left behind too");
}

pub async fn depths_count_what_is_ready_over_all_organizations(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    assert_eq!(store.depths().await.expect("an answer"), []);
    limit(store, acme, "imports", false, 5).await;
    for (scope, second, queue) in
        [(acme, 60, "imports"), (globex, 30, "imports"), (acme, 20, "default"), (acme, 10, "default")]
    {
        let id = uuid::Builder::from_unix_timestamp_millis(at(second).timestamp_millis().cast_unsigned(), &[7; 10])
            .into_uuid();
        let new = NewResult { id: ResultId(id), queue: queue.to_owned(), ..start(1, "job") };
        store.start(scope, new).await.expect("a start");
    }
    let depth = |queue: &str, ready, second| QueueDepth { queue: queue.to_owned(), ready, oldest: at(second) };
    let depths = async || {
        let mut depths = store.depths().await.expect("an answer");
        depths.sort_by(|one, other| one.queue.cmp(&other.queue));
        depths
    };
    assert_eq!(depths().await, [depth("default", 2, 10), depth("imports", 2, 30)]);
    let leased = claim(store, 1, at(100)).await.remove(0);
    assert_eq!(depths().await, [depth("default", 1, 20), depth("imports", 2, 30)], "what is running is not ready");
    let postponement = Postponement { checkpoint: from_line(10, 0, &[]), until: at(1000) };
    store.postpone(leased.lease, postponement).await.expect("a wait");
    assert_eq!(depths().await[0], depth("default", 1, 20), "what waits for a time is not ready");
}

pub async fn spare_workers_are_for_idle_organizations(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    running(store, acme, 1).await;
    for number in 2..=3 {
        store.start(acme, start(number, "job")).await.expect("a start");
    }
    let spare = async |spare| {
        let capacity = Capacity { slots: 0, spare };
        store.claim(Claim { node: node(1), capacity, now: at(50) }).await.expect("a claim").claimed
    };
    assert!(spare(3).await.is_empty());
    for number in 12..=13 {
        store.start(globex, start(number, "job")).await.expect("a start");
    }
    assert_eq!(numbers(&spare(3).await), [12], "and for one result of it");
    assert!(spare(3).await.is_empty());
}

pub async fn a_queue_with_capacity_is_found_behind_many_full_ones(store: &impl Stores) {
    let first = scope(store, 1, "first").await;
    limit(store, first, "stopped", true, 0).await;
    let stopped = async |number: u128| {
        let own = scope(store, number + 1, &format!("full-{number}")).await;
        start_in(store, own, number, "stopped", 5).await;
    };
    join_all((1..=150).map(stopped)).await;
    let last = scope(store, 900, "last").await;
    start_in(store, last, 900, "default", 0).await;
    start_in(store, first, 901, "default", 0).await;
    assert_eq!(numbers(&claim(store, 1, at(50)).await), [901]);
    assert_eq!(numbers(&claim(store, 1, at(50)).await), [900]);
    assert!(claim(store, 1, at(50)).await.is_empty());
}

pub async fn long_lanes_are_taken_up_to_their_end(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    let queue = |number: u128| if number.is_multiple_of(2) { "even" } else { "odd" };
    join_all((1..=150).map(|number| start_in(store, acme, number, queue(number), 0))).await;
    join_all((1001..=1150).map(|number| start_in(store, globex, number, "default", 0))).await;
    let mut taken = std::collections::BTreeSet::new();
    loop {
        let claimed = claim(store, 70, at(50)).await;
        let (of_acme, of_globex): (Vec<u128>, Vec<u128>) =
            numbers(&claimed).into_iter().partition(|number| *number < 1000);
        assert!(of_acme.len().abs_diff(of_globex.len()) <= 1, "{} and {}", of_acme.len(), of_globex.len());
        if claimed.is_empty() {
            break;
        }
        assert!(of_acme.windows(2).all(|pair| pair[0] < pair[1]), "the oldest first, whatever the queue: {of_acme:?}");
        taken.extend(of_acme.into_iter().chain(of_globex));
    }
    assert_eq!(taken.len(), 300);
}

pub async fn one_claim_is_bounded(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let all = CLAIM_BATCH + 20;
    let starts = (1..=u128::from(all)).map(|number| store.start(acme, start(number, "job")));
    join_all(starts).await;
    let capacity = Capacity { slots: CLAIM_BATCH - 1, spare: 100 };
    let claims = store.claim(Claim { node: node(1), capacity, now: at(50) }).await.expect("a claim");
    assert_eq!(claims.claimed.len() as u32, CLAIM_BATCH - 1, "acme has something running, so nothing is spared for it");
    assert_eq!(claim(store, u32::MAX, at(50)).await.len(), 21);
}

pub async fn a_result_that_waits_for_a_time_is_taken_when_it_is_due(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for (number, until) in [(1, 300), (2, 200), (3, 200)] {
        let lease = running(store, acme, number).await.lease;
        let postponement = Postponement { checkpoint: from_line(10, 1, &[]), until: at(until) };
        store.postpone(lease, postponement).await.expect("a wait");
        assert_eq!(find(store, acme, number).await.status, Status::Running, "it goes on being running");
    }
    let claims = async |now| {
        let claim = Claim { node: node(1), capacity: Capacity { slots: 9, spare: 0 }, now: at(now) };
        let claims = store.claim(claim).await.expect("a claim");
        (numbers(&claims.claimed), claims.next_due)
    };
    assert_eq!(claims(199).await, (vec![], Some(at(200))));
    assert_eq!(claims(200).await, (vec![2, 3], Some(at(300))));
    assert_eq!(claims(299).await, (vec![], Some(at(300))));
    assert_eq!(claims(400).await, (vec![1], None));
    assert_eq!(find(store, acme, 1).await.attempt, 2);
}
