//! Collections, for people and programs outside of jobs: names, keys, records and criteria are checked here before they
//! reach the store, and each call is limited. Lines of jobs use `execution::host_calls` instead, with the grants of
//! their modules.

use chrono_tz::Tz;
use serde_json::Value;
use tokio::sync::mpsc::channel;

use super::Collections;
use crate::execution::sources::collection::describe_unknown;
use crate::model::collection::{Change, Entries, Written, check_key, check_name};
use crate::model::criteria::{self, Criteria, Reading};
use crate::model::fault::{Fault, element};
use crate::model::organization::{Access, OrgScope};
use crate::model::refusal::Refusal;
use crate::model::rights::Operation;
use crate::node::blocking::blocking;
use crate::node::service_error::ServiceError;
use crate::ports::collections::{Find, Wanted};
use crate::ports::{Listed, StoreError};

/// How many records one call may change, or name by their keys.
pub const CHANGES_AT_MOST: usize = 1_000;
/// How many bytes of JSON one call may write.
pub const BYTES_AT_MOST: usize = 16 * 1024 * 1024;
/// How many records are removed at once: other writes can happen between these steps.
const DELETE_STEP: u32 = 1_000;

/// Which records of a collection are meant.
#[derive(Debug, Clone)]
pub enum Which {
    /// Those with these keys.
    Keys(Vec<String>),
    /// Those that meet these criteria, in the shape of a filter's `where`.
    Where(Value),
}

/// A request for a page of records.
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

impl Collections {
    /// Parses criteria, with dates without a zone in the organization's zone. Patterns take a while to compile, so this
    /// is done on a blocking thread.
    async fn read_criteria(&self, scope: OrgScope, written: Option<&Value>) -> Result<Criteria, ServiceError> {
        let Some(written) = written.cloned() else {
            return Ok(Criteria::All(Vec::new()));
        };
        let organization = self.node.stores.organizations.by_id(scope.organization()).await?;
        let zone = organization.map_or(Tz::UTC, |organization| organization.time_zone);
        Ok(blocking(move || criteria::parse(&written, "where", Reading::Rendered, zone)).await??)
    }

