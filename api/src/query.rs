//! What can be read.

use async_graphql::{Context, ID, Object};
use engine::model::catalogue::Choice;
use engine::ports::results::ResultFilter;
use engine::runtime::jobs::SaveJobError;
use serde_json::Value;

use crate::mutation::user_error::UserError;
use crate::objects::action::Action;
use crate::objects::collection::{self, AllCollections, Collection};
use crate::objects::filter_preview::{self, FilterPreview, PreviewFilterInput};
use crate::objects::filter_template::{self, AllFilterTemplates, FilterTemplate};
use crate::objects::global_id::result_id;
use crate::objects::job::{self, AllJobs, Job};
use crate::objects::job_result::{self, AllJobResults, JobResult};
use crate::objects::module::{self, Module};
use crate::objects::node::{self, Node};
use crate::objects::organization::Organization;
use crate::objects::page::{self, Page};
use crate::objects::queue::Queue;
use crate::objects::schedule::{self, AllSchedules, PreviewScheduleInput, Schedule, SchedulePreview};
use crate::objects::server_info::ServerInfo;
use crate::objects::status::Status;
use crate::objects::viewer::Viewer;
use crate::objects::{Result, access, engine, scope};

/// How many actions a server is expected to have when a document is weighed.
const EXPECTED_ACTIONS: usize = 50;
/// The same for queues.
const EXPECTED_QUEUES: usize = 20;
/// The same for modules.
const EXPECTED_MODULES: usize = 20;

/// What can be read. Everything is of the organization that the request is about; what
/// is of another one is not found.
pub(crate) struct Query;

/// What can be read. Everything is of the organization that the request is about; what
/// is of another one is not found.
#[Object]
impl Query {
    /// Whoever sent the request.
    async fn viewer(&self, context: &Context<'_>) -> Viewer {
        Viewer(access(context).clone())
    }

    /// The organization that the request is about.
    async fn organization(&self, context: &Context<'_>) -> Organization {
        Organization(access(context).organization.clone())
    }

