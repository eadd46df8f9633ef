//! One file that two nodes have open: leases, beats and turns hold between them.

use std::time::Duration;

use engine::model::fairness::Capacity;
use engine::model::organization::OrgScope;
use engine::model::status::Status;
use engine::ports::queue::{Claim, Claimed, LeaseError, Leases, Queue};
use engine::ports::results::{History, ResultFilter, Starts};
use futures_util::future::join_all;
use suite::samples::{self, at, finish, node};

use super::DatabaseFolder;
use crate::Store;

async fn two(folder: &DatabaseFolder) -> (Store, Store, OrgScope) {
    let path = folder.path();
    let first = Store::open_sqlite_shared(&path).await.unwrap();
    let second = Store::open_sqlite_shared(&path).await.unwrap();
    let acme = samples::scope(&first, 1, "acme").await;
    (first, second, acme)
}

async fn claim(store: &Store, number: u128, slots: u32) -> Vec<Claimed> {
    let claim = Claim { node: node(number), capacity: Capacity { slots, spare: 0 }, now: at(50) };
    store.claim(claim).await.unwrap().claimed
}

#[tokio::test]
async fn a_node_that_was_taken_for_lost_can_write_nothing_more() {
    let folder = DatabaseFolder::new();
    let (first, second, scope) = two(&folder).await;
    first.beat(node(1), at(0)).await.unwrap();
    second.beat(node(2), at(100)).await.unwrap();
    first.start(scope, samples::start(1, "job")).await.unwrap();
    let lost = claim(&first, 1, 1).await.remove(0).lease;
    let silent = Some(Duration::from_secs(30));
    assert_eq!(second.recover(node(2), at(10), silent).await.unwrap(), 0);
    assert_eq!(second.recover(node(2), at(100), silent).await.unwrap(), 1);
    let taken = claim(&second, 2, 1).await.remove(0).lease;
    assert!(matches!(first.finish(lost, finish(Status::Error)).await, Err(LeaseError::Lost)));
    second.finish(taken, finish(Status::Success)).await.unwrap();
    let found = History::find(&first, scope, samples::id(1)).await.unwrap().unwrap();
    assert_eq!((found.status, found.attempt), (Status::Success, 2));
}

#[tokio::test]
async fn two_nodes_write_at_the_same_time_and_take_nothing_twice() {
    const EACH: u128 = 100;
    let folder = DatabaseFolder::new();
    let (first, second, scope) = two(&folder).await;
    let stores = [(&first, 1), (&second, 2)];
    let starts = stores.iter().flat_map(|(store, node)| {
        (0..EACH).map(move |number| store.start(scope, samples::start(node * 1000 + number, "job")))
    });
    assert!(join_all(starts).await.into_iter().all(|started| started.is_ok()));
    let work = stores.map(async |(store, node)| {
        let mut done = 0;
        loop {
            let claimed = claim(store, node, 7).await;
            if claimed.is_empty() {
                return done;
            }
            for one in claimed {
                store.finish(one.lease, finish(Status::Success)).await.unwrap();
                done += 1;
            }
        }
    });
    let done = join_all(work).await;
    assert_eq!(done.iter().sum::<u128>(), 2 * EACH, "{done:?}");
    let filter = ResultFilter { job: None, status: Some(Status::Success) };
    assert_eq!(u128::from(History::count(&second, scope, &filter).await.unwrap()), 2 * EACH);
}
