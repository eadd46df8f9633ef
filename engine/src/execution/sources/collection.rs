//! Reading the records of a collection, from one consistent snapshot.

use serde_json::Value;
use tokio::sync::mpsc::{Receiver, Sender};

use crate::deadline::Deadline;
use crate::execution::outcome::LineError;
use crate::model::collection::Entry;
use crate::model::criteria::{Criteria, Test};
use crate::model::fault::did_you_mean;
use crate::model::field_use::FieldUse;
use crate::model::filter::Filter;
use crate::model::organization::OrgScope;
use crate::model::source::CollectionSource;
use crate::ports::StoreError;
use crate::ports::collections::{Collections, Find, Wanted};

/// How many names of collections are compared to suggest the nearest.
const COMPARED_NAMES: u32 = 1000;
/// How many records are read to know the names of fields that a warning may suggest.
const SEARCHED_RECORDS: u32 = 20;
/// How many fields are searched for in the whole collection; each takes a query.
const MAX_FIELD_QUERIES: usize = 20;

/// What the store is asked for: as little as is needed to evaluate the filter. The store knows neither the field that
/// shows the key nor the fields that lookups add.
pub(crate) fn wanted(source: &CollectionSource, filter: &Filter) -> Wanted {
    let criteria = filter.criteria_before_lookups();
    match key_in_criteria(source, filter) {
        // The store does not know the types, and must not leave out records that do not fit them.
        _ if !filter.types.is_empty() => Wanted { criteria: Criteria::All(Vec::new()), limit: None },
        Some(field) => Wanted { criteria: criteria.without(field), limit: None },
        None => Wanted { criteria, limit: filter.stop_after() },
    }
}

/// Lets the store send the wanted records of a collection, in the order of their keys.
pub(crate) async fn send_records(
    collections: &dyn Collections,
    scope: OrgScope,
    source: &CollectionSource,
    wanted: Wanted,
    sender: Sender<Vec<Entry>>,
) -> Result<(), LineError> {
    match collections.snapshot(scope, &source.name, &wanted, sender).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(LineError::Failed(describe_unknown(collections, scope, &source.name).await)),
        Err(error) => Err(unreadable(source, &error)),
    }
}

/// Receives the records that the store sends, as the filter sees them. Some do not meet the criteria: the store leaves
/// out only those that certainly fail. Blocking.
pub(crate) fn receive_records(
    mut receiver: Receiver<Vec<Entry>>,
    source: &CollectionSource,
    deadline: &Deadline,
    mut each: impl FnMut(Value) -> Result<(), LineError>,
) -> Result<(), LineError> {
    while let Some(portion) = receiver.blocking_recv() {
        deadline.check()?;
        for Entry { key, data } in portion {
            each(source.seen(key, data))?;
        }
    }
    Ok(())
}

/// Searches the whole collection for the fields that were in none of the records that the store sent.
pub(crate) async fn find_fields(
    collections: &dyn Collections,
    scope: OrgScope,
    source: &CollectionSource,
    fields: &mut FieldUse,
) -> Result<(), LineError> {
    let find = async |criteria, limit| {
        let find = Find { criteria, after: None, limit };
        let found = collections.find(scope, &source.name, &find).await;
        found.map(|page| page.entries).map_err(|error| unreadable(source, &error))
    };
    if fields.missing().is_empty() {
        return Ok(());
    }
    for Entry { key, data } in find(Criteria::All(Vec::new()), SEARCHED_RECORDS).await? {
        fields.see(&source.seen(key, data));
    }
    for (number, field) in fields.missing().to_vec().iter().enumerate() {
        let exists = Criteria::Field(field.clone(), Test::Exists(true));
        // A field that was not searched for is not reported as missing.
        if number >= MAX_FIELD_QUERIES || !find(exists, 1).await?.is_empty() {
            fields.found(field);
        }
    }
    Ok(())
}

/// The field that shows the key, if the criteria mention it.
fn key_in_criteria<'a>(source: &'a CollectionSource, filter: &Filter) -> Option<&'a str> {
    source.key_as.as_deref().filter(|field| filter.criteria().mentions(field))
}

/// How many records a collection has.
pub(crate) async fn count(
    collections: &dyn Collections,
    scope: OrgScope,
    source: &CollectionSource,
) -> Result<u64, LineError> {
    let count = collections.count(scope, &source.name, &Criteria::All(Vec::new())).await;
    Ok(count.map_err(|error| unreadable(source, &error))?.unwrap_or(0))
}

/// The message for a collection that does not exist, with the nearest name that does.
pub(crate) async fn describe_unknown(collections: &dyn Collections, scope: OrgScope, name: &str) -> String {
    // If the names cannot be read, the message only lacks the suggestion.
    let known = collections.list(scope, None, COMPARED_NAMES).await.map(|listed| listed.items).unwrap_or_default();
    match did_you_mean(name, known.iter().map(String::as_str)).as_str() {
        "" => format!("There is no collection `{name}` in this organization; the first write makes it."),
        near => format!("There is no collection `{name}` in this organization{near}"),
    }
}

fn unreadable(source: &CollectionSource, error: &StoreError) -> LineError {
    tracing::warn!(%error, collection = source.name, "a collection could not be read");
    LineError::Failed(format!(
        "The collection `{}` cannot be read at the moment; the node's log says why.",
        source.name
    ))
}
