//! Objects with a global id.

use async_graphql::{Context, ID, Interface};

use super::collection::{self, Collection};
use super::filter_template::{self, FilterTemplate};
use super::global_id::GlobalId;
use super::job::{self, Job};
use super::job_result::{self, JobResult};
use super::module::{self, Module};
use super::organization::Organization;
use super::schedule::{self, Schedule};
use super::webhook::{self, Webhook};
use crate::resolver::{Result, access, engine, scope};

/// An object with a global id.
#[derive(Interface)]
#[allow(clippy::large_enum_variant, reason = "there is one for each node that a request asks for")]
#[graphql(field(name = "id", ty = "ID", desc = "Global id."))]
pub(crate) enum Node {
    Organization(Organization),
    Job(Job),
    JobResult(JobResult),
    Module(Module),
    Collection(Collection),
    FilterTemplate(FilterTemplate),
    Schedule(Schedule),
    Webhook(Webhook),
}

/// The object with this id, if the caller's organization has it. The answer does not reveal whether another
/// organization does.
pub(crate) async fn find(context: &Context<'_>, id: &str) -> Result<Option<Node>> {
    let own = &access(context).organization;
    let (engine, scope) = (engine(context), scope(context));
    Ok(match GlobalId::decode(id) {
        Some(GlobalId::Organization(id)) => (id == own.id).then(|| Node::Organization(Organization(own.clone()))),
        Some(GlobalId::Job(organization, key)) if organization == own.id => {
            job::find(context, &key, None).await?.map(Node::Job)
        }
        Some(GlobalId::Module(organization, key, version)) if organization == own.id => {
            let catalogue = engine.modules().catalogue(scope).await?;
            module::find(&catalogue, &key, Some(&version)).map(Node::Module)
        }
        Some(GlobalId::JobResult(id)) => job_result::find(context, id).await?.map(Node::JobResult),
        Some(GlobalId::Collection(organization, name)) if organization == own.id => {
            collection::find(context, name).await?.map(Node::Collection)
        }
        Some(GlobalId::FilterTemplate(organization, key)) if organization == own.id => {
            filter_template::find(context, &key, None).await?.map(Node::FilterTemplate)
        }
        Some(GlobalId::Schedule(organization, job, key)) if organization == own.id => {
            schedule::find(context, &job, &key).await?.map(Node::Schedule)
        }
        Some(GlobalId::Webhook(organization, id)) if organization == own.id => {
            webhook::find(context, id).await?.map(Node::Webhook)
        }
        _ => None,
    })
}
