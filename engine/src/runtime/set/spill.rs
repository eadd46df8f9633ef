//! Records as JSON text in a scratch file, one on a line. They are written and read in
//! portions of some lines, and the place of each portion is kept, so that reading can begin anywhere.

use std::fmt::Display;
use std::sync::Arc;

use serde_json::Value;

use crate::ports::scratch::{ScratchFault, ScratchFile};

/// How many bytes are written and read at once, roughly: a portion ends with a record.
const PORTION: usize = 64 * 1024;

/// Where a portion begins, and with which record.
#[derive(Debug, Clone, Copy)]
struct Portion {
    offset: u64,
    record: usize,
}

/// Records in a file.
pub(super) struct Spilled {
    file: Arc<dyn ScratchFile>,
    portions: Vec<Portion>,
    /// Where the last portion ends, and how many records there are.
    end: Portion,
    head: Vec<Value>,
}

impl Spilled {
    pub(super) fn len(&self) -> usize {
        self.end.record
    }

    /// As JSON text, without line ends.
    pub(super) fn bytes(&self) -> u64 {
        let begin = self.portions.first().map_or(self.end.offset, |first| first.offset);
        self.end.offset - begin - self.end.record as u64
    }

    /// Where the file goes on after these records.
    pub(super) fn end(&self) -> u64 {
        self.end.offset
    }

    /// The first records, which are kept in memory as well.
    pub(super) fn head(&self) -> &Vec<Value> {
        &self.head
    }
}

/// Writes records to a file from some place on.
pub(super) struct SpillWriter {
    file: Arc<dyn ScratchFile>,
    portions: Vec<Portion>,
    /// Where the portion goes that is being collected.
    place: Portion,
    text: Vec<u8>,
    records: usize,
}

impl SpillWriter {
    pub(super) fn begin(file: Arc<dyn ScratchFile>, offset: u64) -> Self {
        let text = Vec::with_capacity(PORTION + PORTION / 4);
        Self { file, portions: Vec::new(), place: Portion { offset, record: 0 }, text, records: 0 }
    }

    pub(super) fn push(&mut self, record: &Value) -> Result<(), ScratchFault> {
        serde_json::to_writer(&mut self.text, record)
            .map_err(|error| ScratchFault(format!("A record cannot be written as JSON: {error}.")))?;
        self.text.push(b'\n');
        self.records += 1;
        if self.text.len() >= PORTION { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), ScratchFault> {
        if self.text.is_empty() {
            return Ok(());
        }
        self.file.write_at(&self.text, self.place.offset)?;
        self.portions.push(self.place);
        self.place = Portion { offset: self.place.offset + self.text.len() as u64, record: self.records };
        self.text.clear();
        Ok(())
    }

    pub(super) fn finish(mut self, head: Vec<Value>) -> Result<Spilled, ScratchFault> {
        self.flush()?;
        Ok(Spilled { file: self.file, portions: self.portions, end: self.place, head })
    }
}

/// A file gave back something else than what went into it.
pub(super) fn not_as_written(what: impl Display) -> ScratchFault {
    ScratchFault(format!("A scratch file does not hold what was written to it: {what}. The disk may be broken."))
}

/// Reads records one after the other, holding one portion of text.
pub(super) struct SpillReader {
    spilled: Arc<Spilled>,
    /// The portion to read next.
    portion: usize,
    text: Vec<u8>,
    at: usize,
    /// How many records of the next portion are passed over.
    skip: usize,
}

impl SpillReader {
    pub(super) fn begin(spilled: Arc<Spilled>, skip: usize) -> Self {
        let portion = spilled.portions.partition_point(|portion| portion.record <= skip).saturating_sub(1);
        let skip = skip - spilled.portions.get(portion).map_or(0, |portion| portion.record);
        Self { spilled, portion, text: Vec::new(), at: 0, skip }
    }

    /// The next record; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Value>, ScratchFault> {
        while let Some(line) = self.line()? {
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            return serde_json::from_slice(&self.text[line]).map(Some).map_err(not_as_written);
        }
        Ok(None)
    }

    /// At most so many of the next records.
    pub(super) fn some(&mut self, most: usize) -> Result<Vec<Value>, ScratchFault> {
        let mut records = Vec::with_capacity(most.min(self.spilled.len()));
        while records.len() < most {
            let Some(record) = self.next()? else { break };
            records.push(record);
        }
        Ok(records)
    }

    /// Where the next line stands in the text.
    fn line(&mut self) -> Result<Option<std::ops::Range<usize>>, ScratchFault> {
        if self.at == self.text.len() && !self.fill()? {
            return Ok(None);
        }
        let rest = &self.text[self.at..];
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let line = self.at..self.at + length;
        self.at = (line.end + 1).min(self.text.len());
        Ok(Some(line))
    }

    /// Reads the next portion; false if there is none.
    fn fill(&mut self) -> Result<bool, ScratchFault> {
        let portions = &self.spilled.portions;
        let Some(portion) = portions.get(self.portion) else { return Ok(false) };
        let end = portions.get(self.portion + 1).unwrap_or(&self.spilled.end).offset;
        let length = usize::try_from(end - portion.offset).unwrap_or(usize::MAX);
        self.text.resize(length, 0);
        self.spilled.file.read_at(&mut self.text, portion.offset)?;
        (self.portion, self.at) = (self.portion + 1, 0);
        Ok(true)
    }
}
