//! Reading a set batch by batch from an async thread. From a file, the next batch is read ahead while the caller works
//! on the one before; more than these two are never in memory.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;
use tokio::task::JoinHandle;

use crate::ports::scratch::ScratchFault;
use crate::records::Storage;
use crate::records::sink::task_failed;
use crate::records::spill::SpillReader;

/// The batches of a set.
pub(crate) struct Batches<'a> {
    size: usize,
    source: Source<'a>,
}

enum Source<'a> {
    Memory(&'a [Value]),
    /// The batch that is being read, with the reader for the one after.
    Ahead(JoinHandle<Result<(Vec<Value>, SpillReader), ScratchFault>>),
    Ended,
}

impl<'a> Batches<'a> {
    pub(super) fn of(storage: &'a Storage, size: usize, skip: usize) -> Self {
        let size = size.max(1);
        let source = match storage {
            Storage::Memory(records) => Source::Memory(&records[skip.min(records.len())..]),
            Storage::Spilled(spilled) => read_ahead(SpillReader::begin(Arc::clone(spilled), skip), size),
        };
        Self { size, source }
    }

    /// The next batch; none at the end. Only the last may be smaller than the size that was asked for.
    pub(crate) async fn next(&mut self) -> Result<Option<Cow<'a, [Value]>>, ScratchFault> {
        match std::mem::replace(&mut self.source, Source::Ended) {
            Source::Memory([]) | Source::Ended => Ok(None),
            Source::Memory(records) => {
                let (batch, remaining) = records.split_at(self.size.min(records.len()));
                self.source = Source::Memory(remaining);
                Ok(Some(Cow::Borrowed(batch)))
            }
            Source::Ahead(reading) => {
                let (batch, reader) = reading.await.map_err(|error| task_failed(&error))??;
                if batch.is_empty() {
                    return Ok(None);
                }
                self.source = read_ahead(reader, self.size);
                Ok(Some(Cow::Owned(batch)))
            }
        }
    }
}

fn read_ahead(mut reader: SpillReader, size: usize) -> Source<'static> {
    Source::Ahead(tokio::task::spawn_blocking(move || Ok((reader.next_batch(size)?, reader))))
}
