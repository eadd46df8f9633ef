//! Watches what a CSV reader reads: it stops at a kill, and no row grows without end.

use std::cell::{Cell, RefCell};
use std::io::{Error, Read, Result};

use crate::runtime::perform::Broken;
use crate::runtime::sources::FileReading;

/// How many bytes a row may have: as many as a line of JSON Lines.
const MAX_ROW_BYTES: u64 = 16 * 1024 * 1024;

/// What is known of a file that is being read.
pub(super) struct Watch<'a> {
    reading: &'a FileReading<'a>,
    read: Cell<u64>,
    /// What had been read when the row began.
    row_began: Cell<u64>,
    row: Cell<u64>,
    quotes: Cell<u64>,
    /// Why reading was stopped.
    stopped: RefCell<Option<Broken>>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(reading: &'a FileReading<'a>) -> Self {
        let (read, row_began, row, quotes) = (Cell::new(0), Cell::new(0), Cell::new(0), Cell::new(0));
        Self { reading, read, row_began, row, quotes, stopped: RefCell::new(None) }
    }

    pub(super) fn begin_row(&self) {
        self.row_began.set(self.read.get());
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
        self.reading.stop.check()?;
        if self.read.get() - self.row_began.get() > MAX_ROW_BYTES {
            return Err(self.reading.fault(&format!(
                "row {} is longer than {MAX_ROW_BYTES} bytes; look for a quote that is opened and never closed",
                self.row.get()
            )));
        }
        Ok(())
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
        let quotes = buffer[..count].iter().filter(|byte| **byte == b'"').count();
        watch.quotes.set(watch.quotes.get() + quotes as u64);
        watch.read.set(watch.read.get() + count as u64);
        Ok(count)
    }
}
