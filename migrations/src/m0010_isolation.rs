//! Results that ran during several crashes are isolated: they run alone on their node. `crashes` counts crashes while
//! other results ran too, `strikes` and `struck_line` are about crashes while the result ran alone.
//!
//! The strikes of older versions were crashes while other results ran too.

use sea_orm_migration::prelude::*;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0010_isolation"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let crashes = ColumnDef::new("crashes").big_integer().not_null().default(0).take();
        let isolated_until = ColumnDef::new("isolated_until").big_integer().null().take();
        for column in [crashes, isolated_until] {
            manager.alter_table(Table::alter().table("leases").add_column(column).take()).await?;
        }
        let statement = "UPDATE leases SET crashes = strikes, strikes = 0, struck_line = NULL WHERE strikes > 0";
        manager.get_connection().execute_unprepared(statement).await?;
        let isolated = Index::create()
            .name("leases_isolated")
            .table("leases")
            .col("strikes")
            .col("job_result_id")
            .and_where(Expr::col("isolated_until").is_not_null())
            .take();
        manager.create_index(isolated).await
    }

    /// In one transaction, even where the database does not do so by itself.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
