//! `deleteCollection`.

use async_graphql::{Context, InputObject, SimpleObject};

use super::to_the_end;
use super::user_error::{UserError, of_collection};
use crate::objects::{Result, engine, scope};

/// What `deleteCollection` is given.
#[derive(InputObject)]
pub(crate) struct DeleteCollectionInput {
    /// Name of the collection.
    collection: String,
}

/// What `deleteCollection` answers.
#[derive(SimpleObject)]
pub(crate) struct DeleteCollectionPayload {
    /// Whether it was removed, with all its records.
    deleted: bool,
    /// Why it was not removed; empty if it was.
    user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: DeleteCollectionInput) -> Result<DeleteCollectionPayload> {
    let (engine, scope) = (engine(context).clone(), scope(context));
    let delete = async move { engine.delete_collection(scope, &input.collection).await };
    match to_the_end(delete).await? {
        Ok(()) => Ok(DeleteCollectionPayload { deleted: true, user_errors: Vec::new() }),
        Err(error) => Ok(DeleteCollectionPayload { deleted: false, user_errors: of_collection(error)? }),
    }
}
