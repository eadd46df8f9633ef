//! What goes into a collection and what comes out of it.

use crate::Record;

/// A record with the key it is kept under.
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
    /// Adds a record; refused if there is one with this key.
    Insert(Entry),
    /// Adds a record, or replaces the one with this key.
    Upsert(Entry),
    /// Removes the record with this key; nothing happens if there is none.
    Delete(String),
}

impl Change {
    /// Adds a record; refused if there is one with this key. With an empty key the host makes one,
    /// the same whenever the line comes to this call again.
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
    /// Position in the list that was handed over, from 0.
    pub index: u32,
    /// One sentence with the cure.
    pub reason: String,
}

/// What came of a list of changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Records added.
    pub inserted: u32,
    /// Records replaced by others.
    pub updated: u32,
    /// Records removed.
    pub deleted: u32,
    /// Records that were already as they should be, or already gone.
    pub unchanged: u32,
    /// Changes that were not made.
    pub refused: Vec<Refused>,
}

/// Some records of a collection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order of their keys' bytes.
    pub entries: Vec<Entry>,
    /// Where the next page begins; none after the last one.
    pub next: Option<String>,
}
