//! Calls of collections through the contract, in a guest.

use super::{Change, Entry, Error, Page, Refused, Written};
use crate::Record;
use crate::bindings::ropewalk::host::collections as host;

pub(super) fn get(collection: &str, keys: &[String]) -> Result<Vec<Option<Record>>, Error> {
    let found = host::get(collection, keys).map_err(error)?;
    Ok(found.into_iter().map(|record| record.map(Record::from_text)).collect())
}

pub(super) fn page(collection: &str, criteria: &str, after: Option<&str>, limit: u32) -> Result<Page, Error> {
    let page = host::find(collection, criteria, after, limit).map_err(error)?;
    let entries = page.entries.into_iter();
    let entries = entries.map(|entry| Entry { key: entry.key, data: Record::from_text(entry.data) });
    Ok(Page { entries: entries.collect(), next: page.next })
}

pub(super) fn write(collection: &str, changes: &[Change]) -> Result<Written, Error> {
    let changes: Vec<host::Change> = changes.iter().map(change).collect();
    let written = host::write(collection, &changes).map_err(error)?;
    let refused = written.refused.into_iter();
    Ok(Written {
        inserted: written.inserted,
        updated: written.updated,
        deleted: written.deleted,
        unchanged: written.unchanged,
        refused: refused.map(|refused| Refused { index: refused.index, reason: refused.reason }).collect(),
    })
}

fn change(change: &Change) -> host::Change {
    let entry = |entry: &Entry| host::Entry { key: entry.key.clone(), data: entry.data.text().to_owned() };
    match change {
        Change::Insert(inserted) => host::Change::Insert(entry(inserted)),
        Change::Upsert(upserted) => host::Change::Upsert(entry(upserted)),
        Change::Delete(key) => host::Change::Delete(key.clone()),
    }
}

fn error(error: host::Error) -> Error {
    match error {
        host::Error::Denied(message) => Error::Denied(message),
        host::Error::Invalid(message) => Error::Invalid(message),
        host::Error::Unavailable(message) => Error::Unavailable(message),
    }
}
