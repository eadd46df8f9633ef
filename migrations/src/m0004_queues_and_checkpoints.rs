//! Queues and priorities, results that wait for others or for a time, checkpoints, retries, and the nodes that share a
//! database.
//!
//! Keys, instants and documents are as in the first tables. A queue of all organizations has
//! the nil identity as its holder. In a job result, no `root` means the result itself, and no
//! `now` means the instant of its start: old rows stay as they are.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0004_queues_and_checkpoints"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for (table, column) in new_columns(backend) {
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        for table in [parts(), batches(), queues(backend), nodes(), leases(backend)] {
            manager.create_table(table).await?;
        }
        manager.get_connection().execute_unprepared(&move_leases(backend)).await?;
        manager.drop_table(Table::drop().table("leases").take()).await?;
        manager.rename_table(Table::rename().table("new_leases", "leases").take()).await?;
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

fn new_columns(backend: DbBackend) -> Vec<(&'static str, ColumnDef)> {
    let maybe_uuid = |name: &'static str| ColumnDef::new(name).uuid().null().take();
    vec![
        ("job_results", key("queue", backend).default("default").take()),
        ("job_results", number("priority").default(0).take()),
        ("job_results", maybe_uuid("retry_of")),
        ("job_results", maybe_uuid("root")),
        ("job_results", maybe_uuid("notice_of")),
        ("job_results", maybe_number("now")),
        ("job_results", text("templates").default("[]").take()),
        ("job_results", maybe_number("failed_line")),
        ("line_results", number("attempt").default(1).take()),
        ("line_results", maybe_number("retry_at")),
        ("job_starts", text("digest").default("").take()),
    ]
}

/// One row for each result that has not ended, and none for the others. `stands` says whether
/// the next claim may take it (`ready`), whether it waits for an earlier result of its job
/// (`behind`) or for a time (`later`), or whether `node` holds the lease `number`. While it is
/// `ahead`, later results of its job wait for it. `next_line` is the line from which it goes on;
/// `has_sets` says that there are parts or batches of it.
fn leases(backend: DbBackend) -> TableCreateStatement {
    let stands = ["ready", "behind", "later", "leased"];
    Table::create()
        .table("new_leases")
        .col(uuid("organization_id"))
        .col(uuid("job_result_id"))
        .col(number("number"))
        .col(text("stands").check(Expr::col("stands").is_in(stands)))
        .col(uuid("queue_holder"))
        .col(key("queue", backend))
        .col(number("priority"))
        .col(key("job_key", backend))
        .col(flag("ahead"))
        .col(maybe_number("ready_at"))
        .col(ColumnDef::new("node").uuid().null())
        .col(maybe_number("next_line"))
        .col(number("tries"))
        .col(flag("has_sets"))
        .col(number("strikes"))
        .col(maybe_number("struck_line"))
        .primary_key(Index::create().name("leases_key").col("organization_id").col("job_result_id"))
        .foreign_key(&mut of_job_result("leases"))
        .take()
}

/// Results that were running lose their node, so that recovery makes them wait again.
fn move_leases(backend: DbBackend) -> String {
    let nil = match backend {
        DbBackend::Postgres => "CAST('00000000-0000-0000-0000-000000000000' AS uuid)",
        _ => "zeroblob(16)",
    };
    format!(
        "INSERT INTO new_leases (organization_id, job_result_id, number, stands, queue_holder, queue, priority, \
         job_key, ahead, tries, has_sets, strikes) \
         SELECT leases.organization_id, leases.job_result_id, leases.number, \
         CASE WHEN leases.waiting THEN 'ready' ELSE 'leased' END, {nil}, 'default', 0, job_results.job_key, \
         NOT job_results.dry_run, 0, FALSE, 0 \
         FROM leases JOIN job_results ON job_results.organization_id = leases.organization_id \
         AND job_results.id = leases.job_result_id"
    )
}

