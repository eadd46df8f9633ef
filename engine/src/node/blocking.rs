//! Work that would block the async threads.

use crate::ports::StoreError;

/// The task panicked; the log says where.
#[derive(Debug, thiserror::Error)]
#[error("a background task failed: {0}")]
pub(crate) struct TaskFailed(#[from] tokio::task::JoinError);

impl From<TaskFailed> for StoreError {
    fn from(error: TaskFailed) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

/// Runs work on a thread for blocking tasks: patterns and schemas take a while to compile, and files to be read.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, TaskFailed> {
    Ok(tokio::task::spawn_blocking(work).await?)
}
