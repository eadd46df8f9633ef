//! Making a set from an async thread: what goes to a file is written aside, while whoever
//! brings the records goes on to the next.

use serde_json::Value;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use super::{Set, SetWriter};
use crate::ports::scratch::ScratchFault;

/// Takes up records for a set. At most one portion of them is on its way to the file.
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
        self.0 = if writer.holds(&records) {
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
        spawn_blocking(move || writer.finish()).await.map_err(|error| broken_off(&error))?
    }

    async fn writer(&mut self) -> Result<SetWriter, ScratchFault> {
        match std::mem::replace(&mut self.0, Writing::Broken) {
            Writing::Idle(writer) => Ok(writer),
            Writing::Busy(writing) => writing.await.map_err(|error| broken_off(&error))?,
            Writing::Broken => Err(ScratchFault("Records could not be kept before.".to_owned())),
        }
    }
}

/// The work aside ended without an answer.
pub(super) fn broken_off(error: &JoinError) -> ScratchFault {
    ScratchFault(format!("Keeping the records broke off: {error}."))
}
