//! Records that Ropewalk keeps for the organization. Using this module is the request
//! for the grant `collections`.
//!
//! ```ignore
//! let found = collections::get("customers", &["42"])?;
//! let late = collections::find("invoices", &json!({"due": {"lt": context.now}}), 1_000)?;
//! collections::write("seen", &[Change::upsert("42", json!({"at": context.now}))])?;
//! ```

mod change;
mod error;

pub use change::{Change, Entry, Page, Refused, Written};
pub use error::Error;

use serde_json::Value;

use crate::Record;

#[cfg(target_arch = "wasm32")]
mod wire;
#[cfg(target_arch = "wasm32")]
use wire as far;

/// In an action's own tests, the test holds the collections.
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::fake as far;

/// Most entries that one page holds.
pub const LARGEST_PAGE: u32 = 10_000;

/// The records with these keys, in their order; none where there is none.
pub fn get<K: AsRef<str>>(collection: &str, keys: &[K]) -> Result<Vec<Option<Record>>, Error> {
    let keys: Vec<String> = keys.iter().map(|key| key.as_ref().to_owned()).collect();
    far::get(collection, &keys)
}

/// The first records that meet the criteria, in the order of their keys; at most `limit`.
/// Criteria are those of a filter's `where`; `{}` is for all.
pub fn find(collection: &str, criteria: &Value, limit: usize) -> Result<Vec<Entry>, Error> {
    let mut found = Vec::new();
    let mut after = None;
    while found.len() < limit {
        let room = u32::try_from(limit - found.len()).unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE);
        let next = page(collection, &criteria.to_string(), after.as_deref(), room)?;
        found.extend(next.entries);
        after = next.next;
        if after.is_none() {
            break;
        }
    }
    Ok(found)
}

/// One page of the records that meet the criteria (JSON text). `after` is the `next` of
/// the page before; `limit` is 1 to [`LARGEST_PAGE`].
pub fn page(collection: &str, criteria: &str, after: Option<&str>, limit: u32) -> Result<Page, Error> {
    far::page(collection, criteria, after, limit)
}

/// Makes all changes that are not refused, in one transaction, in their order. Happens
/// once for a line: the same call in a later attempt answers what the first one did.
pub fn write(collection: &str, changes: &[Change]) -> Result<Written, Error> {
    far::write(collection, changes)
}

#[cfg(test)]
mod tests;
