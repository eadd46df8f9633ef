//! Webhooks.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Context, Enum, ID, Object};
use engine::model::organization::OrgScope;
use engine::model::webhook::{self as model, WebhookId};
use engine::runtime::engine::Engine;

use super::global_id::GlobalId;
use super::moment::Moment;
use super::{Result, engine, scope};
use crate::refusal::Refusal;

/// What becomes of the body of a message to a webhook.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "model::Takes")]
pub(crate) enum WebhookTakes {
    /// It is the set of the first line: a JSON array of objects is the set, one object is the one
    /// record, and an empty body is no records.
    Records,
    /// It is the arguments: a JSON object, or an empty body for none.
    Arguments,
}

/// A secret address that starts a job: `POST /hooks/…`. Its token is shown once, when it is made.
pub(crate) struct Webhook(pub(crate) model::Webhook);

/// A secret address that starts a job: `POST /hooks/…`. Its token is shown once, when it is made.
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

    /// Unique in the job, kebab-case. Results that it started have `webhook` and this as `startedBy`.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// What becomes of the body of a message.
    async fn takes(&self) -> WebhookTakes {
        self.0.takes.into()
    }

    /// Whether it takes messages only that are signed with its signing secret.
    async fn signed(&self) -> bool {
        self.0.sealed.is_some()
    }

    /// When it was made.
    async fn created_at(&self) -> Moment {
        Moment(self.0.created_at)
    }

    /// Who made it.
    async fn created_by(&self) -> &str {
        &self.0.created_by
    }

    /// When it last started something; noted at most once a minute. Null if it never did.
    async fn last_used_at(&self) -> Option<Moment> {
        self.0.last_used_at.map(Moment)
    }
}

/// A webhook of the caller's organization.
pub(crate) async fn find(context: &Context<'_>, id: WebhookId) -> Result<Option<Webhook>> {
    Ok(engine(context).webhooks.find_webhook(scope(context), id).await?.map(Webhook))
}

/// The webhooks of a job, by key.
pub(crate) async fn of_job(context: &Context<'_>, job: &str) -> Result<Vec<Webhook>> {
    let loader: &DataLoader<Webhooks> = context.data_unchecked();
    let found = loader.load_one(job.to_owned()).await?;
    Ok(found.iter().flat_map(|found| found.iter()).cloned().map(Webhook).collect())
}

/// Gathers the jobs of one request whose webhooks are asked for.
pub(crate) struct Webhooks {
    engine: Arc<Engine>,
    scope: OrgScope,
}

impl Webhooks {
    /// A loader for one request.
    pub(crate) fn loader(engine: Arc<Engine>, scope: OrgScope) -> DataLoader<Self> {
        DataLoader::new(Self { engine, scope }, tokio::spawn)
    }
}

impl Loader<String> for Webhooks {
    type Value = Arc<Vec<model::Webhook>>;
    type Error = Refusal;

    async fn load(&self, jobs: &[String]) -> Result<HashMap<String, Self::Value>> {
        let mut by_job: HashMap<String, Vec<model::Webhook>> = HashMap::new();
        for webhook in self.engine.webhooks.webhooks_of(self.scope, jobs).await? {
            by_job.entry(webhook.job.clone()).or_default().push(webhook);
        }
        Ok(by_job.into_iter().map(|(job, webhooks)| (job, Arc::new(webhooks))).collect())
    }
}
