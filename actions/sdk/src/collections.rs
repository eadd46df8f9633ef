//! Records that Ropewalk stores for the organization. A module that uses this requests
//! the grant `collections`.
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
use wire as backend;

/// In the tests of an action, the test provides the collections.
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::fake as backend;

/// Most entries of one page.
pub const LARGEST_PAGE: u32 = 10_000;

/// The records with these keys, in the same order; `None` for a key without a record.
pub fn get<K: AsRef<str>>(collection: &str, keys: &[K]) -> Result<Vec<Option<Record>>, Error> {
    let keys: Vec<String> = keys.iter().map(|key| key.as_ref().to_owned()).collect();
    backend::get(collection, &keys)
}

/// The first records that match the criteria, at most `limit`, in the order of their keys.
/// Criteria are written as in a filter's `where`; `{}` matches all records.
pub fn find(collection: &str, criteria: &Value, limit: usize) -> Result<Vec<Entry>, Error> {
    let mut found = Vec::new();
    let mut after = None;
    while found.len() < limit {
        let room = u32::try_from(limit - found.len()).unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE);
        let page = page(collection, &criteria.to_string(), after.as_deref(), room)?;
        found.extend(page.entries);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(found)
}

/// One page of the records that match the criteria (JSON text). `after` is the `next` of
/// the previous page; `limit` is 1 to [`LARGEST_PAGE`].
pub fn page(collection: &str, criteria: &str, after: Option<&str>, limit: u32) -> Result<Page, Error> {
    backend::page(collection, criteria, after, limit)
}

/// Makes all changes that are not refused, in order and in one transaction. It happens only
/// once for a line: the same call in a later attempt gets the outcome of the first one.
pub fn write(collection: &str, changes: &[Change]) -> Result<Written, Error> {
    backend::write(collection, changes)
}

#[cfg(test)]
mod tests;