    /// A job.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn job(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its key.")] key: String,
        #[graphql(desc = "A version of it; the newest if none is named.")] version: Option<u32>,
    ) -> Result<Option<Job>> {
        job::find(context, &key, version).await
    }

    /// The newest version of each job, by key.
    #[graphql(complexity = "page::cost(first, child_complexity)")]
    async fn jobs(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many: 1 to 100.", default_with = "page::USUAL")] first: i32,
        #[graphql(desc = "The `endCursor` of the page before.")] after: Option<String>,
    ) -> Result<Page<Job, AllJobs>> {
        job::list(context, first, after.as_deref()).await
    }

    /// A job result.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn job_result(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its global id, or its bare UUID.")] id: ID,
    ) -> Result<Option<JobResult>> {
        let Some(id) = result_id(&id) else { return Ok(None) };
        job_result::find(context, id).await
    }

    /// Job results, newest first.
    #[graphql(complexity = "page::cost(first, child_complexity)")]
    async fn job_results(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many: 1 to 100.", default_with = "page::USUAL")] first: i32,
        #[graphql(desc = "The `endCursor` of the page before.")] after: Option<String>,
        #[graphql(desc = "Only those of the job with this key.")] job: Option<String>,
        #[graphql(desc = "Only those with this status.")] status: Option<Status>,
    ) -> Result<Page<JobResult, AllJobResults>> {
        let filter = ResultFilter { job, status: status.map(Into::into) };
        job_result::list(context, first, after.as_deref(), filter).await
    }

    /// An action.
    async fn action(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "`module/action`, or the bare name where only one module has it.")] name: String,
    ) -> Result<Option<Action>> {
        let catalogue = engine(context).catalogue(scope(context)).await?;
        let found = catalogue.find(&name, Choice::Newest(&[])).ok();
        Ok(found.map(|found| Action::of(found.offering, &found.offered.spec.name)))
    }

    /// Every action that a line may name, of the newest version of each module, by full name.
    #[graphql(complexity = "page::times(EXPECTED_ACTIONS, child_complexity)")]
    async fn actions(&self, context: &Context<'_>) -> Result<Vec<Action>> {
        let catalogue = engine(context).catalogue(scope(context)).await?;
        Ok(catalogue.actions().map(|(module, offered)| Action::of(module, &offered.spec.name)).collect())
    }

    /// A version of a module.
    #[graphql(complexity = "page::BULKY + child_complexity")]
    async fn module(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its key.")] key: String,
        #[graphql(desc = "Its version; the newest if none is named.")] version: Option<String>,
    ) -> Result<Option<Module>> {
        let catalogue = engine(context).catalogue(scope(context)).await?;
        Ok(module::find(&catalogue, &key, version.as_deref()))
    }

    /// Every version of every module that the organization's jobs may use, by key, newest first.
    #[graphql(complexity = "page::times(EXPECTED_MODULES, child_complexity)")]
    async fn modules(&self, context: &Context<'_>) -> Result<Vec<Module>> {
        let catalogue = engine(context).catalogue(scope(context)).await?;
        Ok(catalogue.modules().cloned().map(Module).collect())
    }

    /// The queues that the organization's jobs can name, by key; `default` is among them.
    #[graphql(complexity = "page::STATEMENT + page::times(EXPECTED_QUEUES, child_complexity)")]
    async fn queues(&self, context: &Context<'_>) -> Result<Vec<Queue>> {
        Ok(engine(context).queues.queues(scope(context)).await?.into_iter().map(Queue).collect())
    }

    /// A collection.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn collection(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its name.")] name: String,
    ) -> Result<Option<Collection>> {
        collection::find(context, name).await
    }

    /// The collections, by name.
    #[graphql(complexity = "page::cost(first, child_complexity)")]
    async fn collections(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many: 1 to 100.", default_with = "page::USUAL")] first: i32,
        #[graphql(desc = "The `endCursor` of the page before.")] after: Option<String>,
    ) -> Result<Page<Collection, AllCollections>> {
        collection::list(context, first, after.as_deref()).await
    }

    /// A schedule.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn schedule(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Key of its job.")] job: String,
        #[graphql(desc = "Its key.")] key: String,
    ) -> Result<Option<Schedule>> {
        schedule::find(context, &job, &key).await
    }

    /// The schedules of all jobs, by job and key.
    #[graphql(complexity = "page::cost(first, child_complexity)")]
    async fn schedules(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many: 1 to 100.", default_with = "page::USUAL")] first: i32,
        #[graphql(desc = "The `endCursor` of the page before.")] after: Option<String>,
    ) -> Result<Page<Schedule, AllSchedules>> {
        schedule::list(context, first, after.as_deref()).await
    }

    /// The instants at which a schedule would start a job, without saving it.
    #[graphql(complexity = "page::BULKY + child_complexity")]
    async fn preview_schedule(&self, context: &Context<'_>, input: PreviewScheduleInput) -> Result<SchedulePreview> {
        schedule::preview(context, &input)
    }

    /// A filter template.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn filter_template(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its key.")] key: String,
        #[graphql(desc = "A version of it; the newest if none is named.")] version: Option<u32>,
    ) -> Result<Option<FilterTemplate>> {
        filter_template::find(context, &key, version).await
    }

    /// The newest version of each filter template that the organization's jobs may use, by key.
    #[graphql(complexity = "page::cost(first, child_complexity)")]
    async fn filter_templates(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many: 1 to 100.", default_with = "page::USUAL")] first: i32,
        #[graphql(desc = "The `endCursor` of the page before.")] after: Option<String>,
    ) -> Result<Page<FilterTemplate, AllFilterTemplates>> {
        filter_template::list(context, first, after.as_deref()).await
    }

    /// Tries a filter out on its real source, without storing anything. Its time is bounded,
    /// and it asks no script. Needs the role `EDITOR`, since it reads whatever a job could.
    #[graphql(complexity = "page::WORK + child_complexity")]
    async fn preview_filter(&self, context: &Context<'_>, input: PreviewFilterInput) -> Result<FilterPreview> {
        filter_preview::answer(context, input).await
    }

    /// Whatever has this global id.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn node(&self, context: &Context<'_>, #[graphql(desc = "A global id.")] id: ID) -> Result<Option<Node>> {
        node::find(context, &id).await
    }

    /// The server.
    async fn server_info(&self, context: &Context<'_>) -> ServerInfo {
        ServerInfo::of(engine(context))
    }

    /// What is wrong with a job, without saving it: every fault at once; empty if it
    /// could be saved.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn validate_job(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The job, in the shape of the job file.")] document: Value,
    ) -> Result<Vec<UserError>> {
        match engine(context).check_job(access(context), &document).await {
            Err(SaveJobError::Faults(faults)) => Ok(UserError::of_faults(faults)),
            Err(SaveJobError::Store(error)) => Err(error.into()),
            // Only saving looks at versions.
            Ok(_) | Err(SaveJobError::Conflict { .. } | SaveJobError::Absent) => Ok(Vec::new()),
        }
    }
}
