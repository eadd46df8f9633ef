//! The migrations: one frozen file for each change of the tables.
//!
//! The code of a file is never edited once it has been shipped. It spells every name itself and uses nothing else of
//! the program, so that it does the same on every database. Expand before you contract.

mod m0001_first_tables;
mod m0002_modules;
mod m0003_collections;
mod m0004_queues_and_checkpoints;
mod m0005_filter_templates;
mod m0006_schedules;
mod m0007_webhooks;
mod m0008_stops_on_error;
mod m0009_deleted_jobs;
mod m0010_isolation;
mod m0011_quotas;
mod m0012_administration;

use sea_orm_migration::prelude::{MigrationTrait, MigratorTrait};

/// All migrations, in order.
pub struct Migrations;

impl MigratorTrait for Migrations {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_first_tables::Migration),
            Box::new(m0002_modules::Migration),
            Box::new(m0003_collections::Migration),
            Box::new(m0004_queues_and_checkpoints::Migration),
            Box::new(m0005_filter_templates::Migration),
            Box::new(m0006_schedules::Migration),
            Box::new(m0007_webhooks::Migration),
            Box::new(m0008_stops_on_error::Migration),
            Box::new(m0009_deleted_jobs::Migration),
            Box::new(m0010_isolation::Migration),
            Box::new(m0011_quotas::Migration),
            Box::new(m0012_administration::Migration),
        ]
    }
}

impl Migrations {
    /// The names of all migrations that this program knows, oldest first.
    pub fn names() -> Vec<String> {
        Self::migrations().iter().map(|migration| migration.name().to_owned()).collect()
    }
}
