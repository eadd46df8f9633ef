//! Organizations, tokens, jobs and their versions, job results with what belongs
//! to them, and leases.
//!
//! Keys start with the organization, in the tables and in what refers to them,
//! so that no row can belong to another organization than the row it hangs on.
//! Instants are microseconds since 1970 in UTC. Documents are JSON as text.
//! Counts are 64 bits wide.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0001_first_tables"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for table in [
            organizations(backend),
            tokens(),
            jobs(backend),
            job_versions(backend),
            job_results(backend),
            job_inputs(),
            line_results(),
            leases(),
        ] {
            manager.create_table(table).await?;
        }
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

fn organizations(backend: DbBackend) -> TableCreateStatement {
    Table::create()
        .table("organizations")
        .col(uuid("id").primary_key())
        .col(key("key", backend).unique_key())
        .col(text("name"))
        .col(text("time_zone"))
        .take()
}

/// A token for the server has neither organization nor role.
fn tokens() -> TableCreateStatement {
    let both_or_none = Expr::col("organization_id").is_null().eq(Expr::col("role").is_null());
    Table::create()
        .table("tokens")
        .col(uuid("id").primary_key())
        .col(text("name"))
        .col(ColumnDef::new("hash").binary_len(32).not_null())
        .col(ColumnDef::new("organization_id").uuid().null())
        .col(one_of(ColumnDef::new("role").text().null(), "role", &["viewer", "operator", "editor", "admin"]))
        .col(maybe_number("expires_at"))
        .col(number("created_at"))
        .check(both_or_none)
        .foreign_key(&mut of_organization("tokens"))
        .take()
}

/// Each row is the newest version of its job, as it also stands in `job_versions`:
/// a listing needs no more than this table.
fn jobs(backend: DbBackend) -> TableCreateStatement {
    Table::create()
        .table("jobs")
        .col(uuid("organization_id"))
        .col(key("key", backend))
        .col(number("version"))
        .col(text("name"))
        .col(text("document"))
        .col(number("saved_at"))
        .col(text("saved_by"))
        .primary_key(Index::create().name("jobs_key").col("organization_id").col("key"))
        .foreign_key(&mut of_organization("jobs"))
        .take()
}

fn job_versions(backend: DbBackend) -> TableCreateStatement {
    let of_job = ForeignKey::create()
        .name("job_versions_of_job")
        .from("job_versions", ("organization_id", "job_key"))
        .to("jobs", ("organization_id", "key"))
        .on_delete(ForeignKeyAction::Cascade)
        .take();
    Table::create()
        .table("job_versions")
        .col(uuid("organization_id"))
        .col(key("job_key", backend))
        .col(number("version"))
        .col(text("name"))
        .col(text("document"))
        .col(number("saved_at"))
        .col(text("saved_by"))
        .primary_key(Index::create().name("job_versions_key").col("organization_id").col("job_key").col("version"))
        .foreign_key(&mut of_job.clone())
        .take()
}

/// Names its job without referring to it: the history outlives the job.
fn job_results(backend: DbBackend) -> TableCreateStatement {
    Table::create()
        .table("job_results")
        .col(uuid("organization_id"))
        .col(uuid("id"))
        .col(key("job_key", backend))
        .col(number("version"))
        .col(maybe_text("title"))
        .col(one_of(
            &mut text("status"),
            "status",
            &["pending", "running", "success", "info", "warning", "error", "killed"],
        ))
        .col(text("message"))
        .col(text("started_by"))
        .col(text("arguments"))
        .col(maybe_number("since"))
        .col(number("created_at"))
        .col(maybe_number("started_at"))
        .col(maybe_number("finished_at"))
        .col(number("attempt"))
        .col(number("records_in"))
        .col(number("records_out"))
        .col(number("records_rejected"))
        .col(text("modules"))
        .primary_key(Index::create().name("job_results_key").col("organization_id").col("id"))
        .foreign_key(&mut of_organization("job_results"))
        .take()
}

/// The records that a start brought, apart so that results stay small. A start
/// without records has no row.
fn job_inputs() -> TableCreateStatement {
    Table::create()
        .table("job_inputs")
        .col(uuid("organization_id"))
        .col(uuid("job_result_id"))
        .col(text("records"))
        .primary_key(Index::create().name("job_inputs_key").col("organization_id").col("job_result_id"))
        .foreign_key(&mut of_job_result("job_inputs"))
        .take()
}

fn line_results() -> TableCreateStatement {
    let statuses = ["pending", "running", "skipped", "success", "info", "warning", "error", "killed"];
    Table::create()
        .table("line_results")
        .col(uuid("organization_id"))
        .col(uuid("job_result_id"))
        .col(number("line_no"))
        .col(maybe_text("name"))
        .col(one_of(&mut text("kind"), "kind", &["filter", "action"]))
        .col(maybe_text("action"))
        .col(one_of(&mut text("status"), "status", &statuses))
        .col(text("message"))
        .col(maybe_number("started_at"))
        .col(maybe_number("finished_at"))
        .col(number("records_in"))
        .col(number("records_out"))
        .col(number("records_rejected"))
        .col(text("parameters"))
        .col(text("sample"))
        .col(ColumnDef::new("sample_cut").boolean().not_null())
        .col(text("rejected"))
        .col(text("log"))
        .primary_key(
            Index::create().name("line_results_key").col("organization_id").col("job_result_id").col("line_no"),
        )
        .foreign_key(&mut of_job_result("line_results"))
        .take()
}

/// One row for each result that has not ended, and none for the others: claims
/// and checks of leases stay as quick as the history grows. `waiting` says that
/// the next claim may take it; otherwise a worker holds the lease `number`.
fn leases() -> TableCreateStatement {
    Table::create()
        .table("leases")
        .col(uuid("organization_id"))
        .col(uuid("job_result_id"))
        .col(number("number"))
        .col(ColumnDef::new("waiting").boolean().not_null())
        .primary_key(Index::create().name("leases_key").col("organization_id").col("job_result_id"))
        .foreign_key(&mut of_job_result("leases"))
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
    vec![
        on("leases_waiting", "leases", &["job_result_id", "organization_id"]).and_where(Expr::col("waiting")).take(),
        on("job_results_by_job", "job_results", &["organization_id", "job_key", "id"]),
        on("job_results_by_status", "job_results", &["organization_id", "status", "id"]),
        on("job_results_by_job_and_status", "job_results", &["organization_id", "job_key", "status", "id"]),
        on("tokens_by_organization", "tokens", &["organization_id"]),
    ]
}

fn of_organization(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("{table}_of_organization"))
        .from(table, "organization_id")
        .to("organizations", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .take()
}

fn of_job_result(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("{table}_of_job_result"))
        .from(table, ("organization_id", "job_result_id"))
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

fn maybe_text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().null().take()
}

fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}

fn maybe_number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().null().take()
}

/// Keys sort by their bytes. SQLite does so by default; PostgreSQL would use the collation of the server.
fn key(name: &'static str, backend: DbBackend) -> ColumnDef {
    let mut column = text(name);
    if backend == DbBackend::Postgres {
        column.extra("COLLATE \"C\"");
    }
    column
}

/// A column that holds one of a few words.
fn one_of(column: &mut ColumnDef, name: &'static str, words: &[&'static str]) -> ColumnDef {
    column.check(Expr::col(name).is_in(words.iter().copied())).take()
}
