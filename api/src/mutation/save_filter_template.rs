//! `saveFilterTemplate`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::model::module::Owner;
use engine::model::refusal::RefusalCode;
use serde_json::Value;

use crate::objects::filter_template::FilterTemplate;
use crate::resolver::{Result, access, engine, scope, to_the_end};
use crate::user_error::{UserError, user_errors};

/// Input of `saveFilterTemplate`.
#[derive(InputObject)]
pub(crate) struct SaveFilterTemplateInput {
    /// The template, as in a job file. Its `key` names the template.
    document: Value,
    /// Whether it is global, for all organizations; for server administrators only. Default: false.
    global: Option<bool>,
    /// The version that was edited: 0 for a template that must be new. Without it, the template is saved after any
    /// version.
    edits: Option<u32>,
}

/// Payload of `saveFilterTemplate`.
#[derive(SimpleObject, Default)]
pub(crate) struct SaveFilterTemplatePayload {
    /// The new version; null if it was refused.
    filter_template: Option<FilterTemplate>,
    /// The version that somebody else saved meanwhile, after a `CONFLICT`.
    newest: Option<FilterTemplate>,
    /// All faults, including those of jobs that could not run with it; empty if it was saved.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: SaveFilterTemplateInput) -> Result<SaveFilterTemplatePayload> {
    let owner = if input.global.unwrap_or(false) { Owner::Global } else { Owner::Organization };
    let (templates, access) = (engine(context).templates(), access(context).clone());
    let key = input.document["key"].as_str().map(str::to_owned);
    let save = async move { templates.save(&access, input.document, owner, input.edits).await };
    let error = match to_the_end(save).await? {
        Ok(saved) => {
            let filter_template = Some(FilterTemplate::of(context, saved));
            return Ok(SaveFilterTemplatePayload { filter_template, ..Default::default() });
        }
        Err(error) => error,
    };
    let newest = match key.filter(|_| error.code() == Some(RefusalCode::Conflict)) {
        Some(key) => engine(context).templates().find(scope(context), &key, None).await?,
        None => None,
    };
    let newest = newest.map(|newest| FilterTemplate::of(context, newest));
    Ok(SaveFilterTemplatePayload { filter_template: None, newest, user_errors: user_errors(error)? })
}
