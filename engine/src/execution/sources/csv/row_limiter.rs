//! Limits what a CSV reader reads for one row, so that a quote that is never closed does not fill the memory.

use std::cell::{Cell, RefCell};
use std::io::{Error, Read, Result};

use crate::execution::outcome::LineError;
use crate::execution::sources::FileReading;
use crate::model::source::limits::{MAX_ROW_BYTES, MAX_ROW_SEPARATORS};

/// Counts what was read of a file, and stops reading when a row is too long.
pub(super) struct RowLimiter<'a> {
    reading: &'a FileReading<'a>,
    /// Bytes and separators that were read since the row began.
    bytes: Cell<u64>,
    separators: Cell<u64>,
    row: Cell<u64>,
    quotes: Cell<u64>,
    /// Why reading was stopped.
    stop_reason: RefCell<Option<LineError>>,
}

impl<'a> RowLimiter<'a> {
    pub(super) fn new(reading: &'a FileReading<'a>) -> Self {
        let [bytes, separators, row, quotes] = [(); 4].map(|()| Cell::new(0));
        Self { reading, bytes, separators, row, quotes, stop_reason: RefCell::new(None) }
    }

    pub(super) fn begin_row(&self) {
        self.bytes.set(0);
        self.separators.set(0);
        self.row.set(self.row.get() + 1);
    }

    /// Whether an odd number of quotes was read: if the last cell also spans lines, it is the rest of a file in which a
    /// quote was never closed.
    pub(super) fn ends_in_quotes(&self) -> bool {
        self.quotes.get() % 2 == 1
    }

    /// Why a row could not be read.
    pub(super) fn describe_error(&self, error: &csv::Error) -> LineError {
        let stop_reason = self.stop_reason.borrow_mut().take();
        stop_reason.unwrap_or_else(|| self.reading.fault(&format!("cannot be read: {error}")))
    }

    fn check(&self) -> std::result::Result<(), LineError> {
        let excess = match (self.bytes.get() > MAX_ROW_BYTES, self.separators.get() > MAX_ROW_SEPARATORS) {
            (true, _) => format!("is longer than {MAX_ROW_BYTES} bytes"),
            (false, true) => format!("has more than {MAX_ROW_SEPARATORS} separators"),
            (false, false) => return Ok(()),
        };
        let row = self.row.get();
        Err(self.reading.fault(&format!("row {row} {excess}; look for a quote that is opened and never closed")))
    }
}

/// A reader that the limiter can stop.
pub(super) struct LimitedReader<'a, R> {
    reader: R,
    limiter: &'a RowLimiter<'a>,
}

impl<'a, R> LimitedReader<'a, R> {
    pub(super) fn of(reader: R, limiter: &'a RowLimiter<'a>) -> Self {
        Self { reader, limiter }
    }
}

impl<R: Read> Read for LimitedReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let limiter = self.limiter;
        if let Err(reason) = limiter.check() {
            *limiter.stop_reason.borrow_mut() = Some(reason);
            return Err(Error::other("stopped"));
        }
        let count = self.reader.read(buffer)?;
        let occurs = |wanted: u8| buffer[..count].iter().filter(|byte| **byte == wanted).count() as u64;
        limiter.quotes.set(limiter.quotes.get() + occurs(b'"'));
        limiter.separators.set(limiter.separators.get() + occurs(limiter.reading.source.separator()));
        limiter.bytes.set(limiter.bytes.get() + count as u64);
        Ok(count)
    }
}
