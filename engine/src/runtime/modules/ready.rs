//! Making modules ready on this node: at its start, and when a line needs one that it never met.

use crate::ports::StoreError;
use crate::ports::actions::{ActionLine, Failure, FailureKind, OpenLine};
use crate::runtime::engine::Engine;

impl Engine {
    /// Makes every installed module ready, and says how many there are. What this node never
    /// compiled is compiled now; one that cannot be made ready is told in the log, and its
    /// lines end in error.
    ///
    /// # Errors
    /// The store failed.
    pub async fn make_modules_ready(&self) -> Result<usize, StoreError> {
        let digests = self.modules.digests().await?;
        for digest in &digests {
            if let Err(fault) = self.make_ready(digest).await? {
                tracing::error!(digest, fault, "an installed module cannot be made ready");
            }
        }
        Ok(digests.len())
    }

    async fn make_ready(&self, digest: &str) -> Result<Result<(), String>, StoreError> {
        if self.actions.recall(digest).await {
            return Ok(Ok(()));
        }
        let Some(component) = self.modules.component(digest).await? else {
            return Ok(Err("it is no longer installed".to_owned()));
        };
        Ok(self.actions.load(component).await.map(drop).map_err(|faults| faults.join("; ")))
    }

    /// Opens a line, on a module that this node may not have met yet.
    pub(crate) async fn open(&self, open: OpenLine) -> Result<Box<dyn ActionLine>, Failure> {
        let named = format!("{}@{}", open.module.module, open.module.version);
        match self.make_ready(&open.module.digest).await {
            Ok(Ok(())) => self.actions.open(open).await,
            Ok(Err(fault)) => {
                Err(Failure::new(FailureKind::Final, format!("The module {named} cannot be used: {fault}.")))
            }
            Err(error) => {
                let temporary = FailureKind::Temporary { retry_after: None };
                Err(Failure::new(temporary, format!("The module {named} cannot be read: {error}")))
            }
        }
    }
}
