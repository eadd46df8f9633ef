//! Loading modules on this node: at its start, and when a line needs one that is not loaded yet.

use std::sync::Arc;

use futures_util::future::join_all;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::model::job::Job;
use crate::node::Node;
use crate::ports::StoreError;
use crate::ports::actions::{ActionLine, Failure, FailureKind, OpenLine};

/// How many modules are loaded at the same time.
const CONCURRENT_LOADS: usize = 4;

/// Loads every installed module, and returns how many there are. Modules that this node never compiled are compiled. A
/// module that cannot be loaded is named in the log, and its lines end in error.
///
/// # Errors
/// The store failed.
pub(crate) async fn load_all(node: &Arc<Node>) -> Result<usize, StoreError> {
    let digests = node.stores.modules.digests().await?;
    let count = digests.len();
    let loads = stream::iter(digests).map(async |digest| {
        if let Err(fault) = load(node, &digest).await? {
            tracing::error!(digest, fault, "an installed module cannot be loaded");
        }
        Ok::<_, StoreError>(())
    });
    loads.buffer_unordered(CONCURRENT_LOADS).try_collect::<()>().await?;
    Ok(count)
}

/// Loads the modules of a job before its lines begin, so that the timeout of no line includes that. What cannot be loaded
/// is an error of the line that needs it.
pub(crate) async fn load_for(node: &Arc<Node>, job: &Job) {
    join_all(job.modules.iter().map(|module| load(node, &module.digest))).await;
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
