//! `deleteFilterTemplate`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::runtime::templates::TemplateError;

use super::to_the_end;
use super::user_error::{UserError, of_templates};
use crate::objects::filter_template::TemplateUse;
use crate::objects::{Result, access, engine, scope};

/// What `deleteFilterTemplate` is given.
#[derive(InputObject)]
pub(crate) struct DeleteFilterTemplateInput {
    /// Key of the template.
    key: String,
}

/// What `deleteFilterTemplate` answers.
#[derive(SimpleObject)]
pub(crate) struct DeleteFilterTemplatePayload {
    /// Whether it was removed, with all its versions.
    deleted: bool,
    /// After an `IN_USE`: the jobs of the organization that use it.
    used_by: Vec<TemplateUse>,
    /// Why it was not removed; empty if it was.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(
    context: &Context<'_>,
    input: DeleteFilterTemplateInput,
) -> Result<DeleteFilterTemplatePayload> {
    let (engine, access) = (engine(context).clone(), access(context).clone());
    let removing = async move { engine.remove_template(&access, &input.key).await };
    let error = match to_the_end(removing).await? {
        Ok(_) => {
            return Ok(DeleteFilterTemplatePayload { deleted: true, used_by: Vec::new(), user_errors: Vec::new() });
        }
        Err(error) => error,
    };
    let own = scope(context).organization();
    let users = if let TemplateError::InUse { users, .. } = &error { users.clone() } else { Vec::new() };
    let used_by = users.into_iter().filter(|user| user.organization == own).map(TemplateUse::of).collect();
    Ok(DeleteFilterTemplatePayload { deleted: false, used_by, user_errors: of_templates(error)? })
}
