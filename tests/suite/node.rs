//! An engine of the test's own on the database of a server, or beside other processes.

use std::path::Path;
use std::sync::Arc;

use actions::host::{Host, Limits};
use engine::engine::Engine;
use engine::model::organization::Access;
use engine::ports::clock::SystemClock;
use engine::ports::files::Folder;
use engine::ports::stores::Stores;
use engine::services::organizations::DEFAULT_ORGANIZATION;
use engine::services::organizations::NewOrganization;
use schema::Store;

use crate::stage::{cache, compiler};

/// An engine with the bundled modules on this store.
pub async fn node(store: Arc<Store>, folder: &Path) -> Engine {
    let host = Host::new(Limits::default(), compiler(), cache(), actions::bundled::modules()).await.expect("a host");
    let files = Folder::confined_to(folder.join("files"));
    Engine::new(Stores::of(store), Arc::new(host), Arc::new(files), Arc::new(SystemClock))
}

/// Somebody who may do anything in the first organization, which is made if it is not there.
pub async fn operator(engine: &Engine) -> Access {
    let there = engine.organizations().find(DEFAULT_ORGANIZATION).await.expect("a store");
    let organization = match there {
        Some(organization) => organization,
        None => {
            let new =
                NewOrganization { key: DEFAULT_ORGANIZATION.into(), name: "Main".into(), time_zone: "UTC".into() };
            engine.organizations().add(new).await.expect("an organization")
        }
    };
    Access::of_operator(organization, "tester")
}
