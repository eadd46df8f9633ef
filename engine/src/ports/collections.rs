//! Where collections are kept. Names, keys and records are checked before they come here.

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::mpsc::Sender;

use super::{Listed, StoreError};
use crate::model::collection::{Change, Entries, Entry, Written};
use crate::model::criteria::Criteria;
use crate::model::organization::OrgScope;
use crate::model::result::ResultId;

/// Names a call that changes something once, whatever happens: a later call with the same
/// name changes nothing and is answered what the first one was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// The job result that it belongs to, which is there. The memory of the call goes with it.
    pub result: ResultId,
    /// Unique in the result: the line, and the how-manieth call of it.
    pub call: String,
}

/// What is looked for in a collection.
#[derive(Debug, Clone)]
pub struct Find {
    /// What the records meet.
    pub criteria: Criteria,
    /// The key of the last record of the page before.
    pub after: Option<String>,
    /// How many records at most.
    pub limit: u32,
}

/// What a snapshot holds.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What the records meet. Records for which it is undecided come too, to be counted.
    pub criteria: Criteria,
    /// How many records that meet the criteria at most; none for all of them. Nothing comes
    /// after the last of them.
    pub limit: Option<usize>,
}

/// Keeps collections. One that was never written to, or was removed, is not there; it is
/// made by the first write, whatever that comes to, and stays when its last record is gone.
#[async_trait]
pub trait Collections: Send + Sync {
    /// Makes the changes in their order, all that are not refused in one transaction. Durable
    /// when it answers. A record that is already equal stays unchanged.
    async fn write(
        &self,
        scope: OrgScope,
        collection: &str,
        changes: &[Change],
        once: Option<&Once>,
    ) -> Result<Written, StoreError>;

    /// The records with these keys, in their order; none where there is none.
    async fn get(&self, scope: OrgScope, collection: &str, keys: &[String]) -> Result<Vec<Option<Value>>, StoreError>;

    /// A page of the records that meet the criteria, in the order of their keys' bytes.
    async fn find(&self, scope: OrgScope, collection: &str, find: &Find) -> Result<Entries, StoreError>;

    /// Hands over every record that is wanted, in the order of keys and in portions, as they all
    /// stand at one moment: no change that comes meanwhile is seen. Waits while the receiver has
    /// not taken what is there, and ends when it is gone. False if the collection is not there.
    async fn snapshot(
        &self,
        scope: OrgScope,
        collection: &str,
        wanted: &Wanted,
        to: Sender<Vec<Entry>>,
    ) -> Result<bool, StoreError>;

    /// How many records meet the criteria; none if the collection is not there.
    async fn count(&self, scope: OrgScope, collection: &str, criteria: &Criteria) -> Result<Option<u64>, StoreError>;

    /// Removes those of these records that are there and meet the criteria at that moment, in
    /// one transaction, and says how many they were. Durable when it answers.
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

    /// Removes a collection with all its records; false if it was not there. Durable when it answers.
    async fn remove(&self, scope: OrgScope, collection: &str) -> Result<bool, StoreError>;
}
