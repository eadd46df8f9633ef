//! `deleteCollection`.

use async_graphql::{Context, InputObject, SimpleObject};

use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, user_errors};

/// Input of `deleteCollection`.
#[derive(InputObject)]
pub(crate) struct DeleteCollectionInput {
    /// Name of the collection.
    collection: String,
}

/// Payload of `deleteCollection`.
#[derive(SimpleObject)]
pub(crate) struct DeleteCollectionPayload {
    /// Whether it was removed, with all its records.
    deleted: bool,
    /// Why it was not removed; empty if it was.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: DeleteCollectionInput) -> Result<DeleteCollectionPayload> {
    let (collections, access) = (engine(context).collections(), access(context).clone());
    Ok(match to_the_end(async move { collections.remove(&access, &input.collection).await }).await? {
        Ok(()) => DeleteCollectionPayload { deleted: true, user_errors: Vec::new() },
        Err(error) => DeleteCollectionPayload { deleted: false, user_errors: user_errors(error)? },
    })
}
