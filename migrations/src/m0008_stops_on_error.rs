//! From now on jobs stop on their first error unless they say otherwise. Before, the default was the opposite, so the
//! versions that were saved without the field get it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0008_stops_on_error"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let silent = match manager.get_database_backend() {
            DbBackend::Postgres => "(document::jsonb -> 'stopsOnError') IS NULL",
            _ => "json_type(document, '$.stopsOnError') IS NULL",
        };
        for table in ["jobs", "job_versions"] {
            // Every document is an object that was written without white space and has a key, so the
            // field can be put in front of the others. They stay as they are, to the byte.
            let statement = format!(
                "UPDATE {table} SET document = '{{\"stopsOnError\":false,' || substr(document, 2) WHERE {silent}"
            );
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    /// In one transaction, even where the database does not do so by itself.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
