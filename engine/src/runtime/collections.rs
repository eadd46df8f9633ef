//! Collections, as people and programs reach them from outside a job: what names, keys,
//! records and criteria are checked for before they come to the store, and the bounds of
//! one call. Lines of jobs reach them by their grants instead (`reach`).

use chrono_tz::Tz;
use serde_json::Value;
use tokio::sync::mpsc::channel;

use super::engine::Engine;
use super::sources::collection::unknown;
use super::usage::QuotaReached;
use crate::model::collection::{Change, Entries, Written, check_key, check_name};
use crate::model::criteria::{self, Criteria, Reading};
use crate::model::fault::{Fault, element};
use crate::model::organization::{Access, OrgScope};
use crate::ports::StoreError;
use crate::ports::collections::{Find, Wanted};

/// How many records one call may change, or name by their keys.
pub const CHANGES_AT_MOST: usize = 1_000;
/// How many bytes of JSON one call may write.
pub const BYTES_AT_MOST: usize = 16 * 1024 * 1024;
/// How many records are looked for and removed at once, so that others are let in between.
const PIECE: u32 = 1_000;

/// Why nothing was done with a collection.
#[derive(Debug, thiserror::Error)]
pub enum CollectionError {
    /// What was asked for is wrong.
    #[error("the request has {} faults", .0.len())]
    Faults(Vec<Fault>),
    /// The organization keeps as much as it may.
    #[error(transparent)]
    Quota(#[from] QuotaReached),
    /// There is no such collection: a sentence with the nearest name.
    #[error("{0}")]
    Absent(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which records of a collection.
#[derive(Debug, Clone)]
pub enum Which {
    /// Those with these keys.
    Keys(Vec<String>),
    /// Those that meet these criteria, in the shape of a filter's `where`.
    Where(Value),
}

/// A page of records that is asked for.
#[derive(Debug, Clone)]
pub struct PageOfRecords<'a> {
    /// Name of the collection.
    pub collection: &'a str,
    /// Criteria, in the shape of a filter's `where`.
    pub criteria: Option<&'a Value>,
    /// The key of the last record of the page before.
    pub after: Option<String>,
    /// How many records at most.
    pub limit: u32,
}

fn fault(path: &str, message: impl Into<String>) -> CollectionError {
    CollectionError::Faults(vec![Fault::at(path, message)])
}

fn all_right(faults: Vec<Fault>) -> Result<(), CollectionError> {
    if faults.is_empty() { Ok(()) } else { Err(CollectionError::Faults(faults)) }
}

impl Engine {
    /// Reads criteria, with bare dates in the organization's zone. Patterns take a while to
    /// compile, which is done away from the threads that answer calls.
    async fn read_criteria(&self, scope: OrgScope, written: Option<&Value>) -> Result<Criteria, CollectionError> {
        let Some(written) = written.cloned() else {
            return Ok(Criteria::All(Vec::new()));
        };
        let organization = self.organizations.by_id(scope.organization()).await?;
        let zone = organization.map_or(Tz::UTC, |organization| organization.time_zone);
        let reading = tokio::task::spawn_blocking(move || criteria::parse(&written, "where", Reading::Rendered, zone));
        match reading.await {
            Ok(read) => read.map_err(CollectionError::Faults),
            Err(error) => Err(fault("where", format!("the criteria cannot be read: {error}"))),
        }
    }

    /// Changes records of a collection, which is made if it is not there. A change that is
    /// refused leaves the others as they are; if something is wrong with the request
    /// itself, nothing is changed.
    ///
    /// # Errors
    /// See [`CollectionError`].
    pub async fn write_records(
        &self,
        access: &Access,
        collection: &str,
        changes: &[Change],
    ) -> Result<Written, CollectionError> {
        check_name(collection).map_err(|message| fault("collection", message))?;
        check_changes(changes)?;
        self.may_write_records(&access.organization)?;
        Ok(self.collections.write(access.scope(), collection, changes, None).await?)
    }

    /// A page of records that meet criteria. A collection that is not there has none.
    ///
    /// # Errors
    /// See [`CollectionError`].
    pub async fn find_records(&self, scope: OrgScope, page: PageOfRecords<'_>) -> Result<Entries, CollectionError> {
        let criteria = self.read_criteria(scope, page.criteria).await?;
        let find = Find { criteria, after: page.after, limit: page.limit };
        Ok(self.collections.find(scope, page.collection, &find).await?)
    }

    /// How many records meet criteria.
    ///
    /// # Errors
    /// See [`CollectionError`].
    pub async fn count_records(
        &self,
        scope: OrgScope,
        collection: &str,
        criteria: Option<&Value>,
    ) -> Result<u64, CollectionError> {
        let criteria = self.read_criteria(scope, criteria).await?;
        Ok(self.collections.count(scope, collection, &criteria).await?.unwrap_or(0))
    }

    /// Removes records, and says how many there were. Each of them met the criteria when it
    /// was removed. Many are removed piece by piece, so that a caller who gives up in
    /// between may have removed some of them.
    ///
    /// # Errors
    /// See [`CollectionError`].
    pub async fn delete_records(
        &self,
        scope: OrgScope,
        collection: &str,
        which: &Which,
    ) -> Result<u64, CollectionError> {
        let criteria = match which {
            Which::Keys(keys) => check_keys(keys).map(|()| Criteria::All(Vec::new()))?,
            Which::Where(written) => self.read_criteria(scope, Some(written)).await?,
        };
        self.there(scope, collection).await?;
        match which {
            Which::Keys(keys) => Ok(self.collections.delete(scope, collection, keys, &criteria).await?.into()),
            Which::Where(_) => self.delete_matching(scope, collection, criteria).await,
        }
    }

    async fn delete_matching(
        &self,
        scope: OrgScope,
        collection: &str,
        criteria: Criteria,
    ) -> Result<u64, CollectionError> {
        let (mut find, mut deleted) = (Find { criteria, after: None, limit: PIECE }, 0);
        loop {
            let page = self.collections.find(scope, collection, &find).await?;
            let keys: Vec<_> = page.entries.into_iter().map(|entry| entry.key).collect();
            deleted += u64::from(self.collections.delete(scope, collection, &keys, &find.criteria).await?);
            find.after = page.next;
            if find.after.is_none() {
                return Ok(deleted);
            }
        }
    }

    /// Removes a collection with all its records.
    ///
    /// # Errors
    /// See [`CollectionError`].
    pub async fn delete_collection(&self, scope: OrgScope, collection: &str) -> Result<(), CollectionError> {
        match self.collections.remove(scope, collection).await? {
            true => Ok(()),
            false => Err(self.absent(scope, collection).await),
        }
    }

    /// Whether a collection is there.
    ///
    /// # Errors
    /// The store failed.
    pub async fn has_collection(&self, scope: OrgScope, collection: &str) -> Result<bool, StoreError> {
        // One record has room in the channel, and nobody looks at it.
        let (to, _from) = channel(1);
        let one = Wanted { criteria: Criteria::All(Vec::new()), limit: Some(1) };
        self.collections.snapshot(scope, collection, &one, to).await
    }

    async fn there(&self, scope: OrgScope, collection: &str) -> Result<(), CollectionError> {
        match self.has_collection(scope, collection).await? {
            true => Ok(()),
            false => Err(self.absent(scope, collection).await),
        }
    }

    async fn absent(&self, scope: OrgScope, collection: &str) -> CollectionError {
        CollectionError::Absent(unknown(self.collections.as_ref(), scope, collection).await)
    }
}

fn check_changes(changes: &[Change]) -> Result<(), CollectionError> {
    if changes.len() > CHANGES_AT_MOST {
        let message = format!("are {}; write at most {CHANGES_AT_MOST} at once", changes.len());
        return Err(fault("changes", message));
    }
    let (mut faults, mut bytes) = (Vec::new(), 0);
    for (position, change) in changes.iter().enumerate() {
        match change.check() {
            Ok(size) => bytes += size,
            Err(message) => faults.push(Fault::at(element("changes", position), message)),
        }
    }
    if bytes > BYTES_AT_MOST {
        faults.push(Fault::at("changes", format!("have {bytes} bytes; write at most {BYTES_AT_MOST} at once")));
    }
    all_right(faults)
}

fn check_keys(keys: &[String]) -> Result<(), CollectionError> {
    if keys.len() > CHANGES_AT_MOST {
        return Err(fault("keys", format!("are {}; name at most {CHANGES_AT_MOST} at once", keys.len())));
    }
    let faults = keys.iter().enumerate().filter_map(|(position, key)| {
        check_key(key).err().map(|message| Fault::at(element("keys", position), message))
    });
    all_right(faults.collect())
}
