//! The queries.

use async_graphql::connection::EmptyFields;
use async_graphql::{Context, ID, Object};
use engine::model::catalogue::Choice;
use engine::ports::results::ResultFilter;
use serde_json::Value;

use crate::objects::action::Action;
use crate::objects::audit_entry::{self, AuditEntry, AuditLogFilter};
use crate::objects::collection::{self, AllCollections, Collection};
use crate::objects::filter_preview::{self, FilterPreview, PreviewFilterInput};
use crate::objects::filter_template::{self, AllFilterTemplates, FilterTemplate};
use crate::objects::global_id::result_id;
use crate::objects::job::{self, AllJobs, Job};
use crate::objects::job_result::{self, AllJobResults, JobResult};
use crate::objects::module::{self, Module};
use crate::objects::node::{self, Node};
use crate::objects::organization::{self, Organization};
use crate::objects::page::{self, Page};
use crate::objects::queue::Queue;
use crate::objects::schedule::{self, AllSchedules, PreviewScheduleInput, Schedule, SchedulePreview};
use crate::objects::server_info::ServerInfo;
use crate::objects::status::Status;
use crate::objects::token::{self, Token};
use crate::objects::viewer::Viewer;
use crate::resolver::{Result, access, engine, scope};
use crate::user_error::{UserError, user_errors};

/// How many actions a server is assumed to have when the cost of a document is computed.
const EXPECTED_ACTIONS: usize = 50;
/// The same for queues.
const EXPECTED_QUEUES: usize = 20;
/// The same for modules.
const EXPECTED_MODULES: usize = 20;

/// The queries. They return only objects of the organization of the request; those of other organizations are not
/// found.
pub(crate) struct Query;

/// The queries. They return only objects of the organization of the request; those of other organizations are not
/// found.
#[Object]
impl Query {
    /// The caller.
    async fn viewer(&self, context: &Context<'_>) -> Viewer {
        Viewer(access(context).clone())
    }

    /// The organization of the request.
    async fn organization(&self, context: &Context<'_>) -> Organization {
        Organization(access(context).organization.clone())
    }

