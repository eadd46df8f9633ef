//! Records as JSON text in a scratch file, one on each line. They are written and read in portions of several lines,
//! and the offset of each portion is kept in memory, so that reading can begin anywhere.

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

    /// The offset in the file after these records.
    pub(super) fn end(&self) -> u64 {
        self.end.offset
    }

    /// The first records, which are kept in memory as well.
    pub(super) fn head(&self) -> &Vec<Value> {
        &self.head
    }
}

/// Writes records to a file, beginning at an offset.
pub(super) struct SpillWriter {
    file: Arc<dyn ScratchFile>,
    portions: Vec<Portion>,
    /// Where the portion that is being collected will be written.
    next: Portion,
    text: Vec<u8>,
    records: usize,
}

impl SpillWriter {
    pub(super) fn begin(file: Arc<dyn ScratchFile>, offset: u64) -> Self {
        let text = Vec::with_capacity(PORTION + PORTION / 4);
        Self { file, portions: Vec::new(), next: Portion { offset, record: 0 }, text, records: 0 }
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
        self.file.write_at(&self.text, self.next.offset)?;
        self.portions.push(self.next);
        self.next = Portion { offset: self.next.offset + self.text.len() as u64, record: self.records };
        self.text.clear();
        Ok(())
    }

    pub(super) fn finish(mut self, head: Vec<Value>) -> Result<Spilled, ScratchFault> {
        self.flush()?;
        Ok(Spilled { file: self.file, portions: self.portions, end: self.next, head })
    }
}

/// A scratch file returned something other than what was written to it.
pub(super) fn corrupted(detail: impl Display) -> ScratchFault {
    ScratchFault(format!("A scratch file does not hold what was written to it: {detail}. The disk may be broken."))
}

/// Reads records one after the other, holding one portion of text.
pub(super) struct SpillReader {
    spilled: Arc<Spilled>,
    /// The portion to read next.
    portion: usize,
    text: Vec<u8>,
    position: usize,
    /// How many records of the next portion are skipped.
    skip: usize,
}

impl SpillReader {
    pub(super) fn begin(spilled: Arc<Spilled>, skip: usize) -> Self {
        let portion = spilled.portions.partition_point(|portion| portion.record <= skip).saturating_sub(1);
        let skip = skip - spilled.portions.get(portion).map_or(0, |portion| portion.record);
        Self { spilled, portion, text: Vec::new(), position: 0, skip }
    }

    /// The next record; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Value>, ScratchFault> {
        while let Some(line) = self.next_line()? {
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            return serde_json::from_slice(&self.text[line]).map(Some).map_err(corrupted);
        }
        Ok(None)
    }

    /// The next records, at most `max`.
    pub(super) fn next_batch(&mut self, max: usize) -> Result<Vec<Value>, ScratchFault> {
        let mut records = Vec::with_capacity(max.min(self.spilled.len()));
        while records.len() < max {
            let Some(record) = self.next()? else { break };
            records.push(record);
        }
        Ok(records)
    }

    /// The range of the next line in the text.
    fn next_line(&mut self) -> Result<Option<std::ops::Range<usize>>, ScratchFault> {
        if self.position == self.text.len() && !self.fill()? {
            return Ok(None);
        }
        let unread = &self.text[self.position..];
        let length = unread.iter().position(|byte| *byte == b'\n').unwrap_or(unread.len());
        let line = self.position..self.position + length;
        self.position = (line.end + 1).min(self.text.len());
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
        (self.portion, self.position) = (self.portion + 1, 0);
        Ok(true)
    }
}
