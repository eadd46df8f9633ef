//! Reading a set from its first record to its last. Blocking if it is in a file.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use crate::ports::scratch::ScratchFault;
use crate::records::Storage;
use crate::records::spill::SpillReader;

/// The records of a set, one after the other: borrowed from memory, or read from a file.
pub struct Iter<'a>(Source<'a>);

enum Source<'a> {
    Memory(std::slice::Iter<'a, Value>),
    Spilled(SpillReader),
    /// After an error, iteration ends.
    Failed,
}

impl<'a> Iter<'a> {
    pub(super) fn of(storage: &'a Storage, skip: usize) -> Self {
        Self(match storage {
            Storage::Memory(records) => Source::Memory(records[skip.min(records.len())..].iter()),
            Storage::Spilled(spilled) => Source::Spilled(SpillReader::begin(Arc::clone(spilled), skip)),
        })
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Result<Cow<'a, Value>, ScratchFault>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Source::Memory(records) => records.next().map(|record| Ok(Cow::Borrowed(record))),
            Source::Spilled(reader) => {
                let next = reader.next().transpose()?;
                if next.is_err() {
                    self.0 = Source::Failed;
                }
                Some(next.map(Cow::Owned))
            }
            Source::Failed => None,
        }
    }
}