    /// All organizations of the server, by key. Needs a token of a server administrator.
    #[graphql(complexity = "page::cost(first, child_complexity)")]
    async fn organizations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many: 1 to 100.", default_with = "page::USUAL")] first: i32,
        #[graphql(desc = "The `endCursor` of the previous page.")] after: Option<String>,
    ) -> Result<Page<Organization, EmptyFields>> {
        organization::list(context, first, after.as_deref()).await
    }

    /// The tokens of the organization, newest first. Needs the role `ADMIN`; for those of the server, a token of a server
    /// administrator.
    #[graphql(complexity = "page::cost(first, child_complexity)")]
    async fn tokens(
        &self,
        context: &Context<'_>,
        #[graphql(default = false, desc = "Whether to list the server tokens instead.")] server: bool,
        #[graphql(desc = "How many: 1 to 100.", default_with = "page::USUAL")] first: i32,
        #[graphql(desc = "The `endCursor` of the previous page.")] after: Option<String>,
    ) -> Result<Page<Token, EmptyFields>> {
        token::list(context, server, first, after.as_deref()).await
    }

    /// Who asked for which change in the organization, newest first, with refusals. Entries about starts, kills, retries
    /// and records are kept for as many days as the server keeps results, others for 400; of more than 60 refusals of one token in a
    /// minute, the rest is left out. Needs the role `ADMIN`; for the log of the server, a token of a server administrator.
    #[graphql(complexity = "page::cost(first, child_complexity)")]
    async fn audit_log(
        &self,
        context: &Context<'_>,
        #[graphql(default = false, desc = "Whether to list changes that concern all organizations instead.")]
        server: bool,
        #[graphql(default, desc = "Which entries to list.")] filter: AuditLogFilter,
        #[graphql(desc = "How many: 1 to 100.", default_with = "page::USUAL")] first: i32,
        #[graphql(desc = "The `endCursor` of the previous page.")] after: Option<String>,
    ) -> Result<Page<AuditEntry, EmptyFields>> {
        audit_entry::list(context, (server, filter), first, after.as_deref()).await
    }

    /// A job.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn job(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its key.")] key: String,
        #[graphql(desc = "Its version; default: the newest.")] version: Option<u32>,
    ) -> Result<Option<Job>> {
        job::find(context, &key, version).await
    }

    /// The newest versions of all jobs, by key.
    #[graphql(complexity = "page::cost(first, child_complexity)")]
    async fn jobs(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many: 1 to 100.", default_with = "page::USUAL")] first: i32,
        #[graphql(desc = "The `endCursor` of the previous page.")] after: Option<String>,
    ) -> Result<Page<Job, AllJobs>> {
        job::list(context, first, after.as_deref()).await
    }

    /// A job result.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn job_result(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its global id or its UUID.")] id: ID,
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
        #[graphql(desc = "The `endCursor` of the previous page.")] after: Option<String>,
        #[graphql(desc = "Only results of the job with this key.")] job: Option<String>,
        #[graphql(desc = "Only results with this status.")] status: Option<Status>,
    ) -> Result<Page<JobResult, AllJobResults>> {
        let filter = ResultFilter { job, status: status.map(Into::into) };
        job_result::list(context, first, after.as_deref(), filter).await
    }

    /// An action.
    async fn action(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "`module/action`, or only the name of the action if one module has it.")] name: String,
    ) -> Result<Option<Action>> {
        let catalogue = engine(context).modules().catalogue(scope(context)).await?;
        let found = catalogue.find(&name, Choice::Newest(&[])).ok();
        Ok(found.map(|found| Action::of(found.offering, &found.offered.spec.name)))
    }

    /// All actions of the newest version of each module that lines may name, by full name.
    #[graphql(complexity = "page::times(EXPECTED_ACTIONS, child_complexity)")]
    async fn actions(&self, context: &Context<'_>) -> Result<Vec<Action>> {
        let catalogue = engine(context).modules().catalogue(scope(context)).await?;
        Ok(catalogue.actions().map(|(module, offered)| Action::of(module, &offered.spec.name)).collect())
    }

    /// A version of a module.
    #[graphql(complexity = "page::BULKY + child_complexity")]
    async fn module(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its key.")] key: String,
        #[graphql(desc = "Its version; default: the newest.")] version: Option<String>,
    ) -> Result<Option<Module>> {
        let catalogue = engine(context).modules().catalogue(scope(context)).await?;
        Ok(module::find(&catalogue, &key, version.as_deref()))
    }

    /// All versions of the modules that the jobs of the organization may use, by key, newest first.
    #[graphql(complexity = "page::times(EXPECTED_MODULES, child_complexity)")]
    async fn modules(&self, context: &Context<'_>) -> Result<Vec<Module>> {
        let catalogue = engine(context).modules().catalogue(scope(context)).await?;
        Ok(catalogue.modules().cloned().map(Module).collect())
    }

    /// The queues that the jobs of the organization can name, by key, including `default`.
    #[graphql(complexity = "page::STATEMENT + page::times(EXPECTED_QUEUES, child_complexity)")]
    async fn queues(&self, context: &Context<'_>) -> Result<Vec<Queue>> {
        Ok(engine(context).queues().list(scope(context)).await?.into_iter().map(Queue).collect())
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
        #[graphql(desc = "The `endCursor` of the previous page.")] after: Option<String>,
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
        #[graphql(desc = "The `endCursor` of the previous page.")] after: Option<String>,
    ) -> Result<Page<Schedule, AllSchedules>> {
        schedule::list(context, first, after.as_deref()).await
    }

    /// The instants at which a schedule would start its job. Nothing is saved.
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
        #[graphql(desc = "Its version; default: the newest.")] version: Option<u32>,
    ) -> Result<Option<FilterTemplate>> {
        filter_template::find(context, &key, version).await
    }

    /// The newest versions of the filter templates that the jobs of the organization may use, by key.
    #[graphql(complexity = "page::cost(first, child_complexity)")]
    async fn filter_templates(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many: 1 to 100.", default_with = "page::USUAL")] first: i32,
        #[graphql(desc = "The `endCursor` of the previous page.")] after: Option<String>,
    ) -> Result<Page<FilterTemplate, AllFilterTemplates>> {
        filter_template::list(context, first, after.as_deref()).await
    }

    /// Tries a filter on its real source. Nothing is saved, its time is limited, and no script runs. Needs the role
    /// `EDITOR`, because it can read everything that a job can.
    #[graphql(complexity = "page::WORK + child_complexity")]
    async fn preview_filter(&self, context: &Context<'_>, input: PreviewFilterInput) -> Result<FilterPreview> {
        filter_preview::answer(context, input).await
    }

    /// The object with this global id.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn node(&self, context: &Context<'_>, #[graphql(desc = "A global id.")] id: ID) -> Result<Option<Node>> {
        node::find(context, &id).await
    }

    /// The server.
    async fn server_info(&self, context: &Context<'_>) -> ServerInfo {
        ServerInfo::of(engine(context))
    }

    /// All faults of a job; empty if it could be saved. Nothing is saved.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn validate_job(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The job, as in a job file.")] document: Value,
    ) -> Result<Vec<UserError>> {
        match engine(context).jobs().check(access(context), &document).await {
            Ok(_) => Ok(Vec::new()),
            Err(error) => user_errors(error),
        }
    }
}
