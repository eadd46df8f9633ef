//! What can be changed. One input object and one payload each; what a caller must
//! expect to be told is in the payload's `userErrors`, everything else is an error.

pub(crate) mod user_error;

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
mod run_job;
mod save_filter_template;
mod save_job;
mod save_queue;
mod save_schedule;
mod set_job_active;
mod set_quotas;
mod update_job;
mod upgrade_module;
mod write_records;

use std::future::Future;

use async_graphql::{Context, Object};

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
use run_job::{RunJobInput, RunJobPayload};
use save_filter_template::{SaveFilterTemplateInput, SaveFilterTemplatePayload};
use save_job::{SaveJobInput, SaveJobPayload};
use save_queue::{SaveQueueInput, SaveQueuePayload};
use save_schedule::{SaveScheduleInput, SaveSchedulePayload};
use set_job_active::{SetJobActiveInput, SetJobActivePayload};
use set_quotas::{SetQuotasInput, SetQuotasPayload};
use update_job::{UpdateJobInput, UpdateJobPayload};
use upgrade_module::{UpgradeModuleInput, UpgradeModulePayload};
use write_records::{WriteRecordsInput, WriteRecordsPayload};

use crate::objects::{Result, page};
use crate::refusal::Refusal;

/// What can be changed.
pub(crate) struct Mutation;

