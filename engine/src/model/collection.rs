//! Collections: named sets of records that Ropewalk keeps for an organization.

use std::collections::BTreeMap;

use serde_json::Value;

use super::text::is_lower_case_word;

/// Longest key of a record, in bytes.
pub const LONGEST_KEY: usize = 500;
/// Largest record, in bytes of JSON.
pub const LARGEST_RECORD: usize = 1024 * 1024;
const LONGEST_NAME: usize = 100;

/// A record with its key.
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
    /// Adds a record, or replaces the record with this key.
    Upsert(Entry),
    /// Removes the record with this key, if there is one.
    Delete(String),
}

/// The outcome of a list of changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// Records added.
    pub inserted: u32,
    /// Records replaced by different ones.
    pub updated: u32,
    /// Records removed.
    pub deleted: u32,
    /// Changes that had no effect: the record was already the same, or did not exist.
    pub unchanged: u32,
    /// Positions of changes that were refused, with reasons.
    pub refused: Vec<(u32, String)>,
}

/// A page of the records of a collection, in the order of the bytes of their keys.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Entries {
    /// The records.
    pub entries: Vec<Entry>,
    /// The key after which the next page begins; none after the last page.
    pub next: Option<String>,
}

/// Applies changes in their order to the records that `existing` finds by key. Returns the outcome,
/// and the records that differ afterwards by key; none for a record that was deleted.
pub fn work_out<'a>(
    changes: &'a [Change],
    existing: impl Fn(&str) -> Option<&'a Value>,
) -> (Written, BTreeMap<&'a str, Option<&'a Value>>) {
    let (mut written, mut changed) = (Written::default(), BTreeMap::new());
    for (position, change) in (0..).zip(changes) {
        let key = change.key();
        let current = changed.get(key).copied().unwrap_or_else(|| existing(key));
        match (change, current) {
            (Change::Insert(_), Some(_)) => written.refused.push((position, taken(key))),
            (Change::Upsert(entry), Some(current)) if *current == entry.data => written.unchanged += 1,
            (Change::Insert(entry) | Change::Upsert(entry), current) => {
                match current {
                    Some(_) => written.updated += 1,
                    None => written.inserted += 1,
                }
                changed.insert(key, Some(&entry.data));
            }
            (Change::Delete(_), Some(_)) => {
                written.deleted += 1;
                changed.insert(key, None);
            }
            (Change::Delete(_), None) => written.unchanged += 1,
        }
    }
    (written, changed)
}

/// Why a record was not inserted.
fn taken(key: &str) -> String {
    format!("there is already a record with the key `{key}`; use `upsert` to replace it")
}

/// Checks the key of a record.
///
/// # Errors
/// One sentence with what is allowed.
pub fn check_key(key: &str) -> Result<(), String> {
    if key.is_empty() || key.len() > LONGEST_KEY || key.chars().any(char::is_control) {
        return Err(format!("the key must have 1 to {LONGEST_KEY} bytes and no control characters"));
    }
    Ok(())
}

/// Checks the name of a collection.
///
/// # Errors
/// One sentence with what is allowed.
pub fn check_name(name: &str) -> Result<(), String> {
    if name.len() <= LONGEST_NAME && name.split(['-', '_', '.']).all(is_lower_case_word) {
        return Ok(());
    }
    Err(format!(
        "`{name}` cannot be the name of a collection; use lower-case words joined by `-`, `_` or `.`, at most \
         {LONGEST_NAME} characters"
    ))
}

impl Change {
    /// The key of the record to change.
    pub fn key(&self) -> &str {
        match self {
            Self::Insert(entry) | Self::Upsert(entry) => &entry.key,
            Self::Delete(key) => key,
        }
    }

    /// Checks key and record, and returns the size of the record in bytes of JSON.
    ///
    /// # Errors
    /// One sentence with what is allowed.
    pub fn check(&self) -> Result<usize, String> {
        check_key(self.key())?;
        let (Self::Insert(Entry { data, .. }) | Self::Upsert(Entry { data, .. })) = self else { return Ok(0) };
        if !data.is_object() {
            return Err("the record must be a JSON object".to_owned());
        }
        let size = data.to_string().len();
        if size > LARGEST_RECORD {
            return Err(format!("the record has {size} bytes; at most {LARGEST_RECORD} are allowed"));
        }
        Ok(size)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(key: &str, data: Value) -> Entry {
        Entry { key: key.to_owned(), data }
    }

    #[test]
    fn changes_of_one_key_are_made_in_their_order() {
        let existing = json!({"n": 1});
        let changes = [
            Change::Insert(entry("a", json!({"n": 2}))),
            Change::Upsert(entry("a", json!({"n": 1}))),
            Change::Delete("a".to_owned()),
            Change::Insert(entry("a", json!({"n": 3}))),
            Change::Upsert(entry("a", json!({"n": 4}))),
            Change::Delete("b".to_owned()),
        ];
        let (written, changed) = work_out(&changes, |key| (key == "a").then_some(&existing));
        let expected = Written {
            inserted: 1,
            updated: 1,
            deleted: 1,
            unchanged: 2,
            refused: vec![(0, "there is already a record with the key `a`; use `upsert` to replace it".to_owned())],
        };
        assert_eq!(written, expected);
        assert_eq!(changed, BTreeMap::from([("a", Some(&json!({"n": 4})))]));
    }

    #[test]
    fn names_keys_and_records_are_checked() {
        for good in ["orders", "open-orders", "a.b_c-1", &"a".repeat(100)] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["", "Orders", "a--b", "-a", "a/b", "a b", "ñ", &"a".repeat(101)] {
            assert!(check_name(bad).unwrap_err().contains("lower-case words"), "{bad}");
        }
        for good in ["a", " ", "Ünicode 🪢", &"k".repeat(LONGEST_KEY)] {
            assert_eq!(check_key(good), Ok(()), "{good}");
        }
        for bad in ["", "a\nb", "\u{0}", "\u{7f}", &"k".repeat(LONGEST_KEY + 1)] {
            assert!(check_key(bad).unwrap_err().contains("1 to 500 bytes"), "{bad}");
        }
        assert_eq!(Change::Upsert(entry("a", json!([]))).check(), Err("the record must be a JSON object".to_owned()));
        let large = Change::Insert(entry("a", json!({"text": "x".repeat(LARGEST_RECORD)})));
        assert!(large.check().unwrap_err().contains("at most 1048576 are allowed"));
        assert_eq!(Change::Delete("a".to_owned()).check(), Ok(0));
        assert_eq!(Change::Upsert(entry("a", json!({"n": 1}))).check(), Ok(7));
    }
}
