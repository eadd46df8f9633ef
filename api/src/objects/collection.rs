//! Collections and their records.

use async_graphql::{Context, ID, Object, SimpleObject};
use engine::model::collection::Entry;

use engine::model::organization::OrganizationId;
use engine::model::record::size_of_text;
use engine::ports::Listed;
use engine::services::collections::PageOfRecords;
use serde_json::Value;

use super::global_id::GlobalId;
use super::page::{self, Cursor, Page};
use crate::resolver::{Result, access, engine, scope};

/// Named records that Ropewalk keeps for the organization. Filters read them; actions and API clients write them.
/// The first write creates a collection.
pub(crate) struct Collection {
    organization: OrganizationId,
    name: String,
}

impl Collection {
    /// A collection of the caller's organization.
    pub(crate) fn of(context: &Context<'_>, name: String) -> Self {
        Self { organization: access(context).organization.id, name }
    }
}

/// Named records that Ropewalk keeps for the organization. Filters read them; actions and API clients write them.
/// The first write creates a collection.
#[Object]
impl Collection {
    /// Global id.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::Collection(self.organization, self.name.clone()).encode()
    }

    /// Unique in its organization: lower-case words joined by `-`, `_` or `.`.
    async fn name(&self) -> &str {
        &self.name
    }

    /// How many records it has. They are counted only when this field is requested.
    #[graphql(complexity = "page::STATEMENT")]
    async fn total_count(&self, context: &Context<'_>) -> Result<u64> {
        Ok(engine(context).collections().count(scope(context), &self.name, None).await?)
    }

    /// Its records, in the order of the bytes of their keys. There is no other order, so that every page costs the
    /// same.
    #[graphql(complexity = "page::cost(first, child_complexity)")]
    async fn records(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many: 1 to 100.", default_with = "page::USUAL")] first: i32,
        #[graphql(desc = "The `endCursor` of the previous page.")] after: Option<String>,
        #[graphql(name = "where", desc = "Criteria, as in the `where` of a filter: `{\"status\": \"open\"}`.")]
        criteria: Option<Value>,
    ) -> Result<Page<Record, AllRecords>> {
        let (limit, after) = (page::size(first)?, page::start(after.as_deref())?);
        let asked = PageOfRecords { collection: &self.name, criteria: criteria.as_ref(), after: after.clone(), limit };
        let listed = async {
            let found = engine(context).collections().find(scope(context), asked).await?;
            Ok(Listed { more: found.next.is_some(), items: found.entries })
        };
        let listed = page::read(context, listed, |entry| size_of_text(&entry.data)).await?;
        let extra = AllRecords { collection: self.name.clone(), criteria };
        Ok(page::of(listed, after.as_ref(), extra, |entry| (Cursor::behind(&entry.key), Record::of(entry))))
    }
}

/// A record of a collection.
#[derive(SimpleObject)]
pub(crate) struct Record {
    /// Unique in the collection: 1 to 500 bytes.
    key: String,
    /// The record: a JSON object.
    #[graphql(complexity = "page::BULKY")]
    data: Value,
}

impl Record {
    fn of(Entry { key, data }: Entry) -> Self {
        Self { key, data }
    }
}

/// Additional fields of a page of records.
pub(crate) struct AllRecords {
    collection: String,
    criteria: Option<Value>,
}

/// Additional fields of a page of records.
#[Object]
impl AllRecords {
    /// How many records meet the criteria in total. They are counted only when this field is requested.
    #[graphql(complexity = "page::STATEMENT")]
    async fn total_count(&self, context: &Context<'_>) -> Result<u64> {
        let collections = engine(context).collections();
        Ok(collections.count(scope(context), &self.collection, self.criteria.as_ref()).await?)
    }
}

/// Additional fields of a page of collections.
pub(crate) struct AllCollections;

/// Additional fields of a page of collections.
#[Object]
impl AllCollections {
    /// How many collections the organization has in total. They are counted only when this field is requested.
    async fn total_count(&self, context: &Context<'_>) -> Result<u64> {
        Ok(engine(context).collections().tally(scope(context)).await?)
    }
}

/// A page of the caller's collections, by name.
pub(crate) async fn list(
    context: &Context<'_>,
    first: i32,
    after: Option<&str>,
) -> Result<Page<Collection, AllCollections>> {
    let (size, after) = (page::size(first)?, page::start(after)?);
    let listed = engine(context).collections().list(scope(context), after.as_deref(), size).await?;
    let edge = |name: String| (Cursor::behind(&name), Collection::of(context, name));
    Ok(page::of(listed, after.as_ref(), AllCollections, edge))
}

/// A collection of the caller, if it exists.
pub(crate) async fn find(context: &Context<'_>, name: String) -> Result<Option<Collection>> {
    let exists = engine(context).collections().exists(scope(context), &name).await?;
    Ok(exists.then(|| Collection::of(context, name)))
}
