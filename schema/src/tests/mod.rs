//! The adapters against what the ports promise, on SQLite in a folder that goes away.

mod audit;
mod collections;
mod damage;
mod full;
mod history;
mod opening;
mod plans;
mod pushdown;
mod shared;
mod speed;
mod upgrade;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use engine::model::organization::{Access, OrgScope, Organization};

use tempfile::TempDir;

use crate::Store;

/// A folder for databases.
struct DatabaseFolder {
    folder: TempDir,
    made: AtomicU32,
}

impl DatabaseFolder {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), made: AtomicU32::new(0) }
    }

    /// A path where no file is. With a name that an address could not hold.
    fn path(&self) -> PathBuf {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        self.folder.path().join(format!("a b?c=d#{number}%20.db"))
    }

    async fn store(&self) -> Store {
        Store::open_sqlite(self.path()).await.unwrap()
    }
}

/// The right to act in an organization of the store.
fn scope_of(organization: &Organization) -> OrgScope {
    Access::of_operator(organization.clone(), "a test").scope()
}

async fn open() -> (Store, DatabaseFolder) {
    let folder = DatabaseFolder::new();
    (folder.store().await, folder)
}

mod suite_cases {
    suite::store_tests!(crate::tests::open);
}
