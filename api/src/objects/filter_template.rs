//! Filter templates.

use async_graphql::{Context, ID, Object, SimpleObject};
use engine::model::module::Owner;
use engine::model::organization::OrganizationId;
use engine::model::record::size_of_text;
use engine::model::refusal::JobUse;
use engine::ports::templates::SavedTemplate;
use serde_json::Value;

use super::global_id::GlobalId;
use super::moment::Moment;
use super::page::{self, BULKY, Cursor, Page};
use crate::resolver::{Result, access, engine, scope};

/// One version of a filter template: a named source with criteria, whose values the filters of lines supply. A
/// version never changes; saving creates a new one.
pub(crate) struct FilterTemplate {
    organization: OrganizationId,
    saved: SavedTemplate,
}

impl FilterTemplate {
    /// A template that the caller's organization may use.
    pub(crate) fn of(context: &Context<'_>, saved: SavedTemplate) -> Self {
        Self { organization: access(context).organization.id, saved }
    }
}

/// One version of a filter template: a named source with criteria, whose values the filters of lines supply. A
/// version never changes; saving creates a new one.
#[Object]
impl FilterTemplate {
    /// Global id of the template: the same for all its versions.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::FilterTemplate(self.organization, self.saved.named.key.clone()).encode()
    }

    /// Key by which lines use it, in kebab-case.
    async fn key(&self) -> &str {
        &self.saved.named.key
    }

    /// Name, for people.
    async fn name(&self) -> &str {
        &self.saved.name
    }

    /// Number of the version: 1 for the first, then one more each time it is saved.
    async fn version(&self) -> u32 {
        self.saved.named.version
    }

    /// Description by the author.
    async fn description(&self) -> Option<&str> {
        self.saved.document.get("description").and_then(Value::as_str)
    }

    /// Whether all organizations share it.
    async fn global(&self) -> bool {
        self.saved.owner == Owner::Global
    }

    /// JSON Schema of the values that a line supplies; null if there are none.
    #[graphql(complexity = "page::BULKY")]
    async fn values(&self) -> Option<&Value> {
        self.saved.document.get("values")
    }

    /// The whole template, as in a job file.
    #[graphql(complexity = "page::BULKY")]
    async fn document(&self) -> &Value {
        &self.saved.document
    }

    /// The jobs of the organization that use it, with their newest version or with a result that has not ended.
    #[graphql(complexity = "page::STATEMENT + BULKY + child_complexity")]
    async fn used_by(&self, context: &Context<'_>) -> Result<Vec<TemplateUse>> {
        // Only jobs of the caller's organization are shown, even for a global template.
        let templates = engine(context).templates();
        let users = templates.users(scope(context), Owner::Organization, &self.saved.named.key).await?;
        Ok(users.into_iter().map(TemplateUse::of).collect())
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

/// A job that uses a filter template.
#[derive(SimpleObject)]
pub(crate) struct TemplateUse {
    /// Key of the job.
    job: String,
    /// Version of the job.
    version: u32,
}

impl TemplateUse {
    pub(crate) fn of(user: JobUse) -> Self {
        Self { job: user.job, version: user.version }
    }
}

/// Additional fields of a page of filter templates.
pub(crate) struct AllFilterTemplates;

/// Additional fields of a page of filter templates.
#[Object]
impl AllFilterTemplates {
    /// How many filter templates the organization may use in total. They are counted only when this field is requested.
    async fn total_count(&self, context: &Context<'_>) -> Result<u64> {
        Ok(engine(context).templates().count(scope(context)).await?)
    }
}

/// A template that the caller's organization may use.
pub(crate) async fn find(context: &Context<'_>, key: &str, version: Option<u32>) -> Result<Option<FilterTemplate>> {
    let saved = async { Ok(engine(context).templates().find(scope(context), key, version).await?) };
    let saved = page::find(context, saved, |saved| size_of_text(&saved.document)).await?;
    Ok(saved.map(|saved| FilterTemplate::of(context, saved)))
}

/// A page of them, by key.
pub(crate) async fn list(
    context: &Context<'_>,
    first: i32,
    after: Option<&str>,
) -> Result<Page<FilterTemplate, AllFilterTemplates>> {
    let (size, after) = (page::size(first)?, page::start(after)?);
    let listed = async { Ok(engine(context).templates().list(scope(context), after.as_deref(), size).await?) };
    let listed = page::read(context, listed, |saved| size_of_text(&saved.document)).await?;
    let edge = |saved: SavedTemplate| (Cursor::behind(&saved.named.key), FilterTemplate::of(context, saved));
    Ok(page::of(listed, after.as_ref(), AllFilterTemplates, edge))
}