    /// Changes records of a collection, which is created if it does not exist. If a change is refused, the others are
    /// still made; if the request itself has a fault, nothing is changed.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn write(&self, access: &Access, collection: &str, changes: &[Change]) -> Result<Written, ServiceError> {
        access.require(Operation::WriteRecords)?;
        check_name(collection).map_err(|message| Refusal::invalid("collection", message))?;
        check_changes(changes)?;
        self.node.usage.check_collection_bytes(&access.organization)?;
        Ok(self.node.stores.collections.write(access.scope(), collection, changes, None).await?)
    }

    /// A page of records that meet criteria. A collection that does not exist has none.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn find(&self, scope: OrgScope, page: PageOfRecords<'_>) -> Result<Entries, ServiceError> {
        let criteria = self.read_criteria(scope, page.criteria).await?;
        let find = Find { criteria, after: page.after, limit: page.limit };
        Ok(self.node.stores.collections.find(scope, page.collection, &find).await?)
    }

    /// How many records meet criteria.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn count(
        &self,
        scope: OrgScope,
        collection: &str,
        criteria: Option<&Value>,
    ) -> Result<u64, ServiceError> {
        let criteria = self.read_criteria(scope, criteria).await?;
        Ok(self.node.stores.collections.count(scope, collection, &criteria).await?.unwrap_or(0))
    }

    /// Removes records, and returns how many. Each of them met the criteria when it was removed. Many records are
    /// removed in several steps: if the caller gives up in between, some of them are removed.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn delete(&self, access: &Access, collection: &str, which: &Which) -> Result<u64, ServiceError> {
        access.require(Operation::DeleteRecords)?;
        let scope = access.scope();
        let criteria = match which {
            Which::Keys(keys) => check_keys(keys).map(|()| Criteria::All(Vec::new()))?,
            Which::Where(written) => self.read_criteria(scope, Some(written)).await?,
        };
        self.require_exists(scope, collection).await?;
        match which {
            Which::Keys(keys) => {
                Ok(self.node.stores.collections.delete(scope, collection, keys, &criteria).await?.into())
            }
            Which::Where(_) => self.delete_matching(scope, collection, criteria).await,
        }
    }

    async fn delete_matching(
        &self,
        scope: OrgScope,
        collection: &str,
        criteria: Criteria,
    ) -> Result<u64, ServiceError> {
        let (mut find, mut deleted) = (Find { criteria, after: None, limit: DELETE_STEP }, 0);
        loop {
            let page = self.node.stores.collections.find(scope, collection, &find).await?;
            let keys: Vec<_> = page.entries.into_iter().map(|entry| entry.key).collect();
            deleted += u64::from(self.node.stores.collections.delete(scope, collection, &keys, &find.criteria).await?);
            find.after = page.next;
            if find.after.is_none() {
                return Ok(deleted);
            }
        }
    }

    /// Removes a collection with all its records.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn remove(&self, access: &Access, collection: &str) -> Result<(), ServiceError> {
        access.require(Operation::DeleteCollection)?;
        let scope = access.scope();
        match self.node.stores.collections.remove(scope, collection).await? {
            true => Ok(()),
            false => Err(self.not_found(scope, collection).await),
        }
    }

    /// Whether a collection exists.
    ///
    /// # Errors
    /// The store failed.
    pub async fn exists(&self, scope: OrgScope, collection: &str) -> Result<bool, StoreError> {
        // The channel holds the one record, and nobody reads it.
        let (to, _from) = channel(1);
        let one = Wanted { criteria: Criteria::All(Vec::new()), limit: Some(1) };
        self.node.stores.collections.snapshot(scope, collection, &one, to).await
    }

    /// The names of collections after this one, at most `limit`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(&self, scope: OrgScope, after: Option<&str>, limit: u32) -> Result<Listed<String>, StoreError> {
        self.node.stores.collections.list(scope, after, limit).await
    }

    /// How many collections there are.
    ///
    /// # Errors
    /// The store failed.
    pub async fn tally(&self, scope: OrgScope) -> Result<u64, StoreError> {
        self.node.stores.collections.tally(scope).await
    }

    async fn require_exists(&self, scope: OrgScope, collection: &str) -> Result<(), ServiceError> {
        match self.exists(scope, collection).await? {
            true => Ok(()),
            false => Err(self.not_found(scope, collection).await),
        }
    }

    async fn not_found(&self, scope: OrgScope, collection: &str) -> ServiceError {
        let collections = self.node.stores.collections.as_ref();
        Refusal::not_found("collection", describe_unknown(collections, scope, collection).await).into()
    }
}

fn check_changes(changes: &[Change]) -> Result<(), ServiceError> {
    if changes.len() > CHANGES_AT_MOST {
        let message = format!("has {} changes; one call may have at most {CHANGES_AT_MOST}", changes.len());
        return Err(Refusal::invalid("changes", message).into());
    }
    let (mut faults, mut bytes) = (Vec::new(), 0);
    for (position, change) in changes.iter().enumerate() {
        match change.check() {
            Ok(size) => bytes += size,
            Err(message) => faults.push(Fault::at(element("changes", position), message)),
        }
    }
    if bytes > BYTES_AT_MOST {
        faults.push(Fault::at("changes", format!("has {bytes} bytes; one call may write at most {BYTES_AT_MOST}")));
    }
    refuse_if_any(faults)
}

fn check_keys(keys: &[String]) -> Result<(), ServiceError> {
    if keys.len() > CHANGES_AT_MOST {
        let message = format!("has {} keys; one call may have at most {CHANGES_AT_MOST}", keys.len());
        return Err(Refusal::invalid("keys", message).into());
    }
    let faults = keys.iter().enumerate().filter_map(|(position, key)| {
        check_key(key).err().map(|message| Fault::at(element("keys", position), message))
    });
    refuse_if_any(faults.collect())
}

fn refuse_if_any(faults: Vec<Fault>) -> Result<(), ServiceError> {
    if faults.is_empty() { Ok(()) } else { Err(faults.into()) }
}
