//! Entries of collections, and changes to them.

use crate::Record;

/// A record and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Unique in the collection; 1 to 500 bytes of text.
    pub key: String,
    /// The record.
    pub data: Record,
}

/// A change of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Adds a record; refused if a record with this key exists.
    Insert(Entry),
    /// Adds a record, or replaces the one with this key.
    Upsert(Entry),
    /// Removes the record with this key, if it exists.
    Delete(String),
}

impl Change {
    /// Adds a record; refused if a record with this key exists. If the key is empty, the host
    /// generates one, which is the same in every attempt of the line.
    pub fn insert(key: impl Into<String>, data: impl Into<Record>) -> Change {
        Change::Insert(Entry { key: key.into(), data: data.into() })
    }

    /// Adds a record, or replaces the one with this key.
    pub fn upsert(key: impl Into<String>, data: impl Into<Record>) -> Change {
        Change::Upsert(Entry { key: key.into(), data: data.into() })
    }

    /// Removes the record with this key.
    pub fn delete(key: impl Into<String>) -> Change {
        Change::Delete(key.into())
    }
}

/// A change that was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Position in the list of changes, from 0.
    pub index: u32,
    /// One sentence that says why and what to do.
    pub reason: String,
}

/// The outcome of a list of changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Records added.
    pub inserted: u32,
    /// Records replaced by others.
    pub updated: u32,
    /// Records removed.
    pub deleted: u32,
    /// Records that were already equal, or already removed.
    pub unchanged: u32,
    /// Changes that were not made.
    pub refused: Vec<Refused>,
}

/// Some records of a collection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order of the bytes of their keys.
    pub entries: Vec<Entry>,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<String>,
}
