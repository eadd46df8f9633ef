//! What SQLite refuses because of the disk, said so that an operator knows what to do.

use engine::ports::StoreError;
use sea_orm::{DatabaseConnection, DbErr, RuntimeErr};

/// Codes of SQLite, without what it tells beyond them.
const FULL: i32 = 13;
const CANNOT_READ_OR_WRITE: i32 = 10;
const PRIMARY: i32 = 0xff;

/// The disk stands in the way.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("the disk is full; make room, and what is asked for next works again ({0})")]
    Full(DbErr),
    #[error("the disk cannot be read or written; see to it, and try again ({0})")]
    Broken(DbErr),
}

/// Why a statement failed.
pub(crate) fn failure(error: DbErr) -> StoreError {
    let code = code(&error).map(|code| code & PRIMARY);
    crate::unavailable(match code {
        Some(FULL) => Trouble::Full(error).into(),
        Some(CANNOT_READ_OR_WRITE) => Trouble::Broken(error).into(),
        _ => Box::<dyn std::error::Error + Send + Sync>::from(error),
    })
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
