//! Deactivated organizations, who created a token and when it was last used, and the audit log.
//!
//! Keys and instants are as in the first tables. Entries of the server have a nil organization. The log of an
//! organization is not bound to its row, so that no index of organizations is touched by each entry.

use sea_orm_migration::prelude::*;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0012_administration"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            ("organizations", ColumnDef::new("deactivated_at").big_integer().null().take()),
            ("tokens", ColumnDef::new("created_by").text().null().take()),
            ("tokens", ColumnDef::new("last_used_at").big_integer().null().take()),
        ];
        for (table, column) in columns {
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        manager.create_table(audit_entries()).await?;
        let by_operation = Index::create()
            .name("audit_entries_by_operation")
            .table("audit_entries")
            .col("organization_id")
            .col("operation")
            .col("id")
            .take();
        manager.create_index(by_operation).await
    }

    /// In one transaction, even where the database does not do so by itself.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn audit_entries() -> TableCreateStatement {
    Table::create()
        .table("audit_entries")
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("at").big_integer().not_null())
        .col(ColumnDef::new("who").text().not_null())
        .col(ColumnDef::new("token_id").uuid().not_null())
        .col(ColumnDef::new("operation").text().not_null())
        .col(ColumnDef::new("target").text().not_null())
        .col(ColumnDef::new("outcome").text().not_null())
        .col(ColumnDef::new("reason").text().null())
        .primary_key(Index::create().name("audit_entries_key").col("organization_id").col("id"))
        .take()
}
