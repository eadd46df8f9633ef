//! Collections, their records, and the calls that must run only once.
//!
//! Keys start with the organization, in the tables and in what refers to them,
//! so that no row can belong to another organization than the row it hangs on.
//! Records are JSON as text. Keys and names sort by their bytes.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0003_collections"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for table in [collections(backend), collection_records(backend), collection_calls(backend)] {
            manager.create_table(table).await?;
        }
        Ok(())
    }

    /// In one transaction, even where the database does not do so by itself.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// A row for each collection, so that a collection without records exists too.
fn collections(backend: DbBackend) -> TableCreateStatement {
    let of_organization = ForeignKey::create()
        .name("collections_of_organization")
        .from("collections", "organization_id")
        .to("organizations", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .take();
    Table::create()
        .table("collections")
        .col(uuid("organization_id"))
        .col(key("name", backend))
        .primary_key(Index::create().name("collections_key").col("organization_id").col("name"))
        .foreign_key(&mut of_organization.clone())
        .take()
}

fn collection_records(backend: DbBackend) -> TableCreateStatement {
    let of_collection = ForeignKey::create()
        .name("collection_records_of_collection")
        .from("collection_records", ("organization_id", "collection"))
        .to("collections", ("organization_id", "name"))
        .on_delete(ForeignKeyAction::Cascade)
        .take();
    Table::create()
        .table("collection_records")
        .col(uuid("organization_id"))
        .col(key("collection", backend))
        .col(key("key", backend))
        .col(text("data"))
        .primary_key(Index::create().name("collection_records_key").col("organization_id").col("collection").col("key"))
        .foreign_key(&mut of_collection.clone())
        .take()
}

/// The outcome of a call that must run only once. It is removed with its job result, since the call is not repeated
/// after that; it stays when the collection is removed.
fn collection_calls(backend: DbBackend) -> TableCreateStatement {
    let of_job_result = ForeignKey::create()
        .name("collection_calls_of_job_result")
        .from("collection_calls", ("organization_id", "job_result_id"))
        .to("job_results", ("organization_id", "id"))
        .on_delete(ForeignKeyAction::Cascade)
        .take();
    Table::create()
        .table("collection_calls")
        .col(uuid("organization_id"))
        .col(uuid("job_result_id"))
        .col(key("call", backend))
        .col(text("outcome"))
        .primary_key(
            Index::create().name("collection_calls_key").col("organization_id").col("job_result_id").col("call"),
        )
        .foreign_key(&mut of_job_result.clone())
        .take()
}

fn uuid(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).uuid().not_null().take()
}

fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().take()
}

/// Keys sort by their bytes. SQLite does so by default; PostgreSQL would use the collation of the server.
fn key(name: &'static str, backend: DbBackend) -> ColumnDef {
    let mut column = text(name);
    if backend == DbBackend::Postgres {
        column.extra("COLLATE \"C\"");
    }
    column
}
