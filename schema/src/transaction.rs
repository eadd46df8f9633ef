//! A transaction of the writer: the connection, and the leases as they are within the transaction.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::ports::StoreError;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};

use crate::leases::Leases;

/// The leases of the writer. They are locked only for a moment, and never while the database is waited for.
pub(crate) type SharedLeases = Arc<Mutex<Leases>>;

/// A transaction that writes.
pub(crate) struct Transaction {
    db: DatabaseTransaction,
    leases: SharedLeases,
}

impl Transaction {
    /// Begins, and reads the leases if they are not known.
    pub async fn begin(db: &DatabaseConnection, leases: &SharedLeases) -> Result<Self, DbErr> {
        // If other processes write too, a transaction that begins as a reader may not become a writer.
        let immediate = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        let begun = Self { db: db.begin_with_options(immediate).await?, leases: Arc::clone(leases) };
        if !begun.leases().are_known() {
            let read = Leases::read(&begun.db).await?;
            *begun.leases() = read;
        }
        Ok(begun)
    }

    /// The leases, with the changes of this transaction.
    pub fn leases(&self) -> MutexGuard<'_, Leases> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the changes of leases to their table.
    pub async fn write_leases(&self) -> Result<(), StoreError> {
        let changes = self.leases().changes();
        changes.write(self).await?;
        #[cfg(debug_assertions)]
        self.check_leases().await?;
        Ok(())
    }

    /// Compares the leases with their table, unless there are many.
    #[cfg(debug_assertions)]
    async fn check_leases(&self) -> Result<(), StoreError> {
        const MOST: usize = 50;
        if self.leases().len() <= MOST {
            let stored = Leases::read(&self.db).await.map_err(crate::failed)?;
            if !self.leases().same_as(&stored) {
                // A panic would be caught, and the leases read again.
                tracing::error!(leases = ?self.leases(), ?stored, "the leases in memory are not those of the table");
                std::process::abort();
            }
        }
        Ok(())
    }

    pub async fn commit(self) -> Result<(), DbErr> {
        let committed = self.db.commit().await;
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        match &committed {
            Ok(()) => leases.commit(),
            Err(_) => leases.forget(),
        }
        committed
    }

    pub async fn rollback(self) -> Result<(), DbErr> {
        self.leases().roll_back();
        self.db.rollback().await
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.db.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.db.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.db.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.db.query_all_raw(statement).await
    }
}
