//! Collections and their records.

use async_graphql::{Context, ID, Object, SimpleObject};
use engine::model::collection::Entry;
use engine::model::fault::Fault;
use engine::model::organization::OrganizationId;
use engine::model::record::size_of_text;
use engine::ports::Listed;
use engine::runtime::collections::{CollectionError, PageOfRecords};
use serde_json::Value;

use super::global_id::GlobalId;
use super::page::{self, Cursor, Page};
use super::{Result, access, engine, scope};
use crate::refusal::{Code, Refusal};

/// Named records that Ropewalk keeps for the organization. Filters choose from them, and
/// actions and callers write them. The first write makes a collection.
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

/// Named records that Ropewalk keeps for the organization. Filters choose from them, and
/// actions and callers write them. The first write makes a collection.
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

    /// How many records it has. Counted only when it is asked for.
    #[graphql(complexity = "page::STATEMENT")]
    async fn total_count(&self, context: &Context<'_>) -> Result<u64> {
        engine(context).count_records(scope(context), &self.name, None).await.map_err(refusal)
    }

    /// Its records, in the order of their keys' bytes. There is no other order: a page
    /// costs the same wherever it begins.
    #[graphql(complexity = "page::cost(first, child_complexity)")]
    async fn records(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many: 1 to 100.", default_with = "page::USUAL")] first: i32,
        #[graphql(desc = "The `endCursor` of the page before.")] after: Option<String>,
        #[graphql(name = "where", desc = "Criteria, as in a filter's `where`: `{\"status\": \"open\"}`.")]
        criteria: Option<Value>,
    ) -> Result<Page<Record, AllRecords>> {
        let (limit, after) = (page::size(first)?, page::start(after.as_deref())?);
        let asked = PageOfRecords { collection: &self.name, criteria: criteria.as_ref(), after: after.clone(), limit };
        let listed = async {
            let found = engine(context).find_records(scope(context), asked).await.map_err(refusal)?;
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
    /// What is kept: a JSON object.
    #[graphql(complexity = "page::BULKY")]
    data: Value,
}

impl Record {
    fn of(Entry { key, data }: Entry) -> Self {
        Self { key, data }
    }
}

/// What else a page of records tells.
pub(crate) struct AllRecords {
    collection: String,
    criteria: Option<Value>,
}

/// What else a page of records tells.
#[Object]
impl AllRecords {
    /// How many records meet the criteria in all. Counted only when it is asked for.
    #[graphql(complexity = "page::STATEMENT")]
    async fn total_count(&self, context: &Context<'_>) -> Result<u64> {
        let counted = engine(context).count_records(scope(context), &self.collection, self.criteria.as_ref());
        counted.await.map_err(refusal)
    }
}

/// What else a page of collections tells.
pub(crate) struct AllCollections;

/// What else a page of collections tells.
#[Object]
impl AllCollections {
    /// How many collections the organization has in all. Counted only when it is asked for.
    async fn total_count(&self, context: &Context<'_>) -> Result<u64> {
        Ok(engine(context).collections.tally(scope(context)).await?)
    }
}

/// A page of the caller's collections, by name.
pub(crate) async fn list(
    context: &Context<'_>,
    first: i32,
    after: Option<&str>,
) -> Result<Page<Collection, AllCollections>> {
    let (size, after) = (page::size(first)?, page::start(after)?);
    let listed = engine(context).collections.list(scope(context), after.as_deref(), size).await?;
    let edge = |name: String| (Cursor::behind(&name), Collection::of(context, name));
    Ok(page::of(listed, after.as_ref(), AllCollections, edge))
}

/// A collection of the caller, if it is there.
pub(crate) async fn find(context: &Context<'_>, name: String) -> Result<Option<Collection>> {
    let there = engine(context).has_collection(scope(context), &name).await?;
    Ok(there.then(|| Collection::of(context, name)))
}

/// What is wrong with a question is said of the whole field.
fn refusal(error: CollectionError) -> Refusal {
    match error {
        CollectionError::Faults(faults) => {
            let told: Vec<_> = faults.iter().map(Fault::to_string).collect();
            Refusal::bad(told.join("; "))
        }
        CollectionError::Absent(message) => Refusal::new(Code::NotFound, message),
        CollectionError::Quota(reached) => Refusal::bad(format!("{reached}.")),
        CollectionError::Store(error) => error.into(),
    }
}
