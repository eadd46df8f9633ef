//! Reading the records of a collection, as they stand at one moment.

use serde_json::Value;
use tokio::sync::mpsc::{Receiver, Sender};

use super::Stop;
use crate::model::collection::Entry;
use crate::model::criteria::{Criteria, Test};
use crate::model::fault::did_you_mean;
use crate::model::field_use::FieldUse;
use crate::model::filter::Filter;
use crate::model::organization::OrgScope;
use crate::model::source::CollectionSource;
use crate::ports::StoreError;
use crate::ports::collections::{Collections, Find, Wanted};
use crate::runtime::perform::Broken;

/// How many names are looked through for one that is near.
const NAMES: u32 = 1000;
/// How many records are searched for names of fields to suggest.
const SEARCHED_RECORDS: u32 = 20;
/// How many fields are looked for in the whole collection; each takes a query.
const SOUGHT_FIELDS: usize = 20;

/// The store hands over the records of a collection, in the order of their keys. It is asked for
/// no more than it takes to know what the filter chooses; only what criteria say of the field
/// that shows the key is none of its business, since that is no part of what it keeps.
pub(crate) async fn take(
    collections: &dyn Collections,
    scope: OrgScope,
    source: &CollectionSource,
    filter: &Filter,
    to: Sender<Vec<Entry>>,
) -> Result<(), Broken> {
    let wanted = match key_in_criteria(source, filter) {
        Some(field) => Wanted { criteria: filter.criteria().without(field), limit: None },
        None => Wanted { criteria: filter.criteria().clone(), limit: filter.suffices() },
    };
    match collections.snapshot(scope, &source.name, &wanted, to).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Broken::Error(unknown(collections, scope, &source.name).await)),
        Err(error) => Err(broken(source, &error)),
    }
}

/// Gives on what the store hands over, as the filter sees it. Some of it does not meet the
/// criteria, since the store leaves out what certainly fails. Blocking.
pub(crate) fn choose(
    mut from: Receiver<Vec<Entry>>,
    source: &CollectionSource,
    stop: &Stop,
    mut each: impl FnMut(Value) -> Result<(), Broken>,
) -> Result<(), Broken> {
    while let Some(portion) = from.blocking_recv() {
        stop.check()?;
        for Entry { key, data } in portion {
            each(source.seen(key, data))?;
        }
    }
    Ok(())
}

/// Looks in the whole collection for the fields that no record had which the store handed over.
pub(crate) async fn look_for(
    collections: &dyn Collections,
    scope: OrgScope,
    source: &CollectionSource,
    fields: &mut FieldUse,
) -> Result<(), Broken> {
    let find = async |criteria, limit| {
        let find = Find { criteria, after: None, limit };
        let found = collections.find(scope, &source.name, &find).await;
        found.map(|page| page.entries).map_err(|error| broken(source, &error))
    };
    if fields.missing().is_empty() {
        return Ok(());
    }
    for Entry { key, data } in find(Criteria::All(Vec::new()), SEARCHED_RECORDS).await? {
        fields.see(&source.seen(key, data));
    }
    for (number, field) in fields.missing().to_vec().iter().enumerate() {
        let there = Criteria::Field(field.clone(), Test::Exists(true));
        // What is not looked for is not said to be missing.
        if number >= SOUGHT_FIELDS || !find(there, 1).await?.is_empty() {
            fields.found(field);
        }
    }
    Ok(())
}

/// The field that shows the key, if the criteria say something of it.
fn key_in_criteria<'a>(source: &'a CollectionSource, filter: &Filter) -> Option<&'a str> {
    source.key_as.as_deref().filter(|field| filter.criteria().mentions(field))
}

/// How many records a collection has.
pub(crate) async fn count(
    collections: &dyn Collections,
    scope: OrgScope,
    source: &CollectionSource,
) -> Result<u64, Broken> {
    let count = collections.count(scope, &source.name, &Criteria::All(Vec::new())).await;
    Ok(count.map_err(|error| broken(source, &error))?.unwrap_or(0))
}

/// That a collection is not there, with the nearest one that is.
pub(crate) async fn unknown(collections: &dyn Collections, scope: OrgScope, name: &str) -> String {
    // Without the names the sentence is still true.
    let known = collections.list(scope, None, NAMES).await.map(|listed| listed.items).unwrap_or_default();
    match did_you_mean(name, known.iter().map(String::as_str)).as_str() {
        "" => format!("There is no collection `{name}` in this organization; the first write makes it."),
        near => format!("There is no collection `{name}` in this organization{near}"),
    }
}

fn broken(source: &CollectionSource, error: &StoreError) -> Broken {
    tracing::warn!(%error, collection = source.name, "a collection could not be read");
    Broken::Error(format!("The collection `{}` cannot be read at the moment; the node's log says why.", source.name))
}
