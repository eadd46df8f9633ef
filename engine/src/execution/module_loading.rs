//! Loading modules on this node: at its start, and when a line needs one that is not loaded yet.

use std::sync::Arc;

use crate::node::Node;
use crate::ports::StoreError;
use crate::ports::actions::{ActionLine, Failure, FailureKind, OpenLine};

/// Loads every installed module, and returns how many there are. Modules that this node never compiled are compiled. A
/// module that cannot be loaded is named in the log, and its lines end in error.
///
/// # Errors
/// The store failed.
pub(crate) async fn load_all(node: &Arc<Node>) -> Result<usize, StoreError> {
    let digests = node.stores.modules.digests().await?;
    for digest in &digests {
        if let Err(fault) = load(node, digest).await? {
            tracing::error!(digest, fault, "an installed module cannot be loaded");
        }
    }
    Ok(digests.len())
}

async fn load(node: &Arc<Node>, digest: &str) -> Result<Result<(), String>, StoreError> {
    if node.actions.recall(digest).await {
        return Ok(Ok(()));
    }
    let Some(component) = node.stores.modules.component(digest).await? else {
        return Ok(Err("it is no longer installed".to_owned()));
    };
    Ok(node.actions.load(component).await.map(drop).map_err(|faults| faults.join("; ")))
}

/// Opens a line. Its module is loaded first if necessary.
pub(crate) async fn open(node: &Arc<Node>, open: OpenLine) -> Result<Box<dyn ActionLine>, Failure> {
    let module = format!("{}@{}", open.module.module, open.module.version);
    match load(node, &open.module.digest).await {
        Ok(Ok(())) => node.actions.open(open).await,
        Ok(Err(fault)) => {
            Err(Failure::new(FailureKind::Final, format!("The module {module} cannot be used: {fault}.")))
        }
        Err(error) => {
            let temporary = FailureKind::Temporary { retry_after: None };
            Err(Failure::new(temporary, format!("The module {module} cannot be read: {error}.")))
        }
    }
}
