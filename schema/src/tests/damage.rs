//! Rows that cannot be read are told, and stop nobody else.

use engine::model::organization::{OrgScope, Organization, OrganizationId};
use engine::model::quota::Quotas;
use engine::model::result::ResultId;
use engine::model::status::Status;
use engine::ports::StoreError;
use engine::ports::organizations::Organizations;
use engine::ports::queue::Queue;
use engine::ports::queues::{QueueSetting, Queues};
use engine::ports::results::{Endings, History, NewResult, ResultFilter, Starts};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, Database};
use serde_json::json;
use suite::samples::{self, at, node};

use super::{DatabaseFolder, scope_of};
use crate::Store;

async fn acme(store: &Store) -> OrgScope {
    let time_zone = "UTC".parse().unwrap();
    let acme = Organization {
        id: OrganizationId(Uuid::from_u128(1)),
        key: "acme".into(),
        name: "Acme".into(),
        time_zone,
        quotas: Quotas::default(),
        deactivated_at: None,
    };
    store.create(&acme).await.unwrap();
    scope_of(&acme)
}

async fn start(store: &Store, scope: OrgScope, number: u128) {
    let records = vec![json!({"n": number.to_string()})];
    let start = NewResult { records, ..samples::start(number, "job") };
    store.start(scope, start).await.unwrap();
}

/// Writes into a column what the program never would.
async fn spoil(
    path: &std::path::Path,
    table: &'static str,
    key: &'static str,
    number: u128,
    column: &'static str,
    value: &str,
) {
    let address = format!("sqlite:{}", path.display());
    let db = Database::connect(address).await.unwrap();
    let spoiled = Query::update()
        .table(table)
        .value(column, value)
        .and_where(Expr::col(key).eq(Uuid::from_u128(number)))
        .to_owned();
    assert_eq!(db.execute(&spoiled).await.unwrap().rows_affected(), 1);
    db.close().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_read_is_named() {
    let folder = DatabaseFolder::new();
    let path = folder.folder.path().join("spoiled.db");
    let store = Store::open_sqlite(&path).await.unwrap();
    let scope = acme(&store).await;
    start(&store, scope, 5).await;
    spoil(&path, "job_results", "id", 5, "arguments", "{\"half\":").await;
    let Err(StoreError::Unreadable(why)) = History::find(&store, scope, ResultId(Uuid::from_u128(5))).await else {
        panic!("half an object is no object")
    };
    for part in ["job_results", "00000000-0000-0000-0000-000000000005", "arguments"] {
        assert!(why.contains(part), "{why} does not name {part}");
    }
}

#[tokio::test]
async fn a_lease_and_a_queue_that_cannot_be_read_stop_no_other() {
    let folder = DatabaseFolder::new();
    let path = folder.folder.path().join("spoiled.db");
    let store = Store::open_sqlite(&path).await.unwrap();
    let scope = acme(&store).await;
    for number in [4, 5] {
        start(&store, scope, number).await;
    }
    store.save_queue(scope, &QueueSetting { key: "mail".to_owned(), global: false, limit: Some(1) }).await.unwrap();
    store.close().await;
    spoil(&path, "leases", "job_result_id", 4, "number", "none").await;
    spoil(&path, "queues", "holder", 1, "capacity", "many").await;
    let store = Store::open_sqlite(&path).await.unwrap();
    start(&store, scope, 6).await;
    let claimed = samples::claim(&store, 9, at(7)).await;
    let ids: Vec<_> = claimed.iter().map(|one| one.result.id.0.as_u128()).collect();
    assert_eq!(ids, [5, 6]);
    assert_eq!(store.count_open(scope).await.unwrap(), 3);
    store.kill(scope, samples::id(4), samples::kill()).await.unwrap();
    assert_eq!(store.count_open(scope).await.unwrap(), 2, "its lease is gone");
}

#[tokio::test]
async fn what_cannot_be_read_is_ended_and_does_not_stop_the_queue() {
    let folder = DatabaseFolder::new();
    let path = folder.folder.path().join("spoiled.db");
    let store = Store::open_sqlite(&path).await.unwrap();
    let scope = acme(&store).await;
    for number in [4, 5, 6] {
        start(&store, scope, number).await;
    }
    spoil(&path, "job_results", "id", 4, "modules", "[1]").await;
    spoil(&path, "job_inputs", "job_result_id", 5, "records", "no array").await;
    // What was just started would not be read again.
    store.close().await;
    let store = Store::open_sqlite(&path).await.unwrap();
    let claimed = samples::claim(&store, 9, at(7)).await;
    let ids: Vec<_> = claimed.iter().map(|one| one.result.id.0.as_u128()).collect();
    assert_eq!(ids, [6]);
    let ended = History::find(&store, scope, ResultId(Uuid::from_u128(5))).await.unwrap().unwrap();
    assert_eq!((ended.status, ended.finished_at, ended.attempt), (Status::Error, Some(at(7)), 0));
    assert!(ended.message.contains("cannot be read"), "{}", ended.message);
    let errors = ResultFilter { job: None, status: Some(Status::Error) };
    assert_eq!(History::count(&store, scope, &errors).await.unwrap(), 2);
    assert_eq!(store.recover(node(2), at(8), None).await.unwrap(), 1, "the good one alone is running");
}
