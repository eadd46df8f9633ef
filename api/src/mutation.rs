//! The mutations. Each has one input object and one payload. Expected refusals are in the `userErrors` of the payload;
//! everything else is an error.

mod audited;
mod create_organization;
mod create_token;
mod create_webhook;
mod delete_collection;
mod delete_filter_template;
mod delete_job;
mod delete_queue;
mod delete_records;
mod delete_schedule;
mod delete_webhook;
mod grant_module;
mod install_module;
mod kill_job_result;
mod kill_job_results;
mod remove_module;
mod retry_job_result;
mod revoke_token;
mod run_job;
mod run_jobs;
mod save_filter_template;
mod save_job;
mod save_queue;
mod save_schedule;
mod set_job_active;
mod set_quotas;
mod update_job;
mod update_organization;
mod upgrade_module;
mod write_records;

use async_graphql::{Context, Object};
use engine::execution::start::STARTED_AT_ONCE;

use audited::audited;
pub(crate) use audited::{Given, subject_of};
use create_organization::{CreateOrganizationInput, CreateOrganizationPayload};
use create_token::{CreateTokenInput, CreateTokenPayload};
use create_webhook::{CreateWebhookInput, CreateWebhookPayload};
use delete_collection::{DeleteCollectionInput, DeleteCollectionPayload};
use delete_filter_template::{DeleteFilterTemplateInput, DeleteFilterTemplatePayload};
use delete_job::{DeleteJobInput, DeleteJobPayload};
use delete_queue::{DeleteQueueInput, DeleteQueuePayload};
use delete_records::{DeleteRecordsInput, DeleteRecordsPayload};
use delete_schedule::{DeleteScheduleInput, DeleteSchedulePayload};
use delete_webhook::{DeleteWebhookInput, DeleteWebhookPayload};
use grant_module::{GrantModuleInput, GrantModulePayload};
use install_module::{InstallModuleInput, InstallModulePayload};
use kill_job_result::{KillJobResultInput, KillJobResultPayload};
use kill_job_results::{KillJobResultsInput, KillJobResultsPayload};
use remove_module::{RemoveModuleInput, RemoveModulePayload};
use retry_job_result::{RetryJobResultInput, RetryJobResultPayload};
use revoke_token::{RevokeTokenInput, RevokeTokenPayload};
use run_job::{RunJobInput, RunJobPayload};
use run_jobs::{RunJobsInput, RunJobsPayload};
use save_filter_template::{SaveFilterTemplateInput, SaveFilterTemplatePayload};
use save_job::{SaveJobInput, SaveJobPayload};
use save_queue::{SaveQueueInput, SaveQueuePayload};
use save_schedule::{SaveScheduleInput, SaveSchedulePayload};
use set_job_active::{SetJobActiveInput, SetJobActivePayload};
use set_quotas::{SetQuotasInput, SetQuotasPayload};
use update_job::{UpdateJobInput, UpdateJobPayload};
use update_organization::{UpdateOrganizationInput, UpdateOrganizationPayload};
use upgrade_module::{UpgradeModuleInput, UpgradeModulePayload};
use write_records::{WriteRecordsInput, WriteRecordsPayload};

use crate::objects::page;
use crate::resolver::Result;

/// The mutations. An expected refusal is in the `userErrors` of the payload.
pub(crate) struct Mutation;

