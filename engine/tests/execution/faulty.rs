//! Filters on collections in a store that hangs, or is away.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;

use crate::harness::{Harness, harness};
use engine::model::collection::{Change, Entries, Entry, Written};
use engine::model::criteria::Criteria;
use engine::model::organization::OrgScope;
use engine::model::status::Status;
use engine::ports::collections::{Collections, Find, Once, Wanted};
use engine::ports::stores::Stores;
use engine::ports::{Listed, StoreError};

#[derive(Clone, Copy, PartialEq)]
enum Faulty {
    Hangs,
    IsAway,
}

impl Faulty {
    async fn answer<T>(self) -> Result<T, StoreError> {
        if self == Self::Hangs {
            std::future::pending::<()>().await;
        }
        Err(StoreError::Unavailable("password=hunter2".into()))
    }
}

#[async_trait]
impl Collections for Faulty {
    async fn write(&self, _: OrgScope, _: &str, _: &[Change], _: Option<&Once>) -> Result<Written, StoreError> {
        self.answer().await
    }

    async fn get(&self, _: OrgScope, _: &str, _: &[String]) -> Result<Vec<Option<Value>>, StoreError> {
        self.answer().await
    }

    async fn find(&self, _: OrgScope, _: &str, _: &Find) -> Result<Entries, StoreError> {
        self.answer().await
    }

    async fn snapshot(&self, _: OrgScope, _: &str, _: &Wanted, _: Sender<Vec<Entry>>) -> Result<bool, StoreError> {
        self.answer().await
    }

    async fn count(&self, _: OrgScope, _: &str, _: &Criteria) -> Result<Option<u64>, StoreError> {
        self.answer().await
    }

    async fn delete(&self, _: OrgScope, _: &str, _: &[String], _: &Criteria) -> Result<u32, StoreError> {
        self.answer().await
    }

    async fn list(&self, _: OrgScope, _: Option<&str>, _: u32) -> Result<Listed<String>, StoreError> {
        self.answer().await
    }

    async fn tally(&self, _: OrgScope) -> Result<u64, StoreError> {
        self.answer().await
    }

    async fn remove(&self, _: OrgScope, _: &str) -> Result<bool, StoreError> {
        self.answer().await
    }
}

async fn with(collections: Faulty) -> Harness {
    let harness = harness().await;
    let stores = Stores { collections: Arc::new(collections), ..harness.stores.clone() };
    harness.on(stores)
}

fn job(timeout: &str) -> Value {
    json!({"key": "job", "lines": [{"timeout": timeout, "filter": {"source": {"collection": "orders"}}}]})
}

#[tokio::test]
async fn a_collection_that_cannot_be_read_is_said_and_the_store_is_not_quoted() {
    let performed = with(Faulty::IsAway).await.perform(job("5m"), json!([])).await;
    let told = "The collection `orders` cannot be read at the moment; the node's log says why.";
    assert_eq!((performed.lines[0].status, performed.lines[0].message.as_str()), (Status::Error, told));
}

#[tokio::test]
async fn a_filter_that_waits_for_the_store_meets_its_timeout() {
    let performed = with(Faulty::Hangs).await.perform(job("20ms"), json!([])).await;
    let told = &performed.lines[0].message;
    assert!(told.starts_with("The line took longer than its timeout of 20ms"), "{told}");
}

#[tokio::test]
async fn a_filter_that_waits_for_the_store_is_killed() {
    let harness = with(Faulty::Hangs).await;
    harness.save(job("5m")).await;
    let started = harness.start(json!({}), json!([])).await.unwrap();
    let mut events = harness.engine.events().listen();
    let engine = harness.engine.clone();
    let running = tokio::spawn(async move { engine.worker(1).step().await.unwrap() });
    while harness.stores.history.lines(harness.access.scope(), &[started.id]).await.unwrap().is_empty() {
        events.recv().await.unwrap();
    }
    harness.engine.results().kill(&harness.access, started.id, None).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(5), running).await.expect("the worker is free again");
    assert!(ended.unwrap().is_none(), "the worker lost its lease");
}
