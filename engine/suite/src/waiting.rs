//! The state of queues, and what results wait for.

use super::Stores;
use super::samples::{
    at, claim, claim_one, ended, finish, from_line, id, kill, neighbours, running, scope, start, start_as,
};
use engine::model::lifecycle::waiting::Waiting;
use engine::model::organization::OrgScope;
use engine::model::overlap::Overlap;
use engine::model::status::Status;
use engine::ports::queue::Postponement;
use engine::ports::queues::{DEFAULT_QUEUE, QueueSetting, QueueState};
use engine::ports::results::NewResult;

async fn save(store: &impl Stores, scope: OrgScope, key: &str, global: bool, limit: Option<u32>) {
    let setting = QueueSetting { key: key.to_owned(), global, limit };
    store.save_queue(scope, &setting).await.expect("a queue");
}

async fn start_in(store: &impl Stores, scope: OrgScope, number: u128, queue: &str) {
    store.start(scope, NewResult { queue: queue.to_owned(), ..start(number, "job") }).await.expect("a start");
}

fn state(key: &str, global: bool, limit: Option<u32>, (waiting, running): (u64, u64)) -> QueueState {
    QueueState { key: key.to_owned(), global, limit, waiting, running }
}

pub async fn the_default_queue_is_always_there(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    let queues = async |scope| store.queues(scope).await.expect("queues");
    assert_eq!(queues(acme).await, [state(DEFAULT_QUEUE, true, None, (0, 0))]);
    running(store, acme, 1).await;
    start_in(store, acme, 2, DEFAULT_QUEUE).await;
    store.start(globex, start_as(3, "job", Overlap::Queue)).await.expect("a start");
    store.start(globex, start_as(4, "job", Overlap::Queue)).await.expect("a start");
    assert_eq!(queues(acme).await, [state(DEFAULT_QUEUE, true, None, (1, 1))]);
    assert_eq!(queues(globex).await, [state(DEFAULT_QUEUE, true, None, (2, 1))]);
    save(store, acme, DEFAULT_QUEUE, true, Some(7)).await;
    assert_eq!(queues(globex).await, [state(DEFAULT_QUEUE, true, Some(7), (2, 1))]);
    assert!(store.remove_queue(globex, DEFAULT_QUEUE, true).await.expect("an answer"));
    assert_eq!(queues(acme).await, [state(DEFAULT_QUEUE, true, None, (1, 1))]);
}

pub async fn queues_are_listed_with_what_waits_in_them(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    save(store, acme, "shared", true, Some(1)).await;
    save(store, acme, "reports", true, Some(5)).await;
    save(store, acme, "reports", false, Some(2)).await;
    save(store, globex, "own", false, None).await;
    for (scope, number, queue) in
        [(acme, 1, "shared"), (globex, 2, "shared"), (acme, 3, "reports"), (globex, 4, "reports")]
    {
        start_in(store, scope, number, queue).await;
    }
    assert_eq!(claim(store, 9, at(50)).await.len(), 3);
    let default = state(DEFAULT_QUEUE, true, None, (0, 0));
    let of_acme = [default.clone(), state("reports", false, Some(2), (0, 1)), state("shared", true, Some(1), (0, 1))];
    assert_eq!(store.queues(acme).await.expect("queues"), of_acme);
    let of_globex = [
        default,
        state("own", false, None, (0, 0)),
        state("reports", true, Some(5), (0, 2)),
        state("shared", true, Some(1), (1, 1)),
    ];
    assert_eq!(store.queues(globex).await.expect("queues"), of_globex);
    assert!(!store.remove_queue(globex, "reports", false).await.expect("an answer"), "it is of another organization");
    assert!(store.remove_queue(acme, "reports", false).await.expect("an answer"));
    let seen = store.queues(acme).await.expect("queues");
    assert_eq!(seen[1], state("reports", true, Some(5), (0, 2)), "what both have running counts in the shared one");
}

pub async fn a_result_stays_in_the_queue_it_was_started_in(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for number in 1..=2 {
        start_in(store, acme, number, "late").await;
    }
    save(store, acme, "late", false, Some(0)).await;
    start_in(store, acme, 3, "late").await;
    assert_eq!(crate::samples::numbers(&claim(store, 9, at(50)).await), [1, 2]);
}

pub async fn a_result_shows_what_it_waits_for(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    save(store, acme, "narrow", true, Some(1)).await;
    start_in(store, acme, 1, "narrow").await;
    let running = claim_one(store).await.lease;
    start_in(store, acme, 2, "narrow").await;
    store.start(acme, start(3, "other")).await.expect("a start");
    for number in 4..=6 {
        store.start(acme, start_as(number, "queued", Overlap::Queue)).await.expect("a start");
    }
    let ids: Vec<_> = [6, 5, 4, 3, 2, 1, 77].map(id).to_vec();
    let waiting = async |scope| store.waiting(scope, &ids).await.expect("an answer");
    let full = Waiting::QueueFull { queue: "narrow".to_owned(), limit: 1 };
    let behind = Waiting::Behind(id(4));
    let expected = [(6, behind.clone()), (5, behind), (4, Waiting::Worker), (3, Waiting::Worker), (2, full)];
    assert_eq!(waiting(acme).await, expected.map(|(number, why)| (id(number), why)));
    assert!(waiting(globex).await.is_empty());
    store.finish(running, finish(Status::Success)).await.expect("an end");
    assert_eq!(waiting(acme).await[4], (id(2), Waiting::Worker));
}

pub async fn a_result_that_waits_for_a_time_says_for_which(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    let waiting = async || store.waiting(acme, &[id(1)]).await.expect("an answer");
    assert!(waiting().await.is_empty(), "it is running");
    let postponement = Postponement { checkpoint: from_line(10, 1, &[]), until: at(400) };
    store.postpone(lease, postponement).await.expect("a wait");
    assert_eq!(waiting().await, [(id(1), Waiting::Until(at(400)))]);
    store.kill(acme, id(1), kill()).await.expect("a kill");
    ended(store, acme, 2, "job", Status::Success).await;
    assert!(store.waiting(acme, &[id(1), id(2)]).await.expect("an answer").is_empty());
}
