//! A disk that is full: it is said, nothing is half written, and work goes on when there is capacity.

use engine::model::organization::OrgScope;
use engine::ports::StoreError;
use engine::ports::results::{History, NewResult, ResultFilter, StartError, Starts};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde_json::json;
use suite::samples;

use super::DatabaseFolder;
use crate::Store;
use crate::sqlite::{self, Sharing};

/// A store, its only connection that writes, and an organization in it.
async fn opened(folder: &DatabaseFolder) -> (Store, DatabaseConnection, OrgScope) {
    let opened = sqlite::open(&folder.path(), Sharing::Alone).await.unwrap();
    let writer = opened.writer.clone();
    let store = Store::on(opened);
    let acme = samples::scope(&store, 1, "acme").await;
    (store, writer, acme)
}

/// Leaves room for so many more pages.
async fn leave_room(db: &DatabaseConnection, pages: i64) {
    let statement = Statement::from_string(db.get_database_backend(), "PRAGMA page_count");
    let count: i64 = db.query_one_raw(statement).await.unwrap().unwrap().try_get("", "page_count").unwrap();
    db.execute_unprepared(&format!("PRAGMA max_page_count = {}", count + pages)).await.unwrap();
}

fn large(number: u128) -> NewResult {
    NewResult { records: vec![json!({"text": "x".repeat(100_000)})], ..samples::start(number, "job") }
}

fn is_full(answer: &Result<engine::ports::results::Started, StartError>) -> bool {
    let Err(StartError::Store(error @ StoreError::Unavailable(_))) = answer else { return false };
    assert!(error.to_string().contains("is full; free some space"), "{error}");
    true
}

#[tokio::test]
async fn a_full_disk_is_said_and_work_goes_on_when_there_is_room() {
    let folder = DatabaseFolder::new();
    let (store, writer, scope) = opened(&folder).await;
    for round in 0..5 {
        leave_room(&writer, 4).await;
        let number = round * 100;
        assert!(is_full(&store.start(scope, large(number + 1)).await));
        leave_room(&writer, 100_000).await;
        store.start(scope, large(number + 2)).await.unwrap();
        let found = History::find(&store, scope, samples::id(number + 1)).await.unwrap();
        assert_eq!(found, None, "nothing of it was written");
    }
    assert_eq!(History::count(&store, scope, &ResultFilter::default()).await.unwrap(), 5);
}

/// `mount -t tmpfs -o size=6m tmpfs FOLDER` makes such a disk.
#[tokio::test]
#[ignore = "needs a disk of 6 MiB: the folder that ROPEWALK_SMALL_DISK names"]
async fn a_disk_that_is_really_full_is_no_different() {
    let folder = std::path::PathBuf::from(std::env::var_os("ROPEWALK_SMALL_DISK").unwrap());
    let store = Store::open_sqlite(folder.join("small.db")).await.unwrap();
    let scope = samples::scope(&store, 1, "acme").await;
    let ballast = folder.join("ballast");
    std::fs::write(&ballast, vec![0; 4_000_000]).unwrap();
    let (mut number, mut kept, mut full) = (0, 0, false);
    while !full {
        assert!(number < 1000, "the disk is too large for this test");
        let starts = (1..=8).map(|one| store.start(scope, large(number + one)));
        let answers = futures_util::future::join_all(starts).await;
        kept += answers.iter().filter(|answer| answer.is_ok()).count() as u64;
        full = answers.iter().any(is_full);
        number += 8;
    }
    std::fs::remove_file(&ballast).unwrap();
    for more in 1..=5 {
        store.start(scope, samples::start(number + more, "job")).await.unwrap();
    }
    let seen = History::count(&store, scope, &ResultFilter::default()).await.unwrap();
    assert_eq!(seen, kept + 5, "what was answered is there, and nothing else");
    store.close().await;
}
