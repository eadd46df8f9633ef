//! The store of collections. Names, keys and records are checked before they come here.

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::mpsc::Sender;

use super::{Listed, StoreError};
use crate::model::collection::{Change, Entries, Entry, Written};
use crate::model::criteria::Criteria;
use crate::model::organization::OrgScope;
use crate::model::result::ResultId;

/// The identity of a call that changes something exactly once: a later call with the same identity changes nothing, and
/// gets the answer of the first one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// The job result to which it belongs, which exists. The record of the call is removed with it.
    pub result: ResultId,
    /// Unique in the result: the line, and the position of the call in it.
    pub call: String,
}

/// A request for a page of records.
#[derive(Debug, Clone)]
pub struct Find {
    /// The criteria that the records meet.
    pub criteria: Criteria,
    /// The key of the last record of the page before.
    pub after: Option<String>,
    /// How many records at most.
    pub limit: u32,
}

/// Which records a snapshot contains.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The criteria that the records meet. Records for which they are undecided are sent too, so that they can be
    /// counted.
    pub criteria: Criteria,
    /// How many records that meet the criteria at most; none for all of them. Nothing is sent after the last of them.
    pub limit: Option<usize>,
}

/// Keeps collections. A collection is created by the first write, even if that changes nothing, and exists until it is
/// removed, even without records.
#[async_trait]
pub trait Collections: Send + Sync {
    /// Makes the changes in their order, without those that are refused, in one transaction. Durable when it returns. A
    /// record that is already equal stays unchanged.
    async fn write(
        &self,
        scope: OrgScope,
        collection: &str,
        changes: &[Change],
        once: Option<&Once>,
    ) -> Result<Written, StoreError>;

    /// The records with these keys, in the order of the keys; none for a key that does not exist.
    async fn get(&self, scope: OrgScope, collection: &str, keys: &[String]) -> Result<Vec<Option<Value>>, StoreError>;

    /// A page of the records that meet the criteria, in the order of their keys' bytes.
    async fn find(&self, scope: OrgScope, collection: &str, find: &Find) -> Result<Entries, StoreError>;

    /// Sends every wanted record in the order of keys, in portions, from one consistent snapshot: later changes are not
    /// seen. Waits while the channel is full, and ends when the receiver is dropped. False if the collection does not
    /// exist.
    async fn snapshot(
        &self,
        scope: OrgScope,
        collection: &str,
        wanted: &Wanted,
        to: Sender<Vec<Entry>>,
    ) -> Result<bool, StoreError>;

    /// How many records meet the criteria; none if the collection does not exist.
    async fn count(&self, scope: OrgScope, collection: &str, criteria: &Criteria) -> Result<Option<u64>, StoreError>;

    /// Removes the records with these keys that meet the criteria at that moment, in one transaction. Returns how many
    /// there were. Durable when it returns.
    async fn delete(
        &self,
        scope: OrgScope,
        collection: &str,
        keys: &[String],
        criteria: &Criteria,
    ) -> Result<u32, StoreError>;

    /// The names of the collections, those after `after`, at most `limit`.
    async fn list(&self, scope: OrgScope, after: Option<&str>, limit: u32) -> Result<Listed<String>, StoreError>;

    /// How many collections there are.
    async fn tally(&self, scope: OrgScope) -> Result<u64, StoreError>;

    /// Removes a collection with all its records; false if it did not exist. Durable when it returns.
    async fn remove(&self, scope: OrgScope, collection: &str) -> Result<bool, StoreError>;
}
