//! Schedules, and where job results come from: which schedule, for which instant, and which
//! other result started them.
//!
//! Keys, instants and documents are as in the first tables.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0006_schedules"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for column in new_columns(backend) {
            manager.alter_table(Table::alter().table("job_results").add_column(column).take()).await?;
        }
        manager.create_table(schedules(backend)).await?;
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

/// A result of a schedule has `schedule` and `scheduled_at`. One that another started names it.
fn new_columns(backend: DbBackend) -> Vec<ColumnDef> {
    vec![
        key("schedule", backend).null().take(),
        maybe_number("scheduled_at"),
        ColumnDef::new("started_from").uuid().null().take(),
        number("depth").default(0).take(),
    ]
}

/// `document` is the schedule. The rest is its position: it is armed for `next_at`, due at `due_at`, or waits for the
/// end of the job result `awaits`.
fn schedules(backend: DbBackend) -> TableCreateStatement {
    let of_job = ForeignKey::create()
        .name("schedules_of_job")
        .from("schedules", ("organization_id", "job_key"))
        .to("jobs", ("organization_id", "key"))
        .on_delete(ForeignKeyAction::Cascade)
        .take();
    Table::create()
        .table("schedules")
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("id").uuid().not_null())
        .col(key("job_key", backend).not_null())
        .col(key("key", backend).not_null())
        .col(ColumnDef::new("document").text().not_null())
        .col(number("anchor_at"))
        .col(number("handled_at"))
        .col(number("fired"))
        .col(maybe_number("next_at"))
        .col(maybe_number("due_at"))
        .col(ColumnDef::new("awaits").uuid().null())
        .col(number("revision"))
        .primary_key(Index::create().name("schedules_key").col("organization_id").col("id"))
        .foreign_key(&mut of_job.clone())
        .take()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let on = |name: &'static str, table: &'static str, columns: &[&'static str]| {
        let mut index = Index::create().name(name).table(table).take();
        for column in columns {
            index.col(*column);
        }
        index
    };
    let instants = ["organization_id", "job_key", "schedule", "scheduled_at"];
    let once = Expr::col("schedule").is_not_null().and(Expr::col("retry_of").is_null());
    let started = ["organization_id", "started_from", "id"];
    vec![
        on("job_results_by_schedule", "job_results", &instants).unique().and_where(once).take(),
        on("job_results_by_origin", "job_results", &started).and_where(Expr::col("started_from").is_not_null()).take(),
        on("schedules_by_job", "schedules", &["organization_id", "job_key", "key"]).unique().take(),
        on("schedules_due", "schedules", &["due_at", "id"]).and_where(Expr::col("due_at").is_not_null()).take(),
        on("schedules_awaiting", "schedules", &["organization_id", "awaits"])
            .and_where(Expr::col("awaits").is_not_null())
            .take(),
    ]
}

fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}

fn maybe_number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().null().take()
}

/// Keys sort by their bytes. SQLite does so by default; PostgreSQL would use the collation of the server.
fn key(name: &'static str, backend: DbBackend) -> ColumnDef {
    let mut column = ColumnDef::new(name).text().take();
    if backend == DbBackend::Postgres {
        column.extra("COLLATE \"C\"");
    }
    column
}
