//! Opening, closing and opening again.

use std::path::Path;
use std::process::Command;

use engine::ports::StoreError;
use engine::ports::organizations::Organizations;
use sea_orm::sea_query::Query;
use sea_orm::{ConnectionTrait, Database, Statement};
use suite::history::{everything, play};

use super::DatabaseFolder;
use crate::sqlite::{self, Sharing};
use crate::{OpenError, Store, check_pages};

/// Tells the child process of a test which database to open.
const CHILD: &str = "ROPEWALK_TEST_OPEN";

#[tokio::test]
async fn a_reopened_file_has_kept_everything() {
    let path = DatabaseFolder::new();
    let file = path.path();
    let store = Store::open_sqlite(&file).await.unwrap();
    let moves: Vec<_> = (0..200_u8).map(|n| [n, n.wrapping_mul(7), n.wrapping_mul(13), n.wrapping_mul(29)]).collect();
    play(&store, &moves).await;
    let before = everything(&store).await;
    assert!(before.len() > 10_000, "there should be something to keep");
    store.close().await;
    let again = Store::open_sqlite(&file).await.unwrap();
    assert_eq!(everything(&again).await, before);
}

#[tokio::test]
async fn a_closed_store_is_unavailable() {
    let folder = DatabaseFolder::new();
    let store = folder.store().await;
    store.close().await;
    store.close().await;
    assert!(matches!(store.list(None, 10).await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn a_file_is_open_once() {
    let folder = DatabaseFolder::new();
    let path = folder.path();
    let store = Store::open_sqlite(&path).await.unwrap();
    let second = Store::open_sqlite(&path).await.unwrap_err();
    assert!(matches!(&second, OpenError::InUse(named) if *named == path), "{second}");
    assert!(second.to_string().contains("in use by another process"), "{second}");
    store.close().await;
    Store::open_sqlite(&path).await.unwrap();
}

#[tokio::test]
async fn another_process_is_told_that_the_file_is_in_use() {
    let folder = DatabaseFolder::new();
    let path = folder.path();
    let store = Store::open_sqlite(&path).await.unwrap();
    let while_open = open_in_another_process(&path);
    assert!(while_open.contains("is in use by another process"), "{while_open}");
    store.close().await;
    let when_closed = open_in_another_process(&path);
    assert!(when_closed.contains("it opened"), "{when_closed}");
}

/// Runs this very test program, for the one test below.
fn open_in_another_process(path: &Path) -> String {
    let this = std::env::current_exe().unwrap();
    let child = Command::new(this)
        .args(["--exact", "tests::opening::the_other_process", "--nocapture"])
        .env(CHILD, path)
        .output()
        .unwrap();
    String::from_utf8_lossy(&child.stdout).into_owned()
}

/// Does nothing unless it is the child of the test above.
#[tokio::test]
async fn the_other_process() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    match Store::open_sqlite(path).await {
        Ok(_) => println!("it opened"),
        Err(error) => println!("{error}"),
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let folder = DatabaseFolder::new();
    let path = folder.folder.path().join("newer.db");
    Store::open_sqlite(&path).await.unwrap().close().await;
    let db = Database::connect(format!("sqlite:{}", path.display())).await.unwrap();
    let newer = Query::insert()
        .into_table("seaql_migrations")
        .columns(["version", "applied_at"])
        .values_panic(["m9999_from_afar".into(), 0.into()])
        .to_owned();
    db.execute(&newer).await.unwrap();
    db.close().await.unwrap();
    let refused = Store::open_sqlite(&path).await.unwrap_err().to_string();
    assert!(refused.contains("newer version of ropewalk") && refused.contains("m9999_from_afar"), "{refused}");
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let folder = DatabaseFolder::new();
    let path = folder.path();
    std::fs::write(&path, "a letter, and a long one: ".repeat(100)).unwrap();
    let refused = Store::open_sqlite(&path).await.unwrap_err();
    assert!(matches!(refused, OpenError::Database { .. }), "{refused}");
    let told = refused.to_string();
    assert!(told.contains("not an SQLite database") && told.contains("restore it from a backup"), "{told}");
    let nowhere = folder.folder.path().join("no/such/folder.db");
    let refused = Store::open_sqlite(&nowhere).await.unwrap_err();
    assert!(matches!(refused, OpenError::Lock { .. }), "{refused}");
}

/// Writes over the middle of a page, as a failing disk or a careless copy does.
fn damage(path: &Path, page: u64) {
    use std::io::{Seek, SeekFrom, Write};
    const PAGE_BYTES: u64 = 4096;
    let mut file = std::fs::File::options().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start((page - 1) * PAGE_BYTES)).unwrap();
    file.write_all(&[0xa5; PAGE_BYTES as usize]).unwrap();
}

async fn database_with_history(path: &Path) -> Store {
    let store = Store::open_sqlite(path).await.unwrap();
    let moves: Vec<_> = (0..50_u8).map(|n| [n, n.wrapping_mul(7), n.wrapping_mul(13), n.wrapping_mul(29)]).collect();
    play(&store, &moves).await;
    store
}

#[tokio::test]
async fn a_damaged_page_is_found_while_others_work() {
    let folder = DatabaseFolder::new();
    let path = folder.path();
    database_with_history(&path).await.close().await;
    let store = Store::open_sqlite(&path).await.unwrap();
    assert_eq!(check_pages(&path).await, Ok(vec![]));
    let pages = std::fs::metadata(&path).unwrap().len() / 4096;
    damage(&path, pages - 2);
    let faults = check_pages(&path).await.unwrap();
    assert!(faults.iter().any(|fault| fault.starts_with("table ")), "{faults:?}");
    store.close().await;
}

#[tokio::test]
async fn a_damaged_database_says_what_to_do() {
    let folder = DatabaseFolder::new();
    let path = folder.path();
    database_with_history(&path).await.close().await;
    let pages = std::fs::metadata(&path).unwrap().len() / 4096;
    (2..=pages).for_each(|page| damage(&path, page));
    let told = Store::open_sqlite(&path).await.unwrap_err().to_string();
    assert!(told.contains("it is damaged") && told.contains(".recover"), "{told}");
    let faults = check_pages(&path).await.unwrap();
    assert!(faults.iter().any(|fault| fault.contains("damaged")), "{faults:?}");
    let absent = check_pages(&folder.folder.path().join("absent.db")).await.unwrap_err();
    assert!(absent.contains("is not there, or may not be read"), "{absent}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_of_a_database_are_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = DatabaseFolder::new();
    let path = folder.path();
    let open = |file: &Path| std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let files = || std::fs::read_dir(path.parent().unwrap()).unwrap().map(|file| file.unwrap().path());
    Store::open_sqlite(&path).await.unwrap().close().await;
    files().for_each(|file| open(&file));
    let store = Store::open_sqlite(&path).await.unwrap();
    assert!(files().count() >= 4, "{:?}", files().collect::<Vec<_>>());
    for file in files() {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.display());
    }
    store.close().await;
}

#[tokio::test]
async fn sqlite_is_built_as_the_configuration_says() {
    let path = DatabaseFolder::new();
    let db = sqlite::open(&path.path(), Sharing::Alone).await.unwrap().readers;
    for option in ["ENABLE_QPSG", "DEFAULT_MEMSTATUS=0"] {
        let sql = format!("SELECT sqlite_compileoption_used('{option}') AS used");
        let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().unwrap();
        assert_eq!(row.try_get::<i64>("", "used").unwrap(), 1, "{option}: see .cargo/config.toml");
    }
}
