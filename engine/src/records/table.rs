//! A hash table of records. The records are in a [`SpillBuffer`]; memory holds 16 bytes for each of them.

use std::hash::{BuildHasher, RandomState};

use serde_json::Value;

use crate::ports::scratch::ScratchFault;
use crate::records::buffer::SpillBuffer;
use crate::records::spill::corrupted;
use crate::records::spill_config::SpillConfig;

/// How many bytes of an entry hold the length of its key.
const LENGTH: usize = size_of::<u32>();

/// Makes a table.
pub(crate) struct TableWriter(Table);

/// Records, each under its own key. The keys are hashed with a random seed, so that nobody can construct collisions.
pub(crate) struct Table {
    hasher: RandomState,
    /// In the order of hashes.
    slots: Vec<Slot>,
    entries: SpillBuffer,
}

/// Where an entry is. An entry is the length of its key, the key, and the record as JSON text.
struct Slot {
    hash: u32,
    length: u32,
    offset: u64,
}

/// Why there is no table.
#[derive(Debug)]
pub(crate) enum TableFault {
    /// Two records have this key.
    DuplicateKey(String),
    /// The records cannot be kept.
    Scratch(ScratchFault),
}

impl From<ScratchFault> for TableFault {
    fn from(fault: ScratchFault) -> Self {
        Self::Scratch(fault)
    }
}

impl TableWriter {
    pub(crate) fn of(spill: &SpillConfig) -> Self {
        Self(Table { hasher: RandomState::new(), slots: Vec::new(), entries: SpillBuffer::of(spill.clone()) })
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.0.slots.len()
    }

    /// Adds a record. Blocking once the bound is reached.
    pub(crate) fn push(&mut self, key: &str, record: &Value) -> Result<(), ScratchFault> {
        let too_long = |_| ScratchFault("A record of a lookup has more than 4 GiB.".to_owned());
        let mut entry = u32::try_from(key.len()).map_err(too_long)?.to_le_bytes().to_vec();
        entry.extend_from_slice(key.as_bytes());
        serde_json::to_writer(&mut entry, record)
            .map_err(|error| ScratchFault(format!("A record cannot be written as JSON: {error}.")))?;
        let length = u32::try_from(entry.len()).map_err(too_long)?;
        let offset = self.0.entries.append(&entry)?;
        self.0.slots.push(Slot { hash: self.0.hash(key), length, offset });
        Ok(())
    }

    /// The table. Blocking if the records are in a file.
    pub(crate) fn finish(self) -> Result<Table, TableFault> {
        let Self(mut table) = self;
        table.slots.sort_unstable_by_key(|slot| (slot.hash, slot.offset));
        match table.find_duplicate()? {
            Some(key) => Err(TableFault::DuplicateKey(key)),
            None => Ok(table),
        }
    }
}

impl Table {
    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The record with a key. Blocking if the records are in a file.
    pub(crate) fn find(&self, key: &str) -> Result<Option<Value>, ScratchFault> {
        let hash = self.hash(key);
        let first = self.slots.partition_point(|slot| slot.hash < hash);
        for slot in self.slots[first..].iter().take_while(|slot| slot.hash == hash) {
            let entry = self.entries.read(slot.offset, slot.length as usize)?;
            let (found, record) = self.split(slot, &entry)?;
            if found == key {
                return serde_json::from_slice(record).map(Some).map_err(corrupted);
            }
        }
        Ok(None)
    }

    /// A key that two records have. Only entries with equal hashes are read.
    fn find_duplicate(&self) -> Result<Option<String>, ScratchFault> {
        for same in self.slots.chunk_by(|a, b| a.hash == b.hash).filter(|same| same.len() > 1) {
            let mut keys: Vec<String> = Vec::new();
            for slot in same {
                let entry = self.entries.read(slot.offset, slot.length as usize)?;
                let (key, _) = self.split(slot, &entry)?;
                if keys.iter().any(|other| other == key) {
                    return Ok(Some(key.to_owned()));
                }
                keys.push(key.to_owned());
            }
        }
        Ok(None)
    }

    /// The key and the record of an entry.
    fn split<'a>(&self, slot: &Slot, entry: &'a [u8]) -> Result<(&'a str, &'a [u8]), ScratchFault> {
        let parts = entry.split_first_chunk::<LENGTH>().and_then(|(length, rest)| {
            let (key, record) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            Some((std::str::from_utf8(key).ok()?, record))
        });
        let whole = parts.filter(|(key, _)| self.hash(key) == slot.hash);
        whole.ok_or_else(|| corrupted("an entry has another key"))
    }

    fn hash(&self, key: &str) -> u32 {
        (self.hasher.hash_one(key) >> u32::BITS) as u32
    }
}

#[cfg(test)]
mod tests;
