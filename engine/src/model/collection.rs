//! Collections: named records that Ropewalk keeps for an organization.

use serde_json::Value;

/// Longest key of a record, in bytes.
pub const LONGEST_KEY: usize = 500;
/// Largest record, in bytes of JSON.
pub const LARGEST_RECORD: usize = 1024 * 1024;
const LONGEST_NAME: usize = 100;

/// A record with the key it is kept under.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Unique in the collection.
    pub key: String,
    /// A JSON object.
    pub data: Value,
}

/// A change of one record.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Adds a record; refused if there is one with this key.
    Insert(Entry),
    /// Adds a record, or replaces the one with this key.
    Upsert(Entry),
    /// Removes the record with this key; nothing happens if there is none.
    Delete(String),
}

/// What came of a list of changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// Records added.
    pub inserted: u32,
    /// Records replaced by others.
    pub updated: u32,
    /// Records removed.
    pub deleted: u32,
    /// Records that were already as they should be, or already gone.
    pub unchanged: u32,
    /// Positions of changes that were not made, with reasons.
    pub refused: Vec<(u32, String)>,
}

/// Some records of a collection, in the order of their keys' bytes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Entries {
    /// The records.
    pub entries: Vec<Entry>,
    /// The key after which the next page begins; none after the last page.
    pub next: Option<String>,
}

/// Checks the name of a collection.
///
/// # Errors
/// One sentence with the cure.
pub fn check_name(name: &str) -> Result<(), String> {
    let word = |word: &str| {
        !word.is_empty() && word.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
    };
    if name.len() <= LONGEST_NAME && name.split(['-', '_', '.']).all(word) {
        return Ok(());
    }
    Err(format!(
        "`{name}` cannot name a collection; write lower-case words joined by `-`, `_` or `.`, at most 100 characters"
    ))
}

impl Change {
    /// The key of the record that it is about.
    pub fn key(&self) -> &str {
        match self {
            Self::Insert(entry) | Self::Upsert(entry) => &entry.key,
            Self::Delete(key) => key,
        }
    }

    /// Checks key and record.
    ///
    /// # Errors
    /// One sentence with the cure.
    pub fn check(&self) -> Result<(), String> {
        let key = self.key();
        if key.is_empty() || key.len() > LONGEST_KEY || key.chars().any(char::is_control) {
            return Err(format!("a key is a text of 1 to {LONGEST_KEY} bytes without control characters"));
        }
        let (Self::Insert(Entry { data, .. }) | Self::Upsert(Entry { data, .. })) = self else { return Ok(()) };
        if !data.is_object() {
            return Err("a record is a JSON object".to_owned());
        }
        let size = data.to_string().len();
        if size > LARGEST_RECORD {
            return Err(format!("the record has {size} bytes; at most {LARGEST_RECORD} are kept"));
        }
        Ok(())
    }
}
