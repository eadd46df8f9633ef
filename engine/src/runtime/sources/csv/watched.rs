//! Watches what a CSV reader reads, so that no row grows without end.

use std::cell::{Cell, RefCell};
use std::io::{Error, Read, Result};

use crate::model::source::limits::{MAX_ROW_BYTES, MAX_ROW_SEPARATORS};
use crate::runtime::perform::Broken;
use crate::runtime::sources::FileReading;

/// What is known of a file that is being read.
pub(super) struct Watch<'a> {
    reading: &'a FileReading<'a>,
    /// Bytes and separators that were read since the row began.
    bytes: Cell<u64>,
    separators: Cell<u64>,
    row: Cell<u64>,
    quotes: Cell<u64>,
    /// Why reading was stopped.
    stopped: RefCell<Option<Broken>>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(reading: &'a FileReading<'a>) -> Self {
        let [bytes, separators, row, quotes] = [(); 4].map(|()| Cell::new(0));
        Self { reading, bytes, separators, row, quotes, stopped: RefCell::new(None) }
    }

    pub(super) fn begin_row(&self) {
        self.bytes.set(0);
        self.separators.set(0);
        self.row.set(self.row.get() + 1);
    }

    /// Whether an odd number of quotes was read: if the last cell spans lines then, a quote that was
    /// never closed has swallowed the rest of the file.
    pub(super) fn ends_in_quotes(&self) -> bool {
        self.quotes.get() % 2 == 1
    }

    /// Why a row could not be read.
    pub(super) fn broken(&self, error: &csv::Error) -> Broken {
        let stopped = self.stopped.borrow_mut().take();
        stopped.unwrap_or_else(|| self.reading.fault(&format!("cannot be read: {error}")))
    }

    fn check(&self) -> std::result::Result<(), Broken> {
        let too = match (self.bytes.get() > MAX_ROW_BYTES, self.separators.get() > MAX_ROW_SEPARATORS) {
            (true, _) => format!("is longer than {MAX_ROW_BYTES} bytes"),
            (false, true) => format!("has more than {MAX_ROW_SEPARATORS} separators"),
            (false, false) => return Ok(()),
        };
        let row = self.row.get();
        Err(self.reading.fault(&format!("row {row} {too}; look for a quote that is opened and never closed")))
    }
}

/// A reader that is watched.
pub(super) struct Watched<'a, R> {
    reader: R,
    watch: &'a Watch<'a>,
}

impl<'a, R> Watched<'a, R> {
    pub(super) fn of(reader: R, watch: &'a Watch<'a>) -> Self {
        Self { reader, watch }
    }
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let watch = self.watch;
        if let Err(broken) = watch.check() {
            *watch.stopped.borrow_mut() = Some(broken);
            return Err(Error::other("stopped"));
        }
        let count = self.reader.read(buffer)?;
        let occurs = |wanted: u8| buffer[..count].iter().filter(|byte| **byte == wanted).count() as u64;
        watch.quotes.set(watch.quotes.get() + occurs(b'"'));
        watch.separators.set(watch.separators.get() + occurs(watch.reading.source.separator()));
        watch.bytes.set(watch.bytes.get() + count as u64);
        Ok(count)
    }
}
