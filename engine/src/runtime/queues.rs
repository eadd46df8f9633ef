//! Queues: how many results of the jobs that name them may be at work.

use super::engine::Engine;
use crate::model::fault::{Fault, did_you_mean};
use crate::model::module::is_key;
use crate::model::organization::{Access, OrgScope, Role};
use crate::ports::StoreError;
use crate::ports::queues::{DEFAULT_QUEUE, QueueSetting, QueueState};

/// Why a queue was not set up.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The caller may not.
    #[error("this needs a token with more rights")]
    Forbidden,
    /// What was asked for is wrong.
    #[error("the request has {} faults", .0.len())]
    Faults(Vec<Fault>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Sets a queue up, or changes its limit. One that all organizations share is for server administrators.
    ///
    /// # Errors
    /// See [`QueueError`].
    pub async fn save_queue(&self, access: &Access, setting: &QueueSetting) -> Result<QueueState, QueueError> {
        permit(access, setting.global)?;
        let fault = |path: &str, message: &str| Err(QueueError::Faults(vec![Fault::at(path, message)]));
        if !is_key(&setting.key) {
            return fault("key", "write lower-case words joined by hyphens, at most 60 characters");
        }
        if setting.limit == Some(0) {
            return fault("limit", "nothing would ever leave this queue; write 1 or more");
        }
        self.queues.save_queue(access.scope(), setting).await?;
        // A higher limit may let something begin.
        self.wake.notify_one();
        let all = self.queues.queues(access.scope()).await?;
        let saved = all.into_iter().find(|queue| queue.key == setting.key && queue.global == setting.global);
        // An organization that has a queue of its own with this key does not see the global one.
        let saved = saved.or_else(|| {
            let (key, global, limit) = (setting.key.clone(), setting.global, setting.limit);
            Some(QueueState { key, global, limit, waiting: 0, at_work: 0 })
        });
        saved.ok_or_else(|| StoreError::Unavailable("the queue is gone again".into()).into())
    }

    /// Removes a queue; false if it was not there. What waits in it goes on without a limit.
    ///
    /// # Errors
    /// See [`QueueError`].
    pub async fn remove_queue(&self, access: &Access, key: &str, global: bool) -> Result<bool, QueueError> {
        permit(access, global)?;
        let removed = self.queues.remove_queue(access.scope(), key, global).await?;
        self.wake.notify_one();
        Ok(removed)
    }

    /// Why a queue cannot be named; none if it can.
    pub(crate) async fn fault_of_queue(
        &self,
        scope: OrgScope,
        path: &str,
        key: &str,
    ) -> Result<Option<Fault>, StoreError> {
        if key == DEFAULT_QUEUE || self.queues.has_queue(scope, key).await? {
            return Ok(None);
        }
        let known: Vec<_> = self.queues.queues(scope).await?.into_iter().map(|queue| queue.key).collect();
        let near = match did_you_mean(key, known.iter().map(String::as_str)) {
            near if near.is_empty() => "; set it up first, with its limit".to_owned(),
            near => near,
        };
        Ok(Some(Fault::at(path, format!("there is no queue `{key}`{near}"))))
    }
}

fn permit(access: &Access, global: bool) -> Result<(), QueueError> {
    let may = if global { access.server } else { access.role >= Role::Admin };
    if may { Ok(()) } else { Err(QueueError::Forbidden) }
}
