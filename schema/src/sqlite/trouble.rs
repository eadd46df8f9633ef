//! Explains errors of SQLite and of the disk, so that an operator knows what to do.

use engine::ports::StoreError;
use engine::ports::trouble::{Obstacle, Trouble};
use sea_orm::{DatabaseConnection, DbErr, RuntimeErr};

/// Primary result codes of SQLite.
const FULL: i32 = 13;
const CANNOT_READ_OR_WRITE: i32 = 10;
const NO_PERMISSION: i32 = 3;
const READ_ONLY: i32 = 8;
const DAMAGED: i32 = 11;
const CANNOT_OPEN: i32 = 14;
const NO_DATABASE: i32 = 26;
const PRIMARY: i32 = 0xff;

/// Converts the error of a statement; a known obstacle is named.
pub(crate) fn failure(error: DbErr) -> StoreError {
    let code = code(&error).map(|code| code & PRIMARY);
    let obstacle = match code {
        Some(FULL) => Obstacle::DiskFull,
        Some(CANNOT_READ_OR_WRITE) => Obstacle::DiskBroken,
        _ => return crate::unavailable(error),
    };
    crate::unavailable(Trouble { obstacle, cause: error.into() })
}

/// Whether SQLite found that the file is damaged.
pub(super) fn is_damage(error: &DbErr) -> bool {
    matches!(code(error).map(|code| code & PRIMARY), Some(DAMAGED | NO_DATABASE))
}

/// Why SQLite does not read a database, and what to do about it.
pub(super) fn refusal(error: &DbErr) -> String {
    let reason = match code(error).map(|code| code & PRIMARY) {
        Some(NO_DATABASE) => {
            "it is not an SQLite database, or its beginning is damaged; restore it from a backup, or move it and the \
             files beside it to another folder, and the server creates an empty one"
        }
        Some(DAMAGED) => {
            "it is damaged; keep a copy of the data folder and restore the database from a backup, or save what can \
             be read with `sqlite3 ropewalk.db .recover | sqlite3 recovered.db`; `ropewalk doctor` says what is damaged"
        }
        Some(CANNOT_OPEN | NO_PERMISSION | READ_ONLY) => {
            "the file is not there, or may not be read and written; the file, the files beside it and their folder must belong to \
             the user that runs ropewalk (chown), on a file system that is not read-only"
        }
        Some(FULL) => "the disk is full; make room on it",
        Some(CANNOT_READ_OR_WRITE) => "the disk cannot be read or written; see the log of the system",
        _ => return error.to_string(),
    };
    format!("{reason} (SQLite says: {error})")
}

/// Replaces the connection of the writer, whatever transaction it was in.
pub(crate) async fn reconnect(db: &DatabaseConnection) {
    let closed = match db.get_sqlite_connection_pool().acquire().await {
        Ok(connection) => connection.close().await,
        Err(error) => Err(error),
    };
    if let Err(error) = closed {
        tracing::warn!(%error, "a connection to the database that was replaced did not close");
    }
}

fn code(error: &DbErr) -> Option<i32> {
    let (DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause)) = error else { return None };
    let RuntimeErr::SqlxError(cause) = cause else { return None };
    cause.as_database_error()?.code()?.parse().ok()
}
