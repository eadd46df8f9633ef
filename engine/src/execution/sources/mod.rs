//! Reading records from their sources: files, collections and earlier job results. Reading a file blocks, so it is
//! done away from the async threads.

pub(crate) mod collection;
mod csv;
mod decode;
mod json;
pub(crate) mod result;
mod table;
mod type_converter;
mod xlsx;

use std::io::{Error, Read, Result as IoResult, Seek, SeekFrom};
use std::time::Duration;

use chrono_tz::Tz;
use tokio_util::sync::CancellationToken;

use crate::deadline::Deadline;
use crate::execution::outcome::LineError;
use crate::model::record::Records;
use crate::model::source::{FileSource, Format, Types};
use crate::ports::files::{FileFault, Files};
use type_converter::RowLabels;
pub(crate) use type_converter::{Row, TypeConverter};

impl From<FileFault> for LineError {
    fn from(fault: FileFault) -> Self {
        Self::Failed(fault.to_string())
    }
}

/// A file to be read, and how.
pub(crate) struct FileReading<'a> {
    pub(crate) source: &'a FileSource,
    pub(crate) types: &'a Types,
    /// The zone of dates that name none.
    pub(crate) zone: Tz,
    pub(crate) deadline: &'a Deadline,
}

impl FileReading<'_> {
    /// An error of the file as a whole.
    fn fault(&self, fault: &str) -> LineError {
        LineError::Failed(format!("{} {fault}", self.source.path))
    }
}

/// A file whose reads fail once the work has to stop.
struct Stoppable<'a, F> {
    file: F,
    deadline: &'a Deadline,
}

impl<F: Read> Read for Stoppable<'_, F> {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        self.deadline.check().map_err(|_| Error::other("stopped"))?;
        self.file.read(buffer)
    }
}

impl<F: Seek> Seek for Stoppable<'_, F> {
    fn seek(&mut self, to: SeekFrom) -> IoResult<u64> {
        self.file.seek(to)
    }
}

/// Reads every record of a file, in order. Here the deadline is checked for all formats: at each read, and for each
/// row.
pub(crate) fn read(
    files: &dyn Files,
    organization: &str,
    reading: &FileReading<'_>,
    mut each: impl FnMut(Row) -> Result<(), LineError>,
) -> Result<(), LineError> {
    let deadline = reading.deadline;
    let file = Stoppable { file: files.open(organization, &reading.source.path)?, deadline };
    let each = |row: Row| {
        deadline.check()?;
        each(row)
    };
    let read = match reading.source.format {
        Format::Csv | Format::Tsv => csv::read(file, reading, each),
        Format::Json => json::read_document(file, reading, each),
        Format::JsonLines => json::read_lines(file, reading, each),
        Format::Xlsx => xlsx::read(file, reading, each),
    };
    // A stop also makes a read fail, which is not an error of the file.
    read.map_err(|error| match error {
        LineError::Failed(_) => deadline.check().err().map_or(error, LineError::from),
        stopped => stopped,
    })
}

/// Every record of a file, for a start that brings them along.
///
/// # Errors
/// One sentence that says where and what to do.
pub fn read_all(files: &dyn Files, source: &FileSource) -> Result<Records, String> {
    const TIMEOUT: Duration = Duration::from_secs(3600);
    let mut records = Records::new();
    let labels = RowLabels::of_file(source);
    let push = |row: Row| match row.fault {
        Some(fault) => Err(LineError::Failed(labels.fault(row.number, &fault))),
        None => {
            records.push(row.record);
            Ok(())
        }
    };
    let (types, deadline) = (Types::default(), Deadline::new(CancellationToken::new(), TIMEOUT));
    match read(files, "", &FileReading { source, types: &types, zone: Tz::UTC, deadline: &deadline }, push) {
        Ok(()) => Ok(records),
        Err(LineError::Failed(message) | LineError::Retryable(message, _)) => Err(message),
        Err(LineError::Cancelled | LineError::Waiting(_) | LineError::NotRecorded(_)) => {
            Err("The reading of the file was interrupted.".to_owned())
        }
    }
}

#[cfg(test)]
mod tests;
