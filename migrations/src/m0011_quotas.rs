//! The quotas of organizations, where they differ from the defaults.

use sea_orm_migration::prelude::*;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0011_quotas"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let quotas = Table::alter().table("organizations").add_column(ColumnDef::new("quotas").text().null()).take();
        manager.alter_table(quotas).await
    }
}
