//! Reading the records of a collection, as they stand at one moment.

use super::Stop;
use crate::model::collection::Entry;
use crate::model::criteria::Criteria;
use crate::model::fault::did_you_mean;
use crate::model::filter::Filter;
use crate::model::organization::OrgScope;
use crate::model::record::Records;
use crate::model::source::CollectionSource;
use crate::ports::StoreError;
use crate::ports::collections::Collections;
use crate::runtime::perform::Broken;
use crate::runtime::select::RECORDS_BETWEEN_CHECKS;

/// How many names are looked through for one that is near.
const NAMES: u32 = 1000;

/// What a collection had for a filter.
pub(crate) struct Taken {
    /// The records that meet what the store was asked for.
    entries: Vec<Entry>,
    /// Whether the filter says more than that.
    more: bool,
    /// Whether the collection has no records at all.
    pub(crate) bare: bool,
}

/// Takes the records of a collection, in the order of their keys. The store is asked for no
/// more than it takes to know what the filter chooses; only what criteria say of the field
/// that shows the key is none of its business, since that is no part of what it keeps.
pub(crate) async fn take(
    collections: &dyn Collections,
    scope: OrgScope,
    source: &CollectionSource,
    filter: &Filter,
) -> Result<Taken, Broken> {
    let field = source.key_as.as_deref().filter(|field| filter.criteria().mentions(field));
    let (criteria, limit) = match field {
        Some(field) => (filter.criteria().without(field), None),
        None => (filter.criteria().clone(), filter.suffices()),
    };
    let found = collections.snapshot(scope, &source.name, &criteria, limit).await;
    let Some(entries) = found.map_err(|error| broken(source, &error))? else {
        return Err(Broken::Error(unknown(collections, scope, &source.name).await));
    };
    let bare = entries.is_empty() && is_bare(collections, scope, source).await?;
    Ok(Taken { entries, more: field.is_some(), bare })
}

impl Taken {
    /// How many records were taken, and those that meet all criteria, as the filter sees them.
    pub(crate) fn choose(
        self,
        source: &CollectionSource,
        filter: &Filter,
        stop: &Stop,
    ) -> Result<(usize, Records), Broken> {
        let (read, mut kept) = (self.entries.len(), Records::new());
        for (position, Entry { key, data }) in self.entries.into_iter().enumerate() {
            if position % RECORDS_BETWEEN_CHECKS == 0 {
                stop.check()?;
            }
            let record = source.seen(key, data);
            if !self.more || filter.keeps(&record) {
                kept.push(record);
            }
        }
        Ok((read, kept))
    }
}

async fn is_bare(collections: &dyn Collections, scope: OrgScope, source: &CollectionSource) -> Result<bool, Broken> {
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
