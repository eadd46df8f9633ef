//! Reading records from outside: those of files, which blocks and is done away from the
//! async threads, and those of collections.

pub(super) mod collection;
mod csv;
mod decode;
mod json;
pub(super) mod result;
mod table;
mod typed;
mod xlsx;

use std::future::Future;
use std::io::{Error, Read, Result as IoResult, Seek, SeekFrom};
use std::time::{Duration, Instant};

use chrono_tz::Tz;
use tokio_util::sync::CancellationToken;

use super::perform::Broken;
use crate::model::record::Records;
use crate::model::source::{FileSource, Format, Types};
use crate::ports::actions::Failure;
use crate::ports::files::{FileFault, Files};
use typed::Places;
pub(crate) use typed::{Row, Typed};

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

/// What a reader of files has to know.
pub(crate) struct FileReading<'a> {
    pub(crate) source: &'a FileSource,
    pub(crate) types: &'a Types,
    /// The zone in which its dates are meant.
    pub(crate) zone: Tz,
    pub(crate) stop: &'a Stop,
}

impl FileReading<'_> {
    /// What is wrong with the file as a whole.
    fn fault(&self, fault: &str) -> Broken {
        Broken::Error(format!("{} {fault}", self.source.path))
    }
}

/// A file that can be read no longer once the work is to stop.
struct Stoppable<'a, F> {
    file: F,
    stop: &'a Stop,
}

impl<F: Read> Read for Stoppable<'_, F> {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        self.stop.check().map_err(|_| Error::other("stopped"))?;
        self.file.read(buffer)
    }
}

impl<F: Seek> Seek for Stoppable<'_, F> {
    fn seek(&mut self, to: SeekFrom) -> IoResult<u64> {
        self.file.seek(to)
    }
}

/// Reads every record of a file, in order. Whether to stop is asked here for all formats: whenever
/// bytes are read, and for each row.
pub(crate) fn read(
    files: &dyn Files,
    organization: &str,
    reading: &FileReading<'_>,
    mut each: impl FnMut(Row) -> Result<(), Broken>,
) -> Result<(), Broken> {
    let stop = reading.stop;
    let file = Stoppable { file: files.open(organization, &reading.source.path)?, stop };
    let each = |row: Row| stop.check().and_then(|()| each(row));
    let read = match reading.source.format {
        Format::Csv | Format::Tsv => csv::read(file, reading, each),
        Format::Json => json::read_document(file, reading, each),
        Format::JsonLines => json::read_lines(file, reading, each),
        Format::Xlsx => xlsx::read(file, reading, each),
    };
    // A stop also shows as a fault of reading, and is no fault of the file.
    read.map_err(|broken| match broken {
        Broken::Error(_) => stop.check().err().unwrap_or(broken),
        stopped => stopped,
    })
}

/// Every record of a file, for a start that brings them along.
///
/// # Errors
/// One sentence with the place and the cure.
pub fn read_all(files: &dyn Files, source: &FileSource) -> Result<Records, String> {
    const PATIENCE: Duration = Duration::from_secs(3600);
    let mut records = Records::new();
    let places = Places::of_file(source);
    let taking = |row: Row| match row.fault {
        Some(fault) => Err(Broken::Error(places.fault(row.number, &fault))),
        None => {
            records.push(row.record);
            Ok(())
        }
    };
    let (types, stop) = (Types::default(), Stop::new(CancellationToken::new(), PATIENCE));
    match read(files, "", &FileReading { source, types: &types, zone: Tz::UTC, stop: &stop }, taking) {
        Ok(()) => Ok(records),
        Err(Broken::Error(message) | Broken::Passing(message, _)) => Err(message),
        Err(Broken::Killed | Broken::Waiting(_) | Broken::Halted(_)) => Err("reading was interrupted".to_owned()),
    }
}

#[cfg(test)]
mod tests;
