//! How much of a set is held in memory, and where the other records go.

use std::sync::Arc;

use serde_json::Value;

use crate::ports::scratch::{Scratch, ScratchFolder};
use crate::records::{SetWriter, Sink};

/// How much of a set is held in memory.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    /// How many records.
    pub records: usize,
    /// How many bytes of JSON text, roughly. Values take several times as much.
    pub bytes: usize,
}

/// The bound of every set: small enough that many jobs at once need little memory, and large enough that most sets
/// never touch a disk.
const BOUND: Bound = Bound { records: 20_000, bytes: 2 * 1024 * 1024 };

/// Where sets keep their records. Clones share the scratch space.
#[derive(Clone)]
pub struct SpillConfig {
    /// How much is held in memory.
    pub(super) bound: Bound,
    /// Where the other records go.
    pub(super) scratch: Arc<dyn Scratch>,
}

impl SpillConfig {
    /// The default bound, and this scratch space.
    pub fn with(scratch: Arc<dyn Scratch>) -> Self {
        Self { bound: BOUND, scratch }
    }

    /// The same scratch space with another bound.
    pub fn bounded(self, bound: Bound) -> Self {
        Self { bound, ..self }
    }

    /// A new set, written from async threads.
    pub(crate) fn sink(&self) -> Sink {
        Sink::into(self.writer())
    }

    /// A new set, still empty.
    pub fn writer(&self) -> SetWriter {
        SetWriter::of(self.clone())
    }
}

impl Default for SpillConfig {
    /// The default bound, and the system's folder for temporary files.
    fn default() -> Self {
        Self::with(Arc::new(ScratchFolder::of_system()))
    }
}

/// An estimate of how many bytes a value takes as JSON text, much cheaper than writing it.
pub(super) fn weight(value: &Value) -> usize {
    const SHORT: usize = 6;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => SHORT,
        Value::String(text) => text.len() + 3,
        Value::Array(elements) => 2 + elements.iter().map(weight).sum::<usize>(),
        Value::Object(fields) => 2 + fields.iter().map(|(name, field)| name.len() + 3 + weight(field)).sum::<usize>(),
    }
}
