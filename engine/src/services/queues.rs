//! Queues and their limits: how many job results in a queue may run at the same time.

use super::Queues;
use crate::model::module::is_key;
use crate::model::organization::{Access, OrgScope};
use crate::model::refusal::Refusal;
use crate::model::rights::Operation;
use crate::node::service_error::ServiceError;
use crate::ports::StoreError;
use crate::ports::queues::{QueueSetting, QueueState};

impl Queues {
    /// The queues that an organization's jobs may use, with how many results wait in them.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(&self, scope: OrgScope) -> Result<Vec<QueueState>, StoreError> {
        self.node.stores.queues.queues(scope).await
    }

    /// Creates a queue, or changes its limit. Only server administrators may do this for a global queue.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn save(&self, access: &Access, setting: &QueueSetting) -> Result<QueueState, ServiceError> {
        access.require_global(Operation::SaveQueue, setting.global)?;
        if !is_key(&setting.key) {
            let message = "write lower-case words joined by hyphens, at most 60 characters";
            return Err(Refusal::invalid("key", message).into());
        }
        if setting.limit == Some(0) {
            return Err(Refusal::invalid(
                "limit",
                "a queue with the limit 0 would never run anything; write 1 or more",
            )
            .into());
        }
        self.node.stores.queues.save_queue(access.scope(), setting).await?;
        // With a higher limit, a waiting result may begin.
        self.node.wake.notify_one();
        let all = self.list(access.scope()).await?;
        let saved = all.into_iter().find(|queue| queue.key == setting.key && queue.global == setting.global);
        // An organization that has its own queue with this key does not see the global one.
        Ok(saved.unwrap_or_else(|| {
            let (key, global, limit) = (setting.key.clone(), setting.global, setting.limit);
            QueueState { key, global, limit, waiting: 0, running: 0 }
        }))
    }

    /// Removes a queue. The results that wait in it continue without a limit.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn remove(&self, access: &Access, key: &str, global: bool) -> Result<(), ServiceError> {
        access.require_global(Operation::DeleteQueue, global)?;
        let removed = self.node.stores.queues.remove_queue(access.scope(), key, global).await?;
        self.node.wake.notify_one();
        if removed {
            return Ok(());
        }
        let message = match global {
            true => format!("There is no global queue `{key}`."),
            false => format!("There is no queue `{key}` in this organization."),
        };
        Err(Refusal::not_found("key", message).into())
    }
}
