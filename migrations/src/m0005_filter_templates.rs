//! Filter templates, all their versions, and the templates that versions of jobs use.
//!
//! Keys, instants and documents are as in the first tables. A template of all
//! organizations has the nil identity as its holder.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0005_filter_templates"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for table in [filter_templates(backend), filter_template_versions(backend), job_templates(backend)] {
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

/// The newest version of each.
fn filter_templates(backend: DbBackend) -> TableCreateStatement {
    let of_organization = ForeignKey::create()
        .name("filter_templates_of_organization")
        .from("filter_templates", "organization_id")
        .to("organizations", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .take();
    Table::create()
        .table("filter_templates")
        .col(uuid("holder"))
        .col(key("key", backend))
        .col(ColumnDef::new("organization_id").uuid().null())
        .col(number("version"))
        .col(text("name"))
        .col(text("document"))
        .col(number("saved_at"))
        .col(text("saved_by"))
        .primary_key(Index::create().name("filter_templates_key").col("holder").col("key"))
        .foreign_key(&mut of_organization.clone())
        .take()
}

fn filter_template_versions(backend: DbBackend) -> TableCreateStatement {
    let of_template = ForeignKey::create()
        .name("filter_template_versions_of_template")
        .from("filter_template_versions", ("holder", "template_key"))
        .to("filter_templates", ("holder", "key"))
        .on_delete(ForeignKeyAction::Cascade)
        .take();
    Table::create()
        .table("filter_template_versions")
        .col(uuid("holder"))
        .col(key("template_key", backend))
        .col(number("version"))
        .col(text("name"))
        .col(text("document"))
        .col(number("saved_at"))
        .col(text("saved_by"))
        .primary_key(
            Index::create().name("filter_template_versions_key").col("holder").col("template_key").col("version"),
        )
        .foreign_key(&mut of_template.clone())
        .take()
}

/// The filter templates that versions of jobs use, by key. A template in it may have been removed, since old versions
/// of jobs do not prevent that.
fn job_templates(backend: DbBackend) -> TableCreateStatement {
    let of_version = ForeignKey::create()
        .name("job_templates_of_version")
        .from("job_templates", ("organization_id", "job_key", "version"))
        .to("job_versions", ("organization_id", "job_key", "version"))
        .on_delete(ForeignKeyAction::Cascade)
        .take();
    Table::create()
        .table("job_templates")
        .col(uuid("organization_id"))
        .col(key("job_key", backend))
        .col(number("version"))
        .col(key("template_key", backend))
        .primary_key(
            Index::create()
                .name("job_templates_key")
                .col("organization_id")
                .col("job_key")
                .col("version")
                .col("template_key"),
        )
        .foreign_key(&mut of_version.clone())
        .take()
}

fn indexes() -> [IndexCreateStatement; 3] {
    let on = |name: &'static str, table: &'static str, columns: &[&'static str]| {
        let mut index = Index::create().name(name).table(table).take();
        for column in columns {
            index.col(*column);
        }
        index
    };
    [
        on("filter_templates_by_key", "filter_templates", &["key"]),
        on("filter_templates_by_organization", "filter_templates", &["organization_id"]),
        on("job_templates_by_template", "job_templates", &["template_key", "organization_id"]),
    ]
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
