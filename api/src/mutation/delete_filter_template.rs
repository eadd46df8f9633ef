//! `deleteFilterTemplate`.

use async_graphql::{Context, InputObject, SimpleObject};

use crate::objects::filter_template::TemplateUse;
use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, own_users, user_errors};

/// Input of `deleteFilterTemplate`.
#[derive(InputObject)]
pub(crate) struct DeleteFilterTemplateInput {
    /// Key of the template.
    key: String,
}

/// Payload of `deleteFilterTemplate`.
#[derive(SimpleObject)]
pub(crate) struct DeleteFilterTemplatePayload {
    /// Whether it was removed, with all its versions.
    deleted: bool,
    /// The jobs of the organization that use it, after an `IN_USE`.
    used_by: Vec<TemplateUse>,
    /// Why it was not removed; empty if it was.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(
    context: &Context<'_>,
    input: DeleteFilterTemplateInput,
) -> Result<DeleteFilterTemplatePayload> {
    let (templates, access) = (engine(context).templates(), access(context).clone());
    Ok(match to_the_end(async move { templates.remove(&access, &input.key).await }).await? {
        Ok(_) => DeleteFilterTemplatePayload { deleted: true, used_by: Vec::new(), user_errors: Vec::new() },
        Err(error) => {
            let used_by = own_users(context, &error).map(TemplateUse::of).collect();
            DeleteFilterTemplatePayload { deleted: false, used_by, user_errors: user_errors(error)? }
        }
    })
}
