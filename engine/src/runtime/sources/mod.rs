//! Reading records from outside: those of files, which blocks and is done away from the
//! async threads, and those of collections.

pub(super) mod collection;
mod csv;
mod json;
pub(super) mod result;

use std::future::Future;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::perform::Broken;
use crate::model::record::Records;
use crate::model::source::{FileSource, Format};
use crate::ports::actions::Failure;
use crate::ports::files::{FileFault, Files};

/// When to stop reading: at a kill, or when the line's time is over.
pub(crate) struct Stop {
    kill: CancellationToken,
    timeout: Duration,
    end: Instant,
}

impl Stop {
    pub(crate) fn new(kill: CancellationToken, timeout: Duration) -> Self {
        Self { kill, timeout, end: Instant::now() + timeout }
    }

    /// Waits for work, but no longer than the line may take.
    pub(crate) async fn hold<T>(&self, work: impl Future<Output = Result<T, Broken>>) -> Result<T, Broken> {
        tokio::select! {
            biased;
            done = work => done,
            () = self.kill.cancelled() => Err(Broken::Killed),
            () = tokio::time::sleep_until(self.end.into()) => Err(Failure::timed_out(self.timeout).into()),
        }
    }

    pub(crate) fn check(&self) -> Result<(), Broken> {
        match () {
            () if self.kill.is_cancelled() => Err(Broken::Killed),
            () if Instant::now() > self.end => Err(Failure::timed_out(self.timeout).into()),
            () => Ok(()),
        }
    }
}

impl From<FileFault> for Broken {
    fn from(fault: FileFault) -> Self {
        Self::Error(fault.to_string())
    }
}

/// Reads every record of a file, in order.
pub(crate) fn read(
    files: &dyn Files,
    organization: &str,
    source: &FileSource,
    stop: &Stop,
    each: impl FnMut(Value) -> Result<(), Broken>,
) -> Result<(), Broken> {
    let reader = files.open(organization, &source.path)?;
    match source.format {
        Format::Csv => csv::read(reader, source, stop, each),
        Format::Json => json::read_document(reader, source, stop, each),
        Format::JsonLines => json::read_lines(reader, source, stop, each),
    }
}

/// Every record of a file, for a start that brings them along.
///
/// # Errors
/// One sentence with the place and the cure.
pub fn read_all(files: &dyn Files, source: &FileSource) -> Result<Records, String> {
    const PATIENCE: Duration = Duration::from_secs(3600);
    let mut records = Records::new();
    let taking = |record| {
        records.push(record);
        Ok(())
    };
    match read(files, "", source, &Stop::new(CancellationToken::new(), PATIENCE), taking) {
        Ok(()) => Ok(records),
        Err(Broken::Error(message) | Broken::Passing(message, _)) => Err(message),
        Err(Broken::Killed | Broken::Waiting(_) | Broken::Halted(_)) => Err("reading was interrupted".to_owned()),
    }
}

#[cfg(test)]
mod tests;
