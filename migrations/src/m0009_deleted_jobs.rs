//! The last versions of deleted jobs, so that a new job with the same key continues their numbers.
//!
//! Keys are as in the first tables.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0009_deleted_jobs"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(deleted_jobs(manager.get_database_backend())).await
    }
}

fn deleted_jobs(backend: DbBackend) -> TableCreateStatement {
    let of_organization = ForeignKey::create()
        .name("deleted_jobs_of_organization")
        .from("deleted_jobs", "organization_id")
        .to("organizations", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .take();
    Table::create()
        .table("deleted_jobs")
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(key("key", backend).not_null())
        .col(ColumnDef::new("version").big_integer().not_null())
        .primary_key(Index::create().name("deleted_jobs_key").col("organization_id").col("key"))
        .foreign_key(&mut of_organization.clone())
        .take()
}

/// Keys sort by their bytes. SQLite does so by default; PostgreSQL would use the collation of the server.
fn key(name: &'static str, backend: DbBackend) -> ColumnDef {
    let mut column = ColumnDef::new(name).text().take();
    if backend == DbBackend::Postgres {
        column.extra("COLLATE \"C\"");
    }
    column
}
