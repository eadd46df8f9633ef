//! A buffer of bytes that are appended and read at random. The last of them are in memory; beyond the bound of a set,
//! the others are in a scratch file.

use std::borrow::Cow;
use std::sync::Arc;

use crate::ports::scratch::{ScratchFault, ScratchFile};
use crate::records::SpillConfig;

pub(super) struct SpillBuffer {
    spill: SpillConfig,
    /// None as long as all of it is in memory.
    file: Option<Arc<dyn ScratchFile>>,
    /// How many bytes are in the file; the tail follows them.
    in_file: u64,
    tail: Vec<u8>,
}

impl SpillBuffer {
    pub(super) fn of(spill: SpillConfig) -> Self {
        Self { spill, file: None, in_file: 0, tail: Vec::new() }
    }

    /// Appends bytes, and returns their offset. Blocking once the bound is reached.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<u64, ScratchFault> {
        let offset = self.in_file + self.tail.len() as u64;
        self.tail.extend_from_slice(bytes);
        if self.tail.len() > self.spill.bound.bytes {
            self.spill()?;
        }
        Ok(offset)
    }

    fn spill(&mut self) -> Result<(), ScratchFault> {
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => self.spill.scratch.file()?,
        };
        file.write_at(&self.tail, self.in_file)?;
        self.in_file += self.tail.len() as u64;
        self.tail.clear();
        self.file = Some(file);
        Ok(())
    }

    /// The bytes that one call appended. Blocking if they are in the file.
    pub(super) fn read(&self, offset: u64, length: usize) -> Result<Cow<'_, [u8]>, ScratchFault> {
        match (&self.file, offset.checked_sub(self.in_file)) {
            (Some(file), None) => {
                let mut bytes = vec![0; length];
                file.read_at(&mut bytes, offset)?;
                Ok(Cow::Owned(bytes))
            }
            (_, in_tail) => {
                let begin = usize::try_from(in_tail.unwrap_or(offset)).unwrap_or(usize::MAX);
                let bytes = self.tail.get(begin..begin.saturating_add(length));
                bytes
                    .map(Cow::Borrowed)
                    .ok_or_else(|| ScratchFault(format!("No {length} bytes were kept at {offset}.")))
            }
        }
    }
}
