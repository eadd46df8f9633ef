//! `saveFilterTemplate`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::model::module::Owner;
use engine::runtime::templates::TemplateError;
use serde_json::Value;

use super::to_the_end;
use super::user_error::{UserError, of_templates};
use crate::objects::filter_template::FilterTemplate;
use crate::objects::{Result, access, engine};

/// What `saveFilterTemplate` is given.
#[derive(InputObject)]
pub(crate) struct SaveFilterTemplateInput {
    /// The template, in the shape of the job file. Its `key` says which template it is.
    document: Value,
    /// Whether it is for every organization; for server administrators only. False if
    /// nothing is given.
    global: Option<bool>,
    /// The version that was edited: 0 for a template that must be new. Without it, the
    /// template is saved on top of whatever is there.
    edits: Option<u32>,
}

/// What `saveFilterTemplate` answers.
#[derive(SimpleObject, Default)]
pub(crate) struct SaveFilterTemplatePayload {
    /// The new version; null if it was refused.
    filter_template: Option<FilterTemplate>,
    /// After a `CONFLICT`: the version that somebody else saved meanwhile.
    newest: Option<FilterTemplate>,
    /// Why it was refused: every fault at once, those of jobs that would break too; empty if
    /// it was saved.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: SaveFilterTemplateInput) -> Result<SaveFilterTemplatePayload> {
    let owner = if input.global.unwrap_or(false) { Owner::Global } else { Owner::Organization };
    let (engine, access) = (engine(context).clone(), access(context).clone());
    let save = async move { engine.save_template(&access, input.document, owner, input.edits).await };
    let error = match to_the_end(save).await? {
        Ok(saved) => {
            let filter_template = Some(FilterTemplate::of(context, saved));
            return Ok(SaveFilterTemplatePayload { filter_template, ..Default::default() });
        }
        Err(error) => error,
    };
    let newest = match &error {
        TemplateError::Conflict { newest, .. } => Some(FilterTemplate::of(context, newest.as_ref().clone())),
        _ => None,
    };
    Ok(SaveFilterTemplatePayload { filter_template: None, newest, user_errors: of_templates(error)? })
}
