//! What a filter would choose.

use async_graphql::{Context, InputObject, Object};
use engine::runtime::preview::{Preview, PreviewError};
use serde_json::{Map, Value};

use super::line_result::Sample;
use super::page::BULKY;
use super::{Result, access, engine};
use crate::mutation::user_error::{UserError, UserErrorCode};

/// What `previewFilter` is given.
#[derive(InputObject)]
pub(crate) struct PreviewFilterInput {
    /// What a line says in its `filter`: an own definition, or a filter template with its values.
    filter: Value,
    /// The arguments that its texts may name: a JSON object.
    arguments: Option<Value>,
}

/// What a filter would choose if its line ran now.
pub(crate) struct FilterPreview {
    preview: Option<Preview>,
    user_errors: Vec<UserError>,
}

/// What a filter would choose if its line ran now.
#[Object]
impl FilterPreview {
    /// How many records it chose; null if it has faults.
    async fn count(&self) -> Option<usize> {
        self.preview.as_ref().map(|preview| preview.count)
    }

    /// How many records were looked at; of a collection, those that criteria brought.
    async fn read(&self) -> Option<usize> {
        self.preview.as_ref().map(|preview| preview.read)
    }

    /// The first records that it chose: at most 20, and 64 KiB of JSON.
    #[graphql(complexity = "BULKY + child_complexity")]
    async fn sample(&self) -> Option<Sample<'_>> {
        self.preview.as_ref().map(|preview| Sample(&preview.sample))
    }

    /// What a line with this filter would warn of: fields that no record has, and comparisons that could
    /// not be decided; null if there is nothing to warn of.
    async fn warning(&self) -> Option<&str> {
        self.preview.as_ref()?.warning.as_deref()
    }

    /// The definition as it was rendered, joined with its template.
    #[graphql(complexity = "BULKY")]
    async fn definition(&self) -> Option<&Value> {
        self.preview.as_ref().map(|preview| &preview.definition)
    }

    /// What is wrong with it: every fault at once; empty if it was tried out.
    async fn user_errors(&self) -> &[UserError] {
        &self.user_errors
    }
}

/// Tries a filter out.
pub(crate) async fn answer(context: &Context<'_>, input: PreviewFilterInput) -> Result<FilterPreview> {
    let refused = |user_errors| Ok(FilterPreview { preview: None, user_errors });
    let arguments = match input.arguments {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(arguments)) => arguments,
        Some(_) => {
            return refused(vec![UserError::at(UserErrorCode::Invalid, "arguments", "Arguments are a JSON object.")]);
        }
    };
    match engine(context).preview_filter(access(context), input.filter, arguments).await {
        Ok(preview) => Ok(FilterPreview { preview: Some(preview), user_errors: Vec::new() }),
        Err(PreviewError::Faults(faults)) => refused(UserError::of_faults(faults)),
        Err(PreviewError::Store(error)) => Err(error.into()),
    }
}
