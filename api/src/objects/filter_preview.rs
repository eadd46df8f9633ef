//! Previews of filters.

use async_graphql::{Context, InputObject, Object};
use engine::services::templates::preview::Preview;
use serde_json::{Map, Value};

use super::line_result::Sample;
use super::page::BULKY;
use crate::resolver::{Result, access, engine};
use crate::user_error::{UserError, UserErrorCode, user_errors};

/// Input of `previewFilter`.
#[derive(InputObject)]
pub(crate) struct PreviewFilterInput {
    /// The `filter` of a line: its own definition, or a filter template with its values.
    filter: Value,
    /// Arguments for placeholders in the filter: a JSON object.
    arguments: Option<Value>,
}

/// What a filter would select if its line ran now.
pub(crate) struct FilterPreview {
    preview: Option<Preview>,
    user_errors: Vec<UserError>,
}

/// What a filter would select if its line ran now.
#[Object]
impl FilterPreview {
    /// How many records it selects; null if it has faults.
    async fn count(&self) -> Option<usize> {
        self.preview.as_ref().map(|preview| preview.count)
    }

    /// How many records were read; of a collection, only those that the store could not exclude by the criteria.
    async fn read(&self) -> Option<usize> {
        self.preview.as_ref().map(|preview| preview.read)
    }

    /// The first selected records: at most 20, and 64 KiB of JSON.
    #[graphql(complexity = "BULKY + child_complexity")]
    async fn sample(&self) -> Option<Sample<'_>> {
        self.preview.as_ref().map(|preview| Sample(&preview.sample))
    }

    /// The warning of a line with this filter: fields that no record has, and comparisons that could not be decided.
    /// Null if there is no warning.
    async fn warning(&self) -> Option<&str> {
        self.preview.as_ref()?.warning.as_deref()
    }

    /// The rendered definition, joined with its template.
    #[graphql(complexity = "BULKY")]
    async fn definition(&self) -> Option<&Value> {
        self.preview.as_ref().map(|preview| &*preview.definition)
    }

    /// All faults of the filter; empty if it has none.
    async fn user_errors(&self) -> &[UserError] {
        &self.user_errors
    }
}

/// Tries a filter.
pub(crate) async fn answer(context: &Context<'_>, input: PreviewFilterInput) -> Result<FilterPreview> {
    let refused = |user_errors| Ok(FilterPreview { preview: None, user_errors });
    let arguments = match input.arguments {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(arguments)) => arguments,
        Some(_) => {
            return refused(vec![UserError::at(
                UserErrorCode::Invalid,
                "arguments",
                "Arguments must be a JSON object.",
            )]);
        }
    };
    match engine(context).templates().preview(access(context), input.filter, arguments).await {
        Ok(preview) => Ok(FilterPreview { preview: Some(preview), user_errors: Vec::new() }),
        Err(error) => refused(user_errors(error)?),
    }
}
