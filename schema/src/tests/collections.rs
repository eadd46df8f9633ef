//! Collections, where a database could go wrong and memory cannot.

use engine::model::collection::{Change, Entry};
use engine::model::criteria::Criteria;
use engine::model::organization::{OrgScope, Organization, OrganizationId};
use engine::model::quota::Quotas;
use engine::model::result::ResultId;
use engine::ports::StoreError;
use engine::ports::collections::{Collections, Once, Wanted};
use engine::ports::organizations::Organizations;
use engine::ports::results::Starts;
use sea_orm::prelude::Uuid;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use serde_json::json;
use suite::collections::taken;
use suite::samples::start;

use super::{DatabaseFolder, scope_of};
use crate::Store;

/// A store, and another connection to its file.
async fn opened(folder: &DatabaseFolder) -> (Store, OrgScope, DatabaseConnection) {
    let path = folder.folder.path().join("collections.db");
    let store = Store::open_sqlite(&path).await.unwrap();
    let id = OrganizationId(Uuid::from_u128(1));
    let acme = Organization {
        id,
        key: "acme".into(),
        name: "Acme".into(),
        time_zone: "UTC".parse().unwrap(),
        quotas: Quotas::default(),
        deactivated_at: None,
    };
    store.create(&acme).await.unwrap();
    let db = Database::connect(format!("sqlite:{}", path.display())).await.unwrap();
    (store, scope_of(&acme), db)
}

fn upsert(key: &str, n: u32) -> Change {
    Change::Upsert(Entry { key: key.to_owned(), data: json!({"n": n}) })
}

async fn count(db: &DatabaseConnection, table: &str) -> i64 {
    let text = format!("SELECT COUNT(*) AS rows FROM {table}");
    let statement = Statement::from_string(db.get_database_backend(), text);
    db.query_one_raw(statement).await.unwrap().unwrap().try_get("", "rows").unwrap()
}

#[tokio::test]
async fn the_memory_of_a_call_goes_with_its_job_result_and_records_with_their_collection() {
    let folder = DatabaseFolder::new();
    let (store, scope, db) = opened(&folder).await;
    let id = ResultId(Uuid::from_u128(7));
    store.start(scope, start(7, "job")).await.unwrap();
    let once = Once { result: id, call: "10:1".into() };
    store.write(scope, "c", &[upsert("a", 1), upsert("b", 2)], Some(&once)).await.unwrap();
    assert_eq!((count(&db, "collection_calls").await, count(&db, "collection_records").await), (1, 2));
    assert!(store.remove(scope, "c").await.unwrap());
    assert_eq!((count(&db, "collection_calls").await, count(&db, "collection_records").await), (1, 0));
    db.execute_unprepared("DELETE FROM job_results").await.unwrap();
    assert_eq!(count(&db, "collection_calls").await, 0);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_named_and_can_be_replaced_and_removed() {
    let folder = DatabaseFolder::new();
    let (store, scope, db) = opened(&folder).await;
    store.write(scope, "c", &[upsert("a", 1), upsert("b", 2), upsert("c", 3)], None).await.unwrap();
    db.execute_unprepared("UPDATE collection_records SET data = '{\"half\":' WHERE key <> 'c'").await.unwrap();
    let wanted = Wanted { criteria: Criteria::All(Vec::new()), limit: None };
    let Err(StoreError::Unreadable(why)) = taken(&store, scope, "c", &wanted).await else {
        panic!("half an object is no object")
    };
    assert!(why.contains("collection_records") && why.contains("a in c") && why.contains("data"), "{why}");
    let written = store.write(scope, "c", &[upsert("a", 1), Change::Delete("b".into())], None).await.unwrap();
    assert_eq!((written.updated, written.deleted), (1, 1));
    let mended = taken(&store, scope, "c", &wanted).await.unwrap().unwrap();
    assert_eq!(mended.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["a", "c"]);
}
