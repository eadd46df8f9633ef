//! `writeRecords`.

use async_graphql::{Context, InputObject, OneofObject, SimpleObject};
use engine::model::collection::{Change, Entry};
use serde_json::Value;

use crate::objects::collection::Collection;
use crate::resolver::{Result, access, engine, to_the_end};
use crate::user_error::{UserError, UserErrorCode, user_errors};

/// Input of `writeRecords`.
#[derive(InputObject)]
pub(crate) struct WriteRecordsInput {
    /// Name of the collection: lower-case words joined by `-`, `_` or `.`.
    collection: String,
    /// The changes, applied in this order: at most 1,000.
    changes: Vec<RecordChange>,
}

/// A change of one record.
#[derive(OneofObject)]
pub(crate) enum RecordChange {
    /// Adds a record; refused if the key exists.
    Insert(RecordInput),
    /// Adds a record, or replaces the one with this key.
    Upsert(RecordInput),
    /// Removes the record with this key, if there is one.
    Delete(String),
}

/// A record to write.
#[derive(InputObject)]
pub(crate) struct RecordInput {
    /// Unique in the collection: 1 to 500 bytes without control characters.
    key: String,
    /// The record: a JSON object of at most 1 MiB.
    data: Value,
}

/// Payload of `writeRecords`.
#[derive(SimpleObject, Default)]
pub(crate) struct WriteRecordsPayload {
    /// The collection; null if nothing was written.
    collection: Option<Collection>,
    /// Records added.
    inserted: u32,
    /// Records replaced.
    updated: u32,
    /// Records removed.
    deleted: u32,
    /// Records that did not need a change.
    unchanged: u32,
    /// Why changes were not made. With `TAKEN`, only the changes at the paths were not made; with any other code, none
    /// was made.
    pub(super) user_errors: Vec<UserError>,
}

pub(super) async fn answer(context: &Context<'_>, input: WriteRecordsInput) -> Result<WriteRecordsPayload> {
    let (collections, access) = (engine(context).collections(), access(context).clone());
    let name = input.collection.clone();
    let changes: Vec<_> = input.changes.into_iter().map(RecordChange::read).collect();
    let write = async move { collections.write(&access, &name, &changes).await };
    let written = match to_the_end(write).await? {
        Ok(written) => written,
        Err(error) => return Ok(WriteRecordsPayload { user_errors: user_errors(error)?, ..Default::default() }),
    };
    let refused = written.refused.into_iter().map(|(position, reason)| {
        UserError::at(UserErrorCode::Taken, &format!("changes[{position}].insert.key"), sentence(&reason))
    });
    Ok(WriteRecordsPayload {
        collection: Some(Collection::of(context, input.collection)),
        inserted: written.inserted,
        updated: written.updated,
        deleted: written.deleted,
        unchanged: written.unchanged,
        user_errors: refused.collect(),
    })
}

impl RecordChange {
    fn read(self) -> Change {
        let entry = |RecordInput { key, data }| Entry { key, data };
        match self {
            Self::Insert(record) => Change::Insert(entry(record)),
            Self::Upsert(record) => Change::Upsert(entry(record)),
            Self::Delete(key) => Change::Delete(key),
        }
    }
}

/// Turns words into a sentence: with a capital letter and a full stop.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
