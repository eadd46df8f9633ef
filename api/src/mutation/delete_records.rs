//! `deleteRecords`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::services::collections::Which;
use serde_json::Value;

use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, UserErrorCode, user_errors};

/// Input of `deleteRecords`: either `keys` or `where`.
#[derive(InputObject)]
pub(crate) struct DeleteRecordsInput {
    /// Name of the collection.
    collection: String,
    /// The keys of the records: at most 1,000. Keys without a record are ignored.
    keys: Option<Vec<String>>,
    /// Criteria, as in the `where` of a filter; `{}` removes all records.
    #[graphql(name = "where")]
    criteria: Option<Value>,
}

/// Payload of `deleteRecords`.
#[derive(SimpleObject, Default)]
pub(crate) struct DeleteRecordsPayload {
    /// How many records were removed.
    deleted: u64,
    /// Why no record was removed; empty if nothing was wrong.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: DeleteRecordsInput) -> Result<DeleteRecordsPayload> {
    let which = match (input.keys, input.criteria) {
        (Some(keys), None) => Which::Keys(keys),
        (None, Some(criteria)) => Which::Where(criteria),
        _ => {
            let message = "Give either `keys` or `where`, to say which records are removed.";
            let user_errors = vec![UserError::at(UserErrorCode::Invalid, "where", message)];
            return Ok(DeleteRecordsPayload { deleted: 0, user_errors });
        }
    };
    let (collections, access) = (engine(context).collections(), access(context).clone());
    Ok(match to_the_end(async move { collections.delete(&access, &input.collection, &which).await }).await? {
        Ok(deleted) => DeleteRecordsPayload { deleted, user_errors: Vec::new() },
        Err(error) => DeleteRecordsPayload { deleted: 0, user_errors: user_errors(error)? },
    })
}
