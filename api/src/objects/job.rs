//! Jobs.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, ID, Object};
use engine::model::organization::OrganizationId;
use engine::model::record::size_of_text;
use engine::model::webhook::MOST_OF_A_JOB;
use engine::ports::jobs::SavedJob;
use serde_json::Value;

use super::global_id::GlobalId;
use super::moment::Moment;
use super::page::{self, Cursor, Page};
use super::schedule::{Schedule, ScheduleLoader};
use super::webhook::{self, Webhook};
use crate::resolver::{Result, access, engine, scope};

/// How many schedules a job is assumed to have when the cost of a document is computed.
const EXPECTED_SCHEDULES: usize = 5;

/// One version of a job: a named list of lines with policies. A version never changes; saving creates a new one.
pub(crate) struct Job {
    pub(crate) organization: OrganizationId,
    pub(crate) saved: SavedJob,
}

impl Job {
    /// A job of the caller's organization.
    pub(crate) fn of(context: &Context<'_>, saved: SavedJob) -> Self {
        Self { organization: access(context).organization.id, saved }
    }
}

/// One version of a job: a named list of lines with policies. A version never changes; saving creates a new one.
#[Object]
impl Job {
    /// Global id of the job: the same for all its versions.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::Job(self.organization, self.saved.key.clone()).encode()
    }

    /// Unique in its organization, kebab-case.
    async fn key(&self) -> &str {
        &self.saved.key
    }

    /// Name, for people.
    async fn name(&self) -> &str {
        &self.saved.name
    }

    /// Number of the version: 1 for the first, then one more each time it is saved.
    async fn version(&self) -> u32 {
        self.saved.version
    }

    /// Description by the author.
    async fn description(&self) -> Option<&str> {
        self.saved.document.get("description").and_then(Value::as_str)
    }

    /// Whether it may start by itself. An inactive job can still be started by hand.
    async fn active(&self) -> bool {
        self.saved.document.get("active").and_then(Value::as_bool).unwrap_or(true)
    }

    /// The schedules of its newest version with their positions, by key.
    #[graphql(complexity = "page::times(EXPECTED_SCHEDULES, child_complexity)")]
    async fn schedules(&self, context: &Context<'_>) -> Result<Vec<Schedule>> {
        let loader = context.data_unchecked::<DataLoader<ScheduleLoader>>();
        let schedules = loader.load_one(self.saved.key.clone()).await?.unwrap_or_default();
        Ok(schedules.into_iter().map(Schedule).collect())
    }

    /// The whole job, as in a job file.
    #[graphql(complexity = "page::BULKY")]
    async fn document(&self) -> &Value {
        &self.saved.document
    }

    /// The webhooks that start it, by key.
    #[graphql(complexity = "page::times(MOST_OF_A_JOB, child_complexity)")]
    async fn webhooks(&self, context: &Context<'_>) -> Result<Vec<Webhook>> {
        webhook::of_job(context, &self.saved.key).await
    }

    /// When this version was saved.
    async fn saved_at(&self) -> Moment {
        Moment(self.saved.saved_at)
    }

    /// Who saved this version.
    async fn saved_by(&self) -> &str {
        &self.saved.saved_by
    }
}

/// Additional fields of a page of jobs.
pub(crate) struct AllJobs;

/// Additional fields of a page of jobs.
#[Object]
impl AllJobs {
    /// How many jobs the organization has in total. They are counted only when this field is requested.
    async fn total_count(&self, context: &Context<'_>) -> Result<u64> {
        Ok(engine(context).jobs().count(scope(context)).await?)
    }
}

/// A version of a job of the caller, if it exists.
pub(crate) async fn find(context: &Context<'_>, key: &str, version: Option<u32>) -> Result<Option<Job>> {
    let saved = async { Ok(engine(context).jobs().find(scope(context), key, version).await?) };
    let saved = page::find(context, saved, |saved| size_of_text(&saved.document)).await?;
    Ok(saved.map(|saved| Job::of(context, saved)))
}

/// A page of the caller's jobs, by key.
pub(crate) async fn list(context: &Context<'_>, first: i32, after: Option<&str>) -> Result<Page<Job, AllJobs>> {
    let (size, after) = (page::size(first)?, page::start(after)?);
    let listed = async { Ok(engine(context).jobs().list(scope(context), after.as_deref(), size).await?) };
    let listed = page::read(context, listed, |saved| size_of_text(&saved.document)).await?;
    Ok(page::of(listed, after.as_ref(), AllJobs, |saved| (Cursor::behind(&saved.key), Job::of(context, saved))))
}
