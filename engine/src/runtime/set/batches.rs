//! Reading a set batch by batch from an async thread. From a file, the next batch is read
//! while the one before is being worked on; more than these two are never in memory.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;
use tokio::task::JoinHandle;

use super::Held;
use super::sink::broken_off;
use super::spill::SpillReader;
use crate::ports::scratch::ScratchFault;

/// The batches of a set.
pub(crate) struct Batches<'a> {
    size: usize,
    source: Source<'a>,
}

enum Source<'a> {
    Memory(&'a [Value]),
    /// The batch that is being read, with what reads the one after.
    Ahead(JoinHandle<Result<(Vec<Value>, SpillReader), ScratchFault>>),
    Ended,
}

impl<'a> Batches<'a> {
    pub(super) fn of(held: &'a Held, size: usize, skip: usize) -> Self {
        let size = size.max(1);
        let source = match held {
            Held::Memory(records) => Source::Memory(&records[skip.min(records.len())..]),
            Held::Spilled(spilled) => read_ahead(SpillReader::begin(Arc::clone(spilled), skip), size),
        };
        Self { size, source }
    }

    /// The next batch; none at the end. Each has the size that was asked for, but the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Cow<'a, [Value]>>, ScratchFault> {
        match std::mem::replace(&mut self.source, Source::Ended) {
            Source::Memory([]) | Source::Ended => Ok(None),
            Source::Memory(records) => {
                let (batch, rest) = records.split_at(self.size.min(records.len()));
                self.source = Source::Memory(rest);
                Ok(Some(Cow::Borrowed(batch)))
            }
            Source::Ahead(reading) => {
                let (batch, reader) = reading.await.map_err(|error| broken_off(&error))??;
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
    Source::Ahead(tokio::task::spawn_blocking(move || Ok((reader.some(size)?, reader))))
}
