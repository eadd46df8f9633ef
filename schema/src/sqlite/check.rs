//! Reads every page of a database, to find pages that a disk or a careless copy has damaged.

use std::path::Path;
use std::time::Duration;

use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, Statement};

use super::{BUSY_TIMEOUT, trouble};

/// How many faults of one table are listed; a damaged page often has many.
const MAX_FAULTS: usize = 20;
/// How long a check pauses after each table, so that it does not slow down the server.
const PAUSE: Duration = Duration::from_millis(50);

/// Reads all pages of a database with `PRAGMA quick_check`, table by table, over its own connection. Returns the
/// damaged places. The database may be in use meanwhile.
///
/// # Errors
/// The reason why the database cannot be read at all, if that is not damage.
pub async fn check_pages(path: &Path) -> Result<Vec<String>, String> {
    let found = match connect(path).await {
        Ok(db) => {
            let found = check(&db).await;
            // The connection only read.
            let _ = db.close().await;
            found
        }
        Err(error) => Err(error),
    };
    match found {
        Err(error) if trouble::is_damage(&error) => Ok(vec![trouble::refusal(&error)]),
        found => found.map_err(|error| trouble::refusal(&error)),
    }
}

async fn connect(path: &Path) -> Result<DatabaseConnection, DbErr> {
    let path = path.to_owned();
    let mut options = ConnectOptions::new("sqlite:file");
    options.max_connections(1).sqlx_logging(false).map_sqlx_sqlite_opts(move |_| {
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(false).busy_timeout(BUSY_TIMEOUT);
        options.pragma("query_only", "ON")
    });
    Database::connect(options).await
}

async fn check(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let mut faults = Vec::new();
    for table in texts(db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").await? {
        let pragma = format!("PRAGMA quick_check('{}')", table.replace('\'', "''"));
        match texts(db, &pragma).await {
            Ok(lines) => {
                let damaged = lines.into_iter().filter(|line| line != "ok").take(MAX_FAULTS);
                faults.extend(damaged.map(|line| format!("table {table}: {}", line.replace('\n', "; "))));
            }
            Err(error) if trouble::is_damage(&error) => {
                faults.push(format!("table {table}: {}", trouble::refusal(&error)))
            }
            Err(error) => return Err(error),
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(faults)
}

async fn texts(db: &DatabaseConnection, sql: &str) -> Result<Vec<String>, DbErr> {
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    rows.into_iter().map(|row| row.try_get_by_index(0)).collect()
}
