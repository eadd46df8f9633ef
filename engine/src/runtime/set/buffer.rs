//! Bytes that are appended and read again anywhere: the last of them are in memory, and what is
//! beyond the bound of a set is in a scratch file.

use std::borrow::Cow;
use std::sync::Arc;

use super::Room;
use crate::ports::scratch::{ScratchFault, ScratchFile};

/// Bytes of any number, of which a bounded part is in memory.
pub(super) struct SpillBuffer {
    room: Room,
    /// None as long as all of it is in memory.
    file: Option<Arc<dyn ScratchFile>>,
    /// How many bytes are in the file; the tail follows them.
    in_file: u64,
    tail: Vec<u8>,
}

impl SpillBuffer {
    pub(super) fn of(room: Room) -> Self {
        Self { room, file: None, in_file: 0, tail: Vec::new() }
    }

    /// Appends bytes, and says where they begin. Blocking once the bound is met.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<u64, ScratchFault> {
        let offset = self.in_file + self.tail.len() as u64;
        self.tail.extend_from_slice(bytes);
        if self.tail.len() > self.room.bound.bytes {
            self.spill()?;
        }
        Ok(offset)
    }

    fn spill(&mut self) -> Result<(), ScratchFault> {
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => self.room.scratch.file()?,
        };
        file.write_at(&self.tail, self.in_file)?;
        self.in_file += self.tail.len() as u64;
        self.tail.clear();
        self.file = Some(file);
        Ok(())
    }

    /// Bytes that one call appended. Blocking where they are in the file.
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
