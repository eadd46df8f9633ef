//! Reading the records of a collection, as they stand at one moment.

use std::borrow::Cow;

use serde_json::Value;
use tokio::sync::mpsc::{Receiver, Sender};

use super::{Stop, Typed};
use crate::model::collection::Entry;
use crate::model::criteria::Criteria;
use crate::model::fault::did_you_mean;
use crate::model::filter::Filter;
use crate::model::organization::OrgScope;
use crate::model::source::CollectionSource;
use crate::ports::StoreError;
use crate::ports::collections::{Collections, Wanted};
use crate::runtime::perform::Broken;
use crate::runtime::select::lookup::Lookups;

/// How many names are looked through for one that is near.
const NAMES: u32 = 1000;

/// What the store is asked for: no more than it takes to know what the filter chooses. The store
/// does not know the field that shows the key, nor what lookups join.
pub(crate) fn wanted(source: &CollectionSource, filter: &Filter) -> Wanted {
    let criteria = filter.criteria_before_lookups();
    match key_in_criteria(source, filter) {
        // The store does not know the types, and records that do not fit them must not be passed over.
        _ if !filter.types.is_empty() => Wanted { criteria: Criteria::All(Vec::new()), limit: None },
        Some(field) => Wanted { criteria: criteria.without(field), limit: None },
        None => Wanted { criteria, limit: filter.suffices() },
    }
}

/// The store hands over the records of a collection that are wanted, in the order of their keys.
pub(crate) async fn take(
    collections: &dyn Collections,
    scope: OrgScope,
    source: &CollectionSource,
    wanted: Wanted,
    to: Sender<Vec<Entry>>,
) -> Result<(), Broken> {
    match collections.snapshot(scope, &source.name, &wanted, to).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Broken::Error(unknown(collections, scope, &source.name).await)),
        Err(error) => Err(broken(source, &error)),
    }
}

/// Looks at what the store hands over, and gives on what meets all criteria, as the filter sees
/// it and with its types. Blocking.
pub(crate) fn choose(
    mut from: Receiver<Vec<Entry>>,
    source: &CollectionSource,
    filter: &Filter,
    (typed, lookups, stop): (&mut Typed<'_>, &mut Lookups, &Stop),
    mut each: impl FnMut(Value) -> Result<(), Broken>,
) -> Result<(), Broken> {
    let checked = filter.types.is_empty() && key_in_criteria(source, filter).is_none() && filter.lookups().is_empty();
    while let Some(portion) = from.blocking_recv() {
        stop.check()?;
        for Entry { key, data } in portion {
            let Some(record) = typed.take(Cow::Owned(source.seen(key, data)))? else { continue };
            let Some(record) = lookups.join(record)? else { continue };
            if checked || filter.keeps(&record) {
                each(record.into_owned())?;
            }
        }
    }
    Ok(())
}

/// The field that shows the key, if the criteria say something of it.
fn key_in_criteria<'a>(source: &'a CollectionSource, filter: &Filter) -> Option<&'a str> {
    source.key_as.as_deref().filter(|field| filter.criteria().mentions(field))
}

/// Whether a collection has no records at all.
pub(crate) async fn is_bare(
    collections: &dyn Collections,
    scope: OrgScope,
    source: &CollectionSource,
) -> Result<bool, Broken> {
    let count = collections.count(scope, &source.name, &Criteria::All(Vec::new())).await;
    Ok(count.map_err(|error| broken(source, &error))?.unwrap_or(0) == 0)
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
