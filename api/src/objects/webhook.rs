//! Webhooks.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Context, Enum, ID, Object};
use engine::engine::Engine;
use engine::model::organization::OrgScope;
use engine::model::webhook::{self as model, WebhookId};

use super::global_id::GlobalId;
use super::moment::Moment;
use crate::error::ApiError;
use crate::resolver::{Result, engine, scope};

/// How a webhook uses the body of a message.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "model::PayloadKind")]
pub(crate) enum WebhookTakes {
    /// As the records of the first line: a JSON array of objects, one object for one record, or an empty body for no
    /// records.
    Records,
    /// As the arguments: a JSON object, or an empty body for no arguments.
    Arguments,
}

/// A secret address that starts a job: `POST /hooks/…`. It is shown only once, when the webhook is created.
pub(crate) struct Webhook(pub(crate) model::Webhook);

/// A secret address that starts a job: `POST /hooks/…`. It is shown only once, when the webhook is created.
#[Object]
impl Webhook {
    /// Global id.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::Webhook(self.0.organization, self.0.id).encode()
    }

    /// Key of the job that it starts.
    async fn job(&self) -> &str {
        &self.0.job
    }

    /// Unique in the job, in kebab-case. The `startedBy` of results that it started is `webhook` and this key.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// How it uses the body of a message.
    async fn takes(&self) -> WebhookTakes {
        self.0.takes.into()
    }

    /// Whether messages must be signed with its signing secret.
    async fn signed(&self) -> bool {
        self.0.sealed.is_some()
    }

    /// When it was created.
    async fn created_at(&self) -> Moment {
        Moment(self.0.created_at)
    }

    /// Who created it.
    async fn created_by(&self) -> &str {
        &self.0.created_by
    }

    /// When it last started the job, recorded at most once a minute; null if it never did.
    async fn last_used_at(&self) -> Option<Moment> {
        self.0.last_used_at.map(Moment)
    }
}

/// A webhook of the caller's organization.
pub(crate) async fn find(context: &Context<'_>, id: WebhookId) -> Result<Option<Webhook>> {
    Ok(engine(context).webhooks().find(scope(context), id).await?.map(Webhook))
}

/// The webhooks of a job, by key.
pub(crate) async fn of_job(context: &Context<'_>, job: &str) -> Result<Vec<Webhook>> {
    let loader: &DataLoader<WebhookLoader> = context.data_unchecked();
    let found = loader.load_one(job.to_owned()).await?;
    Ok(found.iter().flat_map(|found| found.iter()).cloned().map(Webhook).collect())
}

/// Reads the webhooks of many jobs together.
pub(crate) struct WebhookLoader {
    engine: Engine,
    scope: OrgScope,
}

impl WebhookLoader {
    /// A loader for one request.
    pub(crate) fn new(engine: Engine, scope: OrgScope) -> DataLoader<Self> {
        DataLoader::new(Self { engine, scope }, tokio::spawn)
    }
}

impl Loader<String> for WebhookLoader {
    type Value = Arc<Vec<model::Webhook>>;
    type Error = ApiError;

    async fn load(&self, jobs: &[String]) -> Result<HashMap<String, Self::Value>> {
        let mut by_job: HashMap<String, Vec<model::Webhook>> = HashMap::new();
        for webhook in self.engine.webhooks().of_jobs(self.scope, jobs).await? {
            by_job.entry(webhook.job.clone()).or_default().push(webhook);
        }
        Ok(by_job.into_iter().map(|(job, webhooks)| (job, Arc::new(webhooks))).collect())
    }
}
