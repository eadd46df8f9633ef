//! What SQLite refuses because of the disk, said so that an operator knows what to do.

use engine::ports::StoreError;
use engine::ports::trouble::{Obstacle, Trouble};
use sea_orm::{DatabaseConnection, DbErr, RuntimeErr};

/// Codes of SQLite, without what it tells beyond them.
const FULL: i32 = 13;
const CANNOT_READ_OR_WRITE: i32 = 10;
const PRIMARY: i32 = 0xff;

/// Why a statement failed.
pub(crate) fn failure(error: DbErr) -> StoreError {
    let code = code(&error).map(|code| code & PRIMARY);
    let obstacle = match code {
        Some(FULL) => Obstacle::DiskFull,
        Some(CANNOT_READ_OR_WRITE) => Obstacle::DiskBroken,
        _ => return crate::unavailable(error),
    };
    crate::unavailable(Trouble { obstacle, cause: error.into() })
}

/// Replaces the connection of the writer, whatever transaction it was in.
pub(crate) async fn reconnect(db: &DatabaseConnection) {
    let closed = match db.get_sqlite_connection_pool().acquire().await {
        Ok(connection) => connection.close().await,
        Err(error) => Err(error),
    };
    if let Err(error) = closed {
        tracing::warn!(%error, "a connection to the database was given up and did not close");
    }
}

fn code(error: &DbErr) -> Option<i32> {
    let (DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause)) = error else { return None };
    let RuntimeErr::SqlxError(cause) = cause else { return None };
    cause.as_database_error()?.code()?.parse().ok()
}
