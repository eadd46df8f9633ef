//! Organizations.

use async_graphql::connection::EmptyFields;
use async_graphql::{Context, ID, Object, SimpleObject};
use engine::model::{organization as model, quota};

use super::global_id::GlobalId;
use super::moment::Moment;
use super::page::{self, Cursor, Page};
use crate::resolver::{Result, access, engine};

/// A tenant of the server. Every job and every job result belongs to an organization.
#[derive(Debug, Clone)]
pub(crate) struct Organization(pub(crate) model::Organization);

/// A tenant of the server. Every job and every job result belongs to an organization.
#[Object]
impl Organization {
    /// Global id.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::Organization(self.0.id).encode()
    }

    /// Unique on the server, in kebab-case. Requests with a server token name their organization by it in the header
    /// `Ropewalk-Organization`.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// Name, for people.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// IANA name of its time zone, such as `Europe/Madrid`. It applies to jobs without a time zone of their own.
    async fn time_zone(&self) -> &str {
        self.0.time_zone.name()
    }

    /// Whether it is active. In a deactivated organization nothing starts, and its tokens are refused.
    async fn active(&self) -> bool {
        self.0.is_active()
    }

    /// Since when it is deactivated; null while it is active.
    async fn deactivated_at(&self) -> Option<Moment> {
        self.0.deactivated_at.map(Moment)
    }

    /// Its quotas.
    async fn quotas(&self) -> Quotas {
        Quotas::of(self.0.quotas)
    }

    /// How many of its job results have not ended; null if it is not the organization of the request.
    #[graphql(complexity = "page::STATEMENT")]
    async fn open_results(&self, context: &Context<'_>) -> Result<Option<u64>> {
        let access = access(context);
        if access.organization.id != self.0.id {
            return Ok(None);
        }
        Ok(Some(engine(context).results().count_open(access.scope()).await?))
    }

    /// How much it stores, as of the last count.
    async fn stored(&self, context: &Context<'_>) -> Stored {
        let stored = engine(context).usage().stored(self.0.id);
        Stored { history_mib: mib(stored.history_bytes), collection_mib: mib(stored.collection_bytes) }
    }
}

/// The quotas of an organization. Server administrators change them with `setQuotas`.
#[derive(SimpleObject)]
pub(crate) struct Quotas {
    /// Starts of jobs in a minute, of all kinds. All of them may come at once.
    starts_per_minute: u32,
    /// Job results that have not ended.
    open_results: u32,
    /// Mebibytes of job results with their lines and stored records.
    history_mib: i32,
    /// Mebibytes of records in collections.
    collection_mib: i32,
    /// Versions of modules that it has installed.
    modules: u32,
    /// Requests in a minute with one token. All of them may come at once.
    requests_per_minute: u32,
    /// Messages in a minute to one webhook. All of them may come at once.
    messages_per_minute: u32,
}

impl Quotas {
    fn of(quotas: quota::Quotas) -> Self {
        Self {
            starts_per_minute: quotas.starts_per_minute,
            open_results: quotas.open_results,
            history_mib: mib(quotas.history_bytes),
            collection_mib: mib(quotas.collection_bytes),
            modules: quotas.modules,
            requests_per_minute: quotas.requests_per_minute,
            messages_per_minute: quotas.messages_per_minute,
        }
    }
}

/// How many mebibytes an organization stores. They are counted every ten minutes.
#[derive(SimpleObject)]
pub(crate) struct Stored {
    /// Of its job results with their lines and stored records.
    history_mib: i32,
    /// Of the records in its collections.
    collection_mib: i32,
}

/// Bytes do not fit an `Int`.
fn mib(bytes: u64) -> i32 {
    i32::try_from(bytes >> 20).unwrap_or(i32::MAX)
}

/// A page of all organizations, by key.
pub(crate) async fn list(
    context: &Context<'_>,
    first: i32,
    after: Option<&str>,
) -> Result<Page<Organization, EmptyFields>> {
    let (size, after) = (page::size(first)?, page::start(after)?);
    let listed = engine(context).organizations().list(access(context), after.as_deref(), size).await?;
    let edge = |organization: model::Organization| (Cursor::behind(&organization.key), Organization(organization));
    Ok(page::of(listed, after.as_ref(), EmptyFields, edge))
}
