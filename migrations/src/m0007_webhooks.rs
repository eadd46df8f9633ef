//! Webhooks: secret addresses that start jobs.
//!
//! Keys and instants are as in the first tables.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0007_webhooks"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(webhooks(manager.get_database_backend())).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    /// In one transaction, even where the database does not do so by itself.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// `takes` is `records` or `arguments`. `hash` is the hash of the secret of the token; `sealed` is the signing secret
/// of a signed webhook, encrypted with the token.
fn webhooks(backend: DbBackend) -> TableCreateStatement {
    let of_job = ForeignKey::create()
        .name("webhooks_of_job")
        .from("webhooks", ("organization_id", "job_key"))
        .to("jobs", ("organization_id", "key"))
        .on_delete(ForeignKeyAction::Cascade)
        .take();
    Table::create()
        .table("webhooks")
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("id").uuid().not_null())
        .col(key("job_key", backend).not_null())
        .col(key("key", backend).not_null())
        .col(ColumnDef::new("takes").text().not_null())
        .col(ColumnDef::new("hash").blob().not_null())
        .col(ColumnDef::new("sealed").blob().null())
        .col(ColumnDef::new("created_at").big_integer().not_null())
        .col(ColumnDef::new("created_by").text().not_null())
        .col(ColumnDef::new("last_used_at").big_integer().null())
        .primary_key(Index::create().name("webhooks_key").col("organization_id").col("id"))
        .foreign_key(&mut of_job.clone())
        .take()
}

/// A message names a webhook by its token, without its organization, so the id alone must find it.
fn indexes() -> [IndexCreateStatement; 2] {
    let mut by_job = Index::create().name("webhooks_by_job").table("webhooks").unique().take();
    for column in ["organization_id", "job_key", "key"] {
        by_job.col(column);
    }
    [by_job, Index::create().name("webhooks_by_id").table("webhooks").col("id").unique().take()]
}

/// Keys sort by their bytes. SQLite does so by default; PostgreSQL would use the collation of the server.
fn key(name: &'static str, backend: DbBackend) -> ColumnDef {
    let mut column = ColumnDef::new(name).text().take();
    if backend == DbBackend::Postgres {
        column.extra("COLLATE \"C\"");
    }
    column
}
