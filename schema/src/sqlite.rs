//! Everything special to SQLite: how a file is opened, synced and locked.

mod beside;
mod check;
pub(crate) mod json;
mod permissions;
mod trouble;

pub use beside::add_token_beside;
pub use check::check_pages;
pub(crate) use trouble::{failure, reconnect};

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use migrations::Migrations;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, EntityTrait, Statement};
use sea_orm_migration::{MigratorTrait, SchemaManager, seaql_migrations};

/// Older versions can corrupt a database in WAL mode with several connections.
const OLDEST_SQLITE: [u32; 3] = [3, 51, 3];
/// Reads are short, so more readers would only wait for processors.
const READERS: u32 = 4;
/// Prepared statements that a connection keeps. A statement has a variant for each length of its lists.
const STATEMENTS: usize = 512;
/// How long a connection waits while another one has the file locked.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("the database {} is in use by another process; stop that one first, or use another data directory", .0.display())]
    InUse(PathBuf),
    /// A newer version of the program made it.
    #[error("the database {} was made by a newer version of ropewalk (it has `{change}`, which this version does not know); use that version or a newer one", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The change of tables that this version does not know.
        change: String,
    },
    /// An older version of the program made it.
    #[error("the database {} was made by an older version of ropewalk; start the server with this version first", .0.display())]
    Older(PathBuf),
    /// The SQLite that the program is linked with is too old.
    #[error("SQLite {0} can damage databases like this one; build ropewalk with SQLite 3.51.3 or newer")]
    OldSqlite(String),
    /// The lock file beside the database cannot be used.
    #[error("the file {} cannot be written; it must be in a folder where ropewalk may write", .path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// SQLite refused.
    #[error("the database {} cannot be opened: {}", .path.display(), trouble::refusal(.cause))]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        cause: DbErr,
    },
}

/// An open database.
pub(crate) struct Opened {
    /// The lock file, locked while it is open; none if other processes may open the database.
    pub lock: Option<File>,
    /// The only connection that writes.
    pub writer: DatabaseConnection,
    /// Connections that only read.
    pub readers: DatabaseConnection,
}

/// Whether other processes may open the file too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    Alone,
    WithOthers,
}

pub(crate) async fn open(path: &Path, sharing: Sharing) -> Result<Opened, OpenError> {
    // A link to a database must use the same lock as the database itself.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let lock = if sharing == Sharing::Alone { Some(lock(&path)?) } else { None };
    permissions::restrict_files(&path);
    let refused = |cause| OpenError::Database { path: path.clone(), cause };
    let writer = connect(&path, Use::Write).await.map_err(refused)?;
    check_version(&version(&writer).await.map_err(refused)?)?;
    if let Some(change) = unknown_change(&writer).await.map_err(refused)? {
        return Err(OpenError::Newer { path, change });
    }
    Migrations::up(&writer, None).await.map_err(refused)?;
    let readers = connect(&path, Use::Read).await.map_err(refused)?;
    Ok(Opened { lock, writer, readers })
}

/// The lock file beside a database.
fn lock_of(database: &Path) -> PathBuf {
    let mut name = OsString::from(database);
    name.push(".lock");
    PathBuf::from(name)
}

/// Locks the database: a second node would claim the results that the first one runs.
fn lock(database: &Path) -> Result<File, OpenError> {
    let path = lock_of(database);
    let opened = permissions::options().create(true).truncate(false).write(true).open(&path);
    let file = match opened {
        Ok(file) => file,
        Err(cause) => return Err(OpenError::Lock { path, cause }),
    };
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(database.to_owned())),
        Err(TryLockError::Error(cause)) => Err(OpenError::Lock { path, cause }),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Use {
    Read,
    Write,
}

async fn connect(path: &Path, purpose: Use) -> Result<DatabaseConnection, DbErr> {
    let path = path.to_owned();
    // The URL only names the kind of database. The path is set below, since it may have any character.
    let mut options = ConnectOptions::new("sqlite:file");
    options
        .max_connections(if purpose == Use::Write { 1 } else { READERS })
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |_| pragmas(&path, purpose));
    Database::connect(options).await
}

fn pragmas(path: &Path, purpose: Use) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .statement_cache_capacity(STATEMENTS)
        .create_if_missing(purpose == Use::Write)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT);
    match purpose {
        Use::Write => options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full),
        Use::Read => options.pragma("query_only", "ON"),
    }
}

async fn version(db: &DatabaseConnection) -> Result<String, DbErr> {
    let statement = Statement::from_string(db.get_database_backend(), "SELECT sqlite_version() AS version");
    let row = db.query_one_raw(statement).await?;
    row.map_or(Ok(String::new()), |row| row.try_get("", "version"))
}

/// The version of SQLite that the program is linked with.
///
/// # Errors
/// When SQLite does not answer.
pub async fn sqlite_version() -> Result<String, DbErr> {
    version(&Database::connect("sqlite::memory:").await?).await
}

/// Whether a process has locked this database.
pub fn is_in_use(database: &Path) -> bool {
    let file = File::open(lock_of(database));
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn check_version(version: &str) -> Result<(), OpenError> {
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    let found = [(); 3].map(|()| numbers.next().unwrap_or(0));
    if found < OLDEST_SQLITE { Err(OpenError::OldSqlite(version.to_owned())) } else { Ok(()) }
}

/// A migration of this database that the program does not know.
async fn unknown_change(db: &DatabaseConnection) -> Result<Option<String>, DbErr> {
    if !SchemaManager::new(db).has_table("seaql_migrations").await? {
        return Ok(None);
    }
    let known = Migrations::names();
    let applied = seaql_migrations::Entity::find().all(db).await?;
    Ok(applied.into_iter().map(|change| change.version).find(|name| !known.contains(name)))
}

/// Whether the connection of the writer syncs when it commits, which is the default. A later commit that syncs makes
/// earlier ones durable too, since all are in the same file.
#[derive(Debug, Default)]
pub(crate) struct Syncing {
    off: bool,
}

impl Syncing {
    /// Sets whether the next commit syncs. Only to be called between transactions.
    pub async fn set(&mut self, db: &DatabaseConnection, durable: bool) -> Result<(), DbErr> {
        if self.off == durable {
            let level = if durable { "FULL" } else { "NORMAL" };
            db.execute_unprepared(&format!("PRAGMA synchronous = {level}")).await?;
            self.off = !durable;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_sqlite_is_refused() {
        for old in ["3.51.2", "3.50.9", "2.99.99", "", "unknown"] {
            assert!(matches!(check_version(old), Err(OpenError::OldSqlite(_))), "{old}");
        }
        for good in ["3.51.3", "3.51.10", "3.52.0", "4.0.0"] {
            assert!(check_version(good).is_ok(), "{good}");
        }
    }

    async fn level(db: &DatabaseConnection) -> i32 {
        let statement = Statement::from_string(db.get_database_backend(), "PRAGMA synchronous");
        db.query_one_raw(statement).await.unwrap().unwrap().try_get("", "synchronous").unwrap()
    }

    #[tokio::test]
    async fn a_durable_commit_always_syncs() {
        const FULL: i32 = 2;
        let folder = tempfile::TempDir::new().unwrap();
        let db = open(&folder.path().join("a.db"), Sharing::Alone).await.unwrap().writer;
        assert_eq!(level(&db).await, FULL, "it is the default");
        let mut syncing = Syncing::default();
        for durable in [true, false, false, true, true, false, true] {
            syncing.set(&db, durable).await.unwrap();
            assert_eq!(level(&db).await == FULL, durable);
        }
    }
}
