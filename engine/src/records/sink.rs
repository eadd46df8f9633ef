//! Making a set from an async thread: records that go to a file are written by a blocking task, while the caller
//! prepares the next ones.

use serde_json::Value;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use crate::ports::scratch::ScratchFault;
use crate::records::{Set, SetWriter};

/// Collects records for a set. At most one portion of them is on its way to the file.
pub(crate) struct Sink(Writing);

enum Writing {
    Idle(SetWriter),
    Busy(JoinHandle<Result<SetWriter, ScratchFault>>),
    /// After a fault.
    Broken,
}

impl Sink {
    pub(crate) fn into(writer: SetWriter) -> Self {
        Self(Writing::Idle(writer))
    }

    /// Adds records at the end.
    pub(crate) async fn extend(&mut self, records: Vec<Value>) -> Result<(), ScratchFault> {
        let mut writer = self.writer().await?;
        self.0 = if writer.fits_in_memory(&records) {
            writer.extend(records)?;
            Writing::Idle(writer)
        } else {
            Writing::Busy(spawn_blocking(move || {
                writer.extend(records)?;
                Ok(writer)
            }))
        };
        Ok(())
    }

    /// The set.
    pub(crate) async fn finish(mut self) -> Result<Set, ScratchFault> {
        let writer = self.writer().await?;
        if writer.in_memory() {
            return writer.finish();
        }
        spawn_blocking(move || writer.finish()).await.map_err(|error| task_failed(&error))?
    }

    async fn writer(&mut self) -> Result<SetWriter, ScratchFault> {
        match std::mem::replace(&mut self.0, Writing::Broken) {
            Writing::Idle(writer) => Ok(writer),
            Writing::Busy(writing) => writing.await.map_err(|error| task_failed(&error))?,
            Writing::Broken => {
                Err(ScratchFault("An earlier write of these records to a scratch file failed.".to_owned()))
            }
        }
    }
}

/// The blocking task ended without an answer.
pub(super) fn task_failed(error: &JoinError) -> ScratchFault {
    ScratchFault(format!("The task that writes records to a scratch file failed: {error}."))
}
