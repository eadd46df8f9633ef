//! Installed modules with their components and grants, uploads, the versions of modules that jobs run with, dry runs,
//! effects, and starts with idempotency keys.
//!
//! Keys, instants and documents are as in the first tables. A module of all
//! organizations has the nil identity as its holder.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0002_modules"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for table in
            [components(), modules(backend), module_grants(backend), uploads(), job_modules(backend), job_starts()]
        {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        for (table, column) in new_columns() {
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        Ok(())
    }

    /// In one transaction, even where the database does not do so by itself.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn new_columns() -> [(&'static str, ColumnDef); 4] {
    let empty_list = |name: &'static str| text(name).default("[]").take();
    [
        ("jobs", empty_list("pins")),
        ("job_versions", empty_list("pins")),
        ("job_results", ColumnDef::new("dry_run").boolean().not_null().default(false).take()),
        ("line_results", empty_list("effects")),
    ]
}

/// Each component is stored once, no matter who has installed it.
fn components() -> TableCreateStatement {
    Table::create()
        .table("components")
        .col(text("digest").primary_key())
        .col(ColumnDef::new("content").blob().not_null())
        .take()
}

fn modules(backend: DbBackend) -> TableCreateStatement {
    let of_component =
        ForeignKey::create().name("modules_of_component").from("modules", "digest").to("components", "digest").take();
    Table::create()
        .table("modules")
        .col(uuid("holder"))
        .col(ColumnDef::new("organization_id").uuid().null())
        .col(key("key", backend))
        .col(text("version"))
        .col(text("digest"))
        .col(text("document"))
        .col(number("installed_at"))
        .col(text("installed_by"))
        .primary_key(Index::create().name("modules_key").col("holder").col("key").col("version"))
        .foreign_key(&mut of_organization("modules"))
        .foreign_key(&mut of_component.clone())
        .take()
}

fn module_grants(backend: DbBackend) -> TableCreateStatement {
    Table::create()
        .table("module_grants")
        .col(uuid("organization_id"))
        .col(key("module_key", backend))
        .col(text("document"))
        .primary_key(Index::create().name("module_grants_key").col("organization_id").col("module_key"))
        .foreign_key(&mut of_organization("module_grants"))
        .take()
}

fn uploads() -> TableCreateStatement {
    Table::create()
        .table("uploads")
        .col(uuid("organization_id"))
        .col(uuid("id"))
        .col(text("digest"))
        .col(ColumnDef::new("content").blob().not_null())
        .col(number("uploaded_at"))
        .primary_key(Index::create().name("uploads_key").col("organization_id").col("id"))
        .foreign_key(&mut of_organization("uploads"))
        .take()
}

/// The components that versions of jobs were saved with. A component in it may have been removed, since old versions of
/// jobs do not prevent that.
fn job_modules(backend: DbBackend) -> TableCreateStatement {
    let of_version = ForeignKey::create()
        .name("job_modules_of_version")
        .from("job_modules", ("organization_id", "job_key", "version"))
        .to("job_versions", ("organization_id", "job_key", "version"))
        .on_delete(ForeignKeyAction::Cascade)
        .take();
    Table::create()
        .table("job_modules")
        .col(uuid("organization_id"))
        .col(key("job_key", backend))
        .col(number("version"))
        .col(text("digest"))
        .primary_key(
            Index::create().name("job_modules_key").col("organization_id").col("job_key").col("version").col("digest"),
        )
        .foreign_key(&mut of_version.clone())
        .take()
}

/// The results of starts with idempotency keys, so that none of them starts twice.
fn job_starts() -> TableCreateStatement {
    let of_result = ForeignKey::create()
        .name("job_starts_of_job_result")
        .from("job_starts", ("organization_id", "job_result_id"))
        .to("job_results", ("organization_id", "id"))
        .on_delete(ForeignKeyAction::Cascade)
        .take();
    Table::create()
        .table("job_starts")
        .col(uuid("organization_id"))
        .col(text("idempotency_key"))
        .col(uuid("job_result_id"))
        .primary_key(Index::create().name("job_starts_key").col("organization_id").col("idempotency_key"))
        .foreign_key(&mut of_result.clone())
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
        on("modules_by_key", "modules", &["key"]),
        on("modules_by_digest", "modules", &["digest"]),
        on("modules_by_organization", "modules", &["organization_id"]),
        on("module_grants_by_module", "module_grants", &["module_key"]),
        on("job_modules_by_digest", "job_modules", &["digest", "organization_id"]),
        on("job_starts_by_job_result", "job_starts", &["organization_id", "job_result_id"]),
        on("uploads_by_age", "uploads", &["uploaded_at"]),
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

fn uuid(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).uuid().not_null().take()
}

fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().take()
}

fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}

/// Keys sort by their bytes. SQLite does so by default; PostgreSQL would use the collation of the server.
fn key(name: &'static str, backend: DbBackend) -> ColumnDef {
    let mut column = text(name);
    if backend == DbBackend::Postgres {
        column.extra("COLLATE \"C\"");
    }
    column
}