/// What can be changed.
#[Object]
impl Mutation {
    /// Saves a job as a new version. Needs the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn save_job(&self, context: &Context<'_>, input: SaveJobInput) -> Result<SaveJobPayload> {
        save_job::answer(context, input).await
    }

    /// Changes some fields of a job: a new version in which all else stays, the versions of its modules included
    /// unless `lines` or `notify` change. Needs the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn update_job(&self, context: &Context<'_>, input: UpdateJobInput) -> Result<UpdateJobPayload> {
        update_job::answer(context, input).await
    }

    /// Switches a job on or off: a new version in which only `active` changes. An inactive job never starts by
    /// itself. Needs the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn set_job_active(&self, context: &Context<'_>, input: SetJobActiveInput) -> Result<SetJobActivePayload> {
        set_job_active::answer(context, input).await
    }

    /// Deletes a job with its versions, schedules and webhooks. Refused while results of it are pending or
    /// running, unless `killOpen` says to kill them; nobody is notified of these kills. Results stay readable
    /// under the key of the job, for as long as results are kept by age, but cannot be retried. A job that is
    /// saved under the same key later is a new job: only its version numbers go on, and its `since` starts over.
    /// Needs the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn delete_job(&self, context: &Context<'_>, input: DeleteJobInput) -> Result<DeleteJobPayload> {
        delete_job::answer(context, input).await
    }

    /// Starts a job, and answers when the start is durable; the job may not have begun
    /// by then. Needs the role `OPERATOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn run_job(&self, context: &Context<'_>, input: RunJobInput) -> Result<RunJobPayload> {
        run_job::answer(context, input, false).await
    }

    /// Starts a job dry: filters choose, parameters are rendered, actions run, but what they
    /// would do outside is only noted, as the `effects` of their lines. Needs the role `OPERATOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn dry_run_job(&self, context: &Context<'_>, input: RunJobInput) -> Result<RunJobPayload> {
        run_job::answer(context, input, true).await
    }

    /// Ends a pending or running job result as killed. Needs the role `OPERATOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn kill_job_result(&self, context: &Context<'_>, input: KillJobResultInput) -> Result<KillJobResultPayload> {
        kill_job_result::answer(context, input).await
    }

    /// Kills the job results that have not ended, of one job or of all, the newest first; at most 1,000 at once.
    /// Needs the role `OPERATOR`.
    #[graphql(complexity = "page::WORK + child_complexity")]
    async fn kill_job_results(
        &self,
        context: &Context<'_>,
        input: KillJobResultsInput,
    ) -> Result<KillJobResultsPayload> {
        kill_job_results::answer(context, input).await
    }

    /// Tries a job result again that has ended, as a new one: from its failed line with what that
    /// line had, or only with the records that were rejected. Needs the role `OPERATOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn retry_job_result(
        &self,
        context: &Context<'_>,
        input: RetryJobResultInput,
    ) -> Result<RetryJobResultPayload> {
        retry_job_result::answer(context, input).await
    }

    /// Adds a schedule to a job, or changes one: a new version of the job, in which all else stays. Needs
    /// the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn save_schedule(&self, context: &Context<'_>, input: SaveScheduleInput) -> Result<SaveSchedulePayload> {
        save_schedule::answer(context, input).await
    }

    /// Takes a schedule out of its job: a new version of the job. Needs the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn delete_schedule(
        &self,
        context: &Context<'_>,
        input: DeleteScheduleInput,
    ) -> Result<DeleteSchedulePayload> {
        delete_schedule::answer(context, input).await
    }

    /// Sets a queue up, or changes its limit. Needs the role `ADMIN`; for a queue that all
    /// organizations share, a token of a server administrator.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn save_queue(&self, context: &Context<'_>, input: SaveQueueInput) -> Result<SaveQueuePayload> {
        save_queue::answer(context, input).await
    }

    /// Removes a queue that was set up; what waits in it goes on without a limit. Needs the role
    /// `ADMIN`; for a queue that all organizations share, a token of a server administrator.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn delete_queue(&self, context: &Context<'_>, input: DeleteQueueInput) -> Result<DeleteQueuePayload> {
        delete_queue::answer(context, input).await
    }

    /// Makes a webhook of a job: a secret address that starts it with what is posted there. The
    /// address is shown this once. Needs the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn create_webhook(&self, context: &Context<'_>, input: CreateWebhookInput) -> Result<CreateWebhookPayload> {
        create_webhook::answer(context, input).await
    }

    /// Removes a webhook of a job: its address starts nothing from then on. Needs the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn delete_webhook(&self, context: &Context<'_>, input: DeleteWebhookInput) -> Result<DeleteWebhookPayload> {
        delete_webhook::answer(context, input).await
    }

    /// Changes records of a collection, all in one transaction; the first write makes the
    /// collection. Needs the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn write_records(&self, context: &Context<'_>, input: WriteRecordsInput) -> Result<WriteRecordsPayload> {
        write_records::answer(context, input).await
    }

    /// Removes records of a collection. Many are removed piece by piece, and are removed to
    /// the last even if the answer takes too long. Needs the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn delete_records(&self, context: &Context<'_>, input: DeleteRecordsInput) -> Result<DeleteRecordsPayload> {
        delete_records::answer(context, input).await
    }

    /// Removes a collection with all its records. Needs the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn delete_collection(
        &self,
        context: &Context<'_>,
        input: DeleteCollectionInput,
    ) -> Result<DeleteCollectionPayload> {
        delete_collection::answer(context, input).await
    }

    /// Saves a filter template as a new version, which every job that uses it starts with from
    /// now on. Refused where a job would break. Needs the role `EDITOR`; for a global template,
    /// a token of a server administrator.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn save_filter_template(
        &self,
        context: &Context<'_>,
        input: SaveFilterTemplateInput,
    ) -> Result<SaveFilterTemplatePayload> {
        save_filter_template::answer(context, input).await
    }

    /// Removes a filter template that no job uses, with all its versions. Needs the role
    /// `EDITOR`; for a global template, a token of a server administrator.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn delete_filter_template(
        &self,
        context: &Context<'_>,
        input: DeleteFilterTemplateInput,
    ) -> Result<DeleteFilterTemplatePayload> {
        delete_filter_template::answer(context, input).await
    }

    /// Adds an organization. Needs a token of a server administrator.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn create_organization(
        &self,
        context: &Context<'_>,
        input: CreateOrganizationInput,
    ) -> Result<CreateOrganizationPayload> {
        create_organization::answer(context, input).await
    }

    /// Changes what the organization that the request is about may use. Needs a token of a server administrator.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn set_quotas(&self, context: &Context<'_>, input: SetQuotasInput) -> Result<SetQuotasPayload> {
        set_quotas::answer(context, input).await
    }

    /// Makes an API token for the organization that the request is about, or for the
    /// server. Its text is shown this once. Needs the role `ADMIN`; for a token for the
    /// server, a token of a server administrator.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn create_token(&self, context: &Context<'_>, input: CreateTokenInput) -> Result<CreateTokenPayload> {
        create_token::answer(context, input).await
    }

    /// Installs a module that was sent by `POST /uploads`. It is checked and compiled before
    /// anything is stored, and in use when this answers. Needs the role `ADMIN`; for a
    /// global module, a token of a server administrator.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn install_module(&self, context: &Context<'_>, input: InstallModuleInput) -> Result<InstallModulePayload> {
        install_module::answer(context, input).await
    }

    /// Says what a module may do in the organization, and no more. Needs the role `ADMIN`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn grant_module(&self, context: &Context<'_>, input: GrantModuleInput) -> Result<GrantModulePayload> {
        grant_module::answer(context, input).await
    }

    /// Tells which jobs run with another version of a module and whether they can run with
    /// this one; with `apply`, saves those that can. Needs the role `EDITOR`.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn upgrade_module(&self, context: &Context<'_>, input: UpgradeModuleInput) -> Result<UpgradeModulePayload> {
        upgrade_module::answer(context, input).await
    }

    /// Removes a version of a module that no job uses. Needs the role `ADMIN`; for a global
    /// module, a token of a server administrator.
    #[graphql(complexity = "page::STATEMENT + child_complexity")]
    async fn remove_module(&self, context: &Context<'_>, input: RemoveModuleInput) -> Result<RemoveModulePayload> {
        remove_module::answer(context, input).await
    }
}

/// Does the work to its end even if the caller goes away or the time is up: a kill that
/// is in the store but was never told to the worker would be half a kill.
pub(crate) async fn to_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T> {
    tokio::spawn(work).await.map_err(|error| Refusal::internal(&error))
}