/// The mutations. An expected refusal is in the `userErrors` of the payload.
#[Object]
impl Mutation {
    /// Saves a job as a new version. Needs the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn save_job(&self, context: &Context<'_>, input: SaveJobInput) -> Result<SaveJobPayload> {
        audited(context, save_job::answer(context, input)).await
    }

    /// Saves a new version of a job in which only some fields change. The versions of its modules stay too, unless
    /// `lines` or `notify` change. Needs the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn update_job(&self, context: &Context<'_>, input: UpdateJobInput) -> Result<UpdateJobPayload> {
        audited(context, update_job::answer(context, input)).await
    }

    /// Activates or deactivates a job: saves a new version in which only `active` changes. An inactive job never starts
    /// by itself. Needs the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn set_job_active(&self, context: &Context<'_>, input: SetJobActiveInput) -> Result<SetJobActivePayload> {
        audited(context, set_job_active::answer(context, input)).await
    }

    /// Deletes a job with its versions, schedules and webhooks. It is refused while results of the job are pending or
    /// running, unless `killOpen` is set, which kills them without notifications. Ended results stay readable under the
    /// key of the job until they are removed by age, but cannot be retried. A job that is saved later with the same key
    /// is a new job: its version numbers continue, and its `since` starts again. Needs the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn delete_job(&self, context: &Context<'_>, input: DeleteJobInput) -> Result<DeleteJobPayload> {
        audited(context, delete_job::answer(context, input)).await
    }

    /// Starts a job, and answers when the start is durable. The job may not be running by then. Needs the role
    /// `OPERATOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn run_job(&self, context: &Context<'_>, input: RunJobInput) -> Result<RunJobPayload> {
        audited(context, run_job::answer(context, input, false)).await
    }

    /// Starts up to 500 jobs in the order of the input, and answers when all starts are durable. Each is accepted or
    /// refused by itself. Needs the role `OPERATOR`.
    #[graphql(complexity = "page::WORK + page::times(STARTED_AT_ONCE, child_complexity)")]
    async fn run_jobs(&self, context: &Context<'_>, input: RunJobsInput) -> Result<RunJobsPayload> {
        audited(context, run_jobs::answer(context, input)).await
    }

    /// Starts a dry run of a job: filters select, parameters are rendered and actions run, but their effects outside
    /// are only recorded, as the `effects` of their lines. Needs the role `OPERATOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn dry_run_job(&self, context: &Context<'_>, input: RunJobInput) -> Result<RunJobPayload> {
        audited(context, run_job::answer(context, input, true)).await
    }

    /// Kills a pending or running job result. Needs the role `OPERATOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn kill_job_result(&self, context: &Context<'_>, input: KillJobResultInput) -> Result<KillJobResultPayload> {
        audited(context, kill_job_result::answer(context, input)).await
    }

    /// Kills the job results of one job or of all jobs that have not ended, newest first; at most 1,000 in one call.
    /// Needs the role `OPERATOR`.
    #[graphql(complexity = "page::WORK + child_complexity")]
    async fn kill_job_results(
        &self,
        context: &Context<'_>,
        input: KillJobResultsInput,
    ) -> Result<KillJobResultsPayload> {
        audited(context, kill_job_results::answer(context, input)).await
    }

    /// Retries a job result that has ended, as a new one: from its failed line with the records of that line, or only
    /// with the rejected records. Needs the role `OPERATOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn retry_job_result(
        &self,
        context: &Context<'_>,
        input: RetryJobResultInput,
    ) -> Result<RetryJobResultPayload> {
        audited(context, retry_job_result::answer(context, input)).await
    }

    /// Adds a schedule to a job or changes one. This saves a new version of the job in which nothing else changes.
    /// Needs the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn save_schedule(&self, context: &Context<'_>, input: SaveScheduleInput) -> Result<SaveSchedulePayload> {
        audited(context, save_schedule::answer(context, input)).await
    }

    /// Removes a schedule from its job. This saves a new version of the job. Needs the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn delete_schedule(
        &self,
        context: &Context<'_>,
        input: DeleteScheduleInput,
    ) -> Result<DeleteSchedulePayload> {
        audited(context, delete_schedule::answer(context, input)).await
    }

    /// Sets up a queue, or changes its limit. Needs the role `ADMIN`; for a global queue, a token of a server
    /// administrator.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn save_queue(&self, context: &Context<'_>, input: SaveQueueInput) -> Result<SaveQueuePayload> {
        audited(context, save_queue::answer(context, input)).await
    }

    /// Removes a queue that was set up. Results that wait in it continue without its limit. Needs the role `ADMIN`; for
    /// a global queue, a token of a server administrator.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn delete_queue(&self, context: &Context<'_>, input: DeleteQueueInput) -> Result<DeleteQueuePayload> {
        audited(context, delete_queue::answer(context, input)).await
    }

    /// Creates a webhook of a job: a secret address to which messages are posted that start the job. The address is
    /// shown only once. Needs the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn create_webhook(&self, context: &Context<'_>, input: CreateWebhookInput) -> Result<CreateWebhookPayload> {
        audited(context, create_webhook::answer(context, input)).await
    }

    /// Removes a webhook of a job. Its address does not start the job any more. Needs the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn delete_webhook(&self, context: &Context<'_>, input: DeleteWebhookInput) -> Result<DeleteWebhookPayload> {
        audited(context, delete_webhook::answer(context, input)).await
    }

    /// Changes records of a collection in one transaction. The first write creates the collection. Needs the role
    /// `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn write_records(&self, context: &Context<'_>, input: WriteRecordsInput) -> Result<WriteRecordsPayload> {
        audited(context, write_records::answer(context, input)).await
    }

    /// Removes records of a collection, in portions if there are many. All are removed, even if the request times out.
    /// Needs the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn delete_records(&self, context: &Context<'_>, input: DeleteRecordsInput) -> Result<DeleteRecordsPayload> {
        audited(context, delete_records::answer(context, input)).await
    }

    /// Removes a collection with all its records. Needs the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn delete_collection(
        &self,
        context: &Context<'_>,
        input: DeleteCollectionInput,
    ) -> Result<DeleteCollectionPayload> {
        audited(context, delete_collection::answer(context, input)).await
    }

    /// Saves a new version of a filter template. All jobs that use it start with this version from now on. It is
    /// refused if a job could not run with it. Needs the role `EDITOR`; for a global template, a token of a server
    /// administrator.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn save_filter_template(
        &self,
        context: &Context<'_>,
        input: SaveFilterTemplateInput,
    ) -> Result<SaveFilterTemplatePayload> {
        audited(context, save_filter_template::answer(context, input)).await
    }

    /// Removes a filter template that no job uses, with all its versions. Needs the role `EDITOR`; for a global
    /// template, a token of a server administrator.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn delete_filter_template(
        &self,
        context: &Context<'_>,
        input: DeleteFilterTemplateInput,
    ) -> Result<DeleteFilterTemplatePayload> {
        audited(context, delete_filter_template::answer(context, input)).await
    }

    /// Creates an organization. Needs a token of a server administrator.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn create_organization(
        &self,
        context: &Context<'_>,
        input: CreateOrganizationInput,
    ) -> Result<CreateOrganizationPayload> {
        audited(context, create_organization::answer(context, input)).await
    }

    /// Changes an organization: its name, its time zone, and whether it is active. In a deactivated organization nothing
    /// starts, and its tokens, webhooks and schedules are refused; results that were accepted before still run. Needs a
    /// token of a server administrator.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn update_organization(
        &self,
        context: &Context<'_>,
        input: UpdateOrganizationInput,
    ) -> Result<UpdateOrganizationPayload> {
        audited(context, update_organization::answer(context, input)).await
    }

    /// Changes the quotas of the organization of the request. Needs a token of a server administrator.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn set_quotas(&self, context: &Context<'_>, input: SetQuotasInput) -> Result<SetQuotasPayload> {
        audited(context, set_quotas::answer(context, input)).await
    }

    /// Creates an API token for the organization of the request, or for the server. Its text is shown only once. Needs
    /// the role `ADMIN`; for a server token, a token of a server administrator.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn create_token(&self, context: &Context<'_>, input: CreateTokenInput) -> Result<CreateTokenPayload> {
        audited(context, create_token::answer(context, input)).await
    }

    /// Revokes a token. It is refused from now on, and its open sockets are closed within seconds. The last valid token
    /// of a server administrator cannot be revoked. Needs the role `ADMIN`; for a server token, a token of a server
    /// administrator.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn revoke_token(&self, context: &Context<'_>, input: RevokeTokenInput) -> Result<RevokeTokenPayload> {
        audited(context, revoke_token::answer(context, input)).await
    }

    /// Installs a module that was uploaded with `POST /uploads`. It is checked and compiled before it is stored, and in
    /// use when the mutation answers. Needs the role `ADMIN`; for a global module, a token of a server administrator.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn install_module(&self, context: &Context<'_>, input: InstallModuleInput) -> Result<InstallModulePayload> {
        audited(context, install_module::answer(context, input)).await
    }

    /// Sets the grants of a module in the organization. Needs the role `ADMIN`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn grant_module(&self, context: &Context<'_>, input: GrantModuleInput) -> Result<GrantModulePayload> {
        audited(context, grant_module::answer(context, input)).await
    }

    /// Lists the jobs that use another version of a module, and whether they can run with this one. With `apply`, saves
    /// those that can. Needs the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn upgrade_module(&self, context: &Context<'_>, input: UpgradeModuleInput) -> Result<UpgradeModulePayload> {
        audited(context, upgrade_module::answer(context, input)).await
    }

    /// Removes a version of a module that no job uses. Needs the role `ADMIN`; for a global module, a token of a server
    /// administrator.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn remove_module(&self, context: &Context<'_>, input: RemoveModuleInput) -> Result<RemoveModulePayload> {
        audited(context, remove_module::answer(context, input)).await
    }
}
