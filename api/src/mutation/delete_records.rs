//! `deleteRecords`.

use async_graphql::{Context, InputObject, SimpleObject};
use engine::runtime::collections::Which;
use serde_json::Value;

use super::to_the_end;
use super::user_error::{UserError, UserErrorCode, of_collection};
use crate::objects::{Result, engine, scope};

/// What `deleteRecords` is given: either `keys` or `where`.
#[derive(InputObject)]
pub(crate) struct DeleteRecordsInput {
    /// Name of the collection.
    collection: String,
    /// The keys of the records: at most 1,000. Nothing happens where there is none.
    keys: Option<Vec<String>>,
    /// Criteria, as in a filter's `where`; `{}` removes every record.
    #[graphql(name = "where")]
    criteria: Option<Value>,
}

/// What `deleteRecords` answers.
#[derive(SimpleObject, Default)]
pub(crate) struct DeleteRecordsPayload {
    /// How many records were removed.
    deleted: u64,
    /// Why none was removed; empty if nothing was wrong.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: DeleteRecordsInput) -> Result<DeleteRecordsPayload> {
    let which = match (input.keys, input.criteria) {
        (Some(keys), None) => Which::Keys(keys),
        (None, Some(criteria)) => Which::Where(criteria),
        _ => {
            let message = "Say which records: give either `keys` or `where`.";
            return Ok(refused(vec![UserError::at(UserErrorCode::Invalid, "where", message)]));
        }
    };
    let (engine, scope) = (engine(context).clone(), scope(context));
    let delete = async move { engine.delete_records(scope, &input.collection, &which).await };
    match to_the_end(delete).await? {
        Ok(deleted) => Ok(DeleteRecordsPayload { deleted, user_errors: Vec::new() }),
        Err(error) => Ok(refused(of_collection(error)?)),
    }
}

fn refused(user_errors: Vec<UserError>) -> DeleteRecordsPayload {
    DeleteRecordsPayload { deleted: 0, user_errors }
}