/// Sets of records of a job result, in parts.
fn parts() -> TableCreateStatement {
    let kinds = ["input", "joining", "output", "rejected"];
    Table::create()
        .table("parts")
        .col(uuid("organization_id"))
        .col(uuid("job_result_id"))
        .col(number("line_no"))
        .col(text("kind").check(Expr::col("kind").is_in(kinds)))
        .col(number("part"))
        .col(text("records"))
        .primary_key(
            Index::create()
                .name("parts_key")
                .col("organization_id")
                .col("job_result_id")
                .col("line_no")
                .col("kind")
                .col("part"),
        )
        .foreign_key(&mut of_job_result("parts"))
        .take()
}

/// The outcomes of finished batches of a line.
fn batches() -> TableCreateStatement {
    Table::create()
        .table("batches")
        .col(uuid("organization_id"))
        .col(uuid("job_result_id"))
        .col(number("line_no"))
        .col(number("batch"))
        .col(text("outcome"))
        .primary_key(
            Index::create().name("batches_key").col("organization_id").col("job_result_id").col("line_no").col("batch"),
        )
        .foreign_key(&mut of_job_result("batches"))
        .take()
}

/// The queues that were set up. One of all organizations has no organization.
fn queues(backend: DbBackend) -> TableCreateStatement {
    let of_organization = ForeignKey::create()
        .name("queues_of_organization")
        .from("queues", "organization_id")
        .to("organizations", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .take();
    Table::create()
        .table("queues")
        .col(uuid("holder"))
        .col(key("key", backend))
        .col(ColumnDef::new("organization_id").uuid().null())
        .col(maybe_number("capacity"))
        .primary_key(Index::create().name("queues_key").col("holder").col("key"))
        .foreign_key(&mut of_organization.clone())
        .take()
}

/// The processes that run jobs, and their last heartbeats.
fn nodes() -> TableCreateStatement {
    Table::create().table("nodes").col(uuid("id").primary_key()).col(number("beat_at")).take()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let on = |name: &'static str, table: &'static str, columns: &[&'static str]| {
        let mut index = Index::create().name(name).table(table).take();
        for column in columns {
            index.col(*column);
        }
        index
    };
    let those_that_stand = |mut index: IndexCreateStatement, word| index.and_where(Expr::col("stands").eq(word)).take();
    let ready = Index::create()
        .name("leases_ready")
        .table("leases")
        .col("organization_id")
        .col("queue_holder")
        .col("queue")
        .col(("priority", IndexOrder::Desc))
        .col("job_result_id")
        .take();
    let of_job = ["organization_id", "job_key", "job_result_id"];
    let at_work = ["organization_id", "queue_holder", "queue", "node", "job_result_id"];
    let retries = ["organization_id", "retry_of", "id"];
    vec![
        those_that_stand(ready, "ready"),
        those_that_stand(on("leases_behind", "leases", &of_job), "behind"),
        those_that_stand(on("leases_later", "leases", &["ready_at"]), "later"),
        those_that_stand(on("leases_leased", "leases", &at_work), "leased"),
        on("leases_ahead", "leases", &of_job).and_where(Expr::col("ahead")).take(),
        on("job_results_by_retry", "job_results", &retries).and_where(Expr::col("retry_of").is_not_null()).take(),
        on("job_results_by_root", "job_results", &["organization_id", "root"])
            .and_where(Expr::col("root").is_not_null())
            .take(),
        on("queues_by_organization", "queues", &["organization_id"]),
    ]
}

fn of_job_result(table: &'static str) -> ForeignKeyCreateStatement {
    let from = if table == "leases" { "new_leases" } else { table };
    ForeignKey::create()
        .name(format!("{table}_of_job_result"))
        .from(from, ("organization_id", "job_result_id"))
        .to("job_results", ("organization_id", "id"))
        .on_delete(ForeignKeyAction::Cascade)
        .take()
}

fn uuid(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).uuid().not_null().take()
}

fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().take()
}

fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}

fn maybe_number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().null().take()
}

fn flag(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).boolean().not_null().take()
}

/// Keys sort by their bytes. SQLite does so by default; PostgreSQL would use the collation of the server.
fn key(name: &'static str, backend: DbBackend) -> ColumnDef {
    let mut column = text(name);
    if backend == DbBackend::Postgres {
        column.extra("COLLATE \"C\"");
    }
    column
}
