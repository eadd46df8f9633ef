//! Snapshots of collections.

use serde_json::json;
use tokio::sync::mpsc::channel;

use super::Stores;
use super::collections::{criteria, delete, everything_in, fill, keys, taken, upsert, whole, write};
use crate::samples::scope;
use engine::model::collection::Entry;
use engine::ports::collections::Wanted;

pub async fn a_snapshot_is_what_matches_in_order(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    fill(store, acme, 20).await;
    let odd = criteria(json!({"n": {"gt": 3}, "even": false}));
    for (limit, expected) in [
        (None, vec!["005", "007", "009", "011", "013", "015", "017", "019"]),
        (Some(3), vec!["005", "007", "009"]),
        (Some(8), vec!["005", "007", "009", "011", "013", "015", "017", "019"]),
        (Some(0), vec![]),
    ] {
        let wanted = Wanted { criteria: odd.clone(), limit };
        let found = taken(store, acme, "c", &wanted).await.expect("an answer").expect("a collection");
        assert_eq!(keys(&found), expected, "at most {limit:?}");
    }
    assert_eq!(everything_in(store, acme, "nothing").await, None);
}

/// A snapshot sees all changes of a call or none of them, no matter what is written meanwhile.
pub async fn a_snapshot_sees_no_half_of_a_write(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let turn = |turn: u32| (0..300).map(move |n| upsert(&format!("{n:03}"), json!({"turn": turn}))).collect::<Vec<_>>();
    write(store, acme, "c", &turn(0)).await;
    let writes = async {
        for number in 1..8 {
            write(store, acme, "c", &turn(number)).await;
        }
    };
    let reads = async {
        for _ in 0..12 {
            let seen = everything_in(store, acme, "c").await.expect("a collection");
            assert_eq!(seen.len(), 300);
            assert!(seen.iter().all(|entry| entry.data == seen[0].data), "records of several calls in one snapshot");
        }
    };
    futures_util::future::join(writes, reads).await;
    assert_eq!(everything_in(store, acme, "c").await.expect("a collection")[299].data, json!({"turn": 7}));
}

/// A slow receiver sees the collection as it was, though all of it changes between two portions.
pub async fn what_is_written_while_a_snapshot_is_taken_is_not_in_it(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let many = |range: std::ops::Range<u32>| range.map(|n| format!("{n:05}"));
    let before: Vec<_> = many(0..3000).map(|key| upsert(&key, json!({"key": key}))).collect();
    write(store, acme, "c", &before).await;
    let (to, mut from) = channel::<Vec<Entry>>(1);
    let wanted = whole();
    let receiving = async {
        let mut seen = from.recv().await.expect("a first portion");
        let added: Vec<_> = many(0..9000).map(|key| upsert(&format!("{key}+"), json!({"late": true}))).collect();
        write(store, acme, "c", &added).await;
        let changed: Vec<_> = many(0..1500).map(|key| upsert(&key, json!({"late": true}))).collect();
        write(store, acme, "c", &changed).await;
        let removed: Vec<_> = many(1500..3000).map(|key| delete(&key)).collect();
        write(store, acme, "c", &removed).await;
        while let Some(portion) = from.recv().await {
            seen.extend(portion);
        }
        seen
    };
    let (exists, seen) = futures_util::future::join(store.snapshot(acme, "c", &wanted, to), receiving).await;
    assert!(exists.expect("an answer"));
    // Thousands of keys would not help in a message.
    assert!(keys(&seen).into_iter().eq(many(0..3000)), "nothing is lost, and nothing is there twice");
    assert!(seen.iter().all(|entry| entry.data == json!({"key": entry.key})), "nothing is as it was written later");
    assert_eq!(everything_in(store, acme, "c").await.expect("a collection").len(), 10_500);
}

pub async fn a_snapshot_without_a_receiver_ends(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    fill(store, acme, 900).await;
    let (to, mut from) = channel::<Vec<Entry>>(1);
    let wanted = whole();
    let receiving = async move { from.recv().await.map(|portion| portion.len()) };
    let (exists, first) = futures_util::future::join(store.snapshot(acme, "c", &wanted, to), receiving).await;
    assert!(exists.expect("an answer") && first.is_some());
    write(store, acme, "c", &[delete("000")]).await;
}
