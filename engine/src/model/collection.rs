//! Collections: named records that Ropewalk keeps for an organization.

use std::collections::BTreeMap;

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

/// Works out what changes come to, made in their order where `there` tells the record with
/// a key: what is to be answered, and the records that are others afterwards (none: gone).
pub fn work_out<'a>(
    changes: &'a [Change],
    there: impl Fn(&str) -> Option<&'a Value>,
) -> (Written, BTreeMap<&'a str, Option<&'a Value>>) {
    let (mut written, mut left) = (Written::default(), BTreeMap::new());
    for (position, change) in (0..).zip(changes) {
        let key = change.key();
        let now = left.get(key).copied().unwrap_or_else(|| there(key));
        match (change, now) {
            (Change::Insert(_), Some(_)) => written.refused.push((position, taken(key))),
            (Change::Upsert(entry), Some(now)) if *now == entry.data => written.unchanged += 1,
            (Change::Insert(entry) | Change::Upsert(entry), now) => {
                match now {
                    Some(_) => written.updated += 1,
                    None => written.inserted += 1,
                }
                left.insert(key, Some(&entry.data));
            }
            (Change::Delete(_), Some(_)) => {
                written.deleted += 1;
                left.insert(key, None);
            }
            (Change::Delete(_), None) => written.unchanged += 1,
        }
    }
    (written, left)
}

/// Why a record was not inserted.
fn taken(key: &str) -> String {
    format!("there is already a record with the key `{key}`; write `upsert` to replace it")
}

/// Checks the key of a record.
///
/// # Errors
/// One sentence with the cure.
pub fn check_key(key: &str) -> Result<(), String> {
    if key.is_empty() || key.len() > LONGEST_KEY || key.chars().any(char::is_control) {
        return Err(format!("a key is a text of 1 to {LONGEST_KEY} bytes without control characters"));
    }
    Ok(())
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

    /// Checks key and record, and says how many bytes of JSON the record has.
    ///
    /// # Errors
    /// One sentence with the cure.
    pub fn check(&self) -> Result<usize, String> {
        check_key(self.key())?;
        let (Self::Insert(Entry { data, .. }) | Self::Upsert(Entry { data, .. })) = self else { return Ok(0) };
        if !data.is_object() {
            return Err("a record is a JSON object".to_owned());
        }
        let size = data.to_string().len();
        if size > LARGEST_RECORD {
            return Err(format!("the record has {size} bytes; at most {LARGEST_RECORD} are kept"));
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
        let there = json!({"n": 1});
        let changes = [
            Change::Insert(entry("a", json!({"n": 2}))),
            Change::Upsert(entry("a", json!({"n": 1}))),
            Change::Delete("a".to_owned()),
            Change::Insert(entry("a", json!({"n": 3}))),
            Change::Upsert(entry("a", json!({"n": 4}))),
            Change::Delete("b".to_owned()),
        ];
        let (written, left) = work_out(&changes, |key| (key == "a").then_some(&there));
        let expected = Written {
            inserted: 1,
            updated: 1,
            deleted: 1,
            unchanged: 2,
            refused: vec![(0, "there is already a record with the key `a`; write `upsert` to replace it".to_owned())],
        };
        assert_eq!(written, expected);
        assert_eq!(left, BTreeMap::from([("a", Some(&json!({"n": 4})))]));
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
        assert_eq!(Change::Upsert(entry("a", json!([]))).check(), Err("a record is a JSON object".to_owned()));
        let large = Change::Insert(entry("a", json!({"text": "x".repeat(LARGEST_RECORD)})));
        assert!(large.check().unwrap_err().contains("at most 1048576 are kept"));
        assert_eq!(Change::Delete("a".to_owned()).check(), Ok(0));
        assert_eq!(Change::Upsert(entry("a", json!({"n": 1}))).check(), Ok(7));
    }
}
