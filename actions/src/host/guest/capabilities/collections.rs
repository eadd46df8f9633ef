//! `ropewalk:host/collections`: records that Ropewalk keeps for the organization.

use ::engine::model::collection::{self, Entries, Written};
use ::engine::model::effect::Effect;
use ::engine::model::grant::Capability;
use serde_json::json;
use wasmtime::component::{HasData, Linker};

use super::parse_json;
use crate::host::contract::collections::{self, Change, Entry, Error, Host, Page};
use crate::host::effects::{Effects, Refused};
use crate::host::guest::Guest;
use crate::host::limits::in_words;

/// How many records are requested from the store at once. It is small because their size is unknown.
const PORTION: u32 = 250;
/// Most records of one page, as the contract says.
const LARGEST_PAGE: u32 = 10_000;

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    collections::add_to_linker::<_, Collections>(linker, |guest| &*guest.effects)
}

struct Collections;

impl HasData for Collections {
    type Data<'a> = &'a Effects;
}

impl Host for &Effects {
    async fn get(
        &mut self,
        collection: String,
        keys: Vec<String>,
    ) -> wasmtime::Result<Result<Vec<Option<String>>, Error>> {
        self.count()?;
        Ok(get(self, &collection, keys).await.map_err(to_wit_error))
    }

    async fn find(
        &mut self,
        collection: String,
        criteria: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Page, Error>> {
        self.count()?;
        Ok(find(self, &collection, &criteria, after, limit).await.map_err(to_wit_error))
    }

    async fn write(
        &mut self,
        collection: String,
        changes: Vec<Change>,
    ) -> wasmtime::Result<Result<collections::Written, Error>> {
        self.count()?;
        Ok(write(self, &collection, changes).await.map(to_wit_written).map_err(to_wit_error))
    }
}

fn to_wit_error(refused: Refused) -> Error {
    match refused {
        Refused::Denied(message) => Error::Denied(message),
        Refused::Invalid(message) => Error::Invalid(message),
        Refused::Unavailable(message) => Error::Unavailable(message),
    }
}

/// Reads portion by portion, so that a result that is too large is never completely in memory.
async fn get(effects: &Effects, collection: &str, keys: Vec<String>) -> Result<Vec<Option<String>>, Refused> {
    let host_calls = effects.host_calls()?;
    let most = effects.limits().output;
    if keys.len() > LARGEST_PAGE as usize {
        let message = format!("{} keys were requested at once; at most {LARGEST_PAGE} are allowed.", keys.len());
        return Err(Refused::Invalid(message));
    }
    let (mut found, mut size) = (Vec::with_capacity(keys.len()), 0);
    // An empty list is requested too, so that the grant is checked.
    let portions: Vec<&[String]> = if keys.is_empty() { vec![&[]] } else { keys.chunks(PORTION as usize).collect() };
    for portion in portions {
        let records = host_calls.get(collection, portion.to_vec()).await.map_err(|error| effects.refuse(error))?;
        let texts = records.into_iter().map(|record| record.map(|record| record.to_string()));
        found.extend(texts.inspect(|text| size += text.as_ref().map_or(0, String::len)));
        if size > most {
            let message =
                format!("The requested records have more than {}; request fewer keys at once.", in_words(most));
            return Err(Refused::Invalid(message));
        }
    }
    Ok(found)
}

/// A page that grows too large ends early; its `next` says where the next one begins.
async fn find(
    effects: &Effects,
    collection: &str,
    criteria: &str,
    after: Option<String>,
    limit: u32,
) -> Result<Page, Refused> {
    let host_calls = effects.host_calls()?;
    let criteria = parse_json(effects, "criteria are", criteria)?;
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(Refused::Invalid(format!("The limit is {limit}; it must be between 1 and {LARGEST_PAGE}.")));
    }
    let (mut page, mut size) = (Page { entries: Vec::new(), next: after }, 0);
    let mut left = limit;
    loop {
        let portion = left.min(PORTION);
        let found = host_calls.find(collection, &criteria, page.next.take(), portion).await;
        let Entries { entries, next } = found.map_err(|error| effects.refuse(error))?;
        let is_empty = entries.is_empty();
        left = left.saturating_sub(u32::try_from(entries.len()).unwrap_or(u32::MAX));
        for entry in entries {
            let data = entry.data.to_string();
            size += data.len();
            page.entries.push(Entry { key: entry.key, data });
        }
        page.next = next;
        if is_empty || page.next.is_none() || left == 0 || size > effects.limits().output / 4 {
            return Ok(page);
        }
    }
}

async fn write(effects: &Effects, collection: &str, changes: Vec<Change>) -> Result<Written, Refused> {
    let host_calls = effects.host_calls()?;
    let call = effects.next_change();
    let changes = changes.into_iter().enumerate().map(|(position, change)| read_change(effects, position, change));
    let changes = changes.collect::<Result<Vec<_>, _>>()?;
    let done = !effects.caller().dry_run;
    let under_way = effects.begin(describe_unfinished(collection, changes.len(), done));
    let written = host_calls.write(collection, changes, call).await;
    effects.end(under_way, written.as_ref().ok().map(|written| describe_written(collection, written, done)));
    written.map_err(|error| effects.refuse(error))
}

fn read_change(effects: &Effects, position: usize, change: Change) -> Result<collection::Change, Refused> {
    let entry = |entry: Entry| {
        let data = parse_json(effects, &format!("data of change {position} is"), &entry.data)?;
        Ok(collection::Entry { key: entry.key, data })
    };
    Ok(match change {
        Change::Insert(inserted) => collection::Change::Insert(entry(inserted)?),
        Change::Upsert(upserted) => collection::Change::Upsert(entry(upserted)?),
        Change::Delete(key) => collection::Change::Delete(key),
    })
}

fn to_wit_written(written: Written) -> collections::Written {
    let refused = written.refused.into_iter().map(|(index, reason)| collections::Refused { index, reason });
    collections::Written {
        inserted: written.inserted,
        updated: written.updated,
        deleted: written.deleted,
        unchanged: written.unchanged,
        refused: refused.collect(),
    }
}

fn describe_unfinished(collection: &str, changes: usize, done: bool) -> Effect {
    let summary = format!("{collection}: {changes} changes; the line ended before they were confirmed");
    Effect { capability: Capability::Collections, done, summary, detail: json!({"collection": collection}) }
}

/// `orders: 3 inserted, 1 refused`.
fn describe_written(collection: &str, written: &Written, done: bool) -> Effect {
    let refused = written.refused.len() as u64;
    let counts = [
        (u64::from(written.inserted), "inserted"),
        (u64::from(written.updated), "updated"),
        (u64::from(written.deleted), "deleted"),
        (u64::from(written.unchanged), "unchanged"),
        (refused, "refused"),
    ];
    let parts: Vec<_> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let changes = if parts.is_empty() { "nothing to change".to_owned() } else { parts.join(", ") };
    let dry_run = if done { "" } else { "; not written, since this is a dry run" };
    let mut detail = json!({"collection": collection});
    for (count, what) in counts {
        detail[what] = json!(count);
    }
    Effect { capability: Capability::Collections, done, summary: format!("{collection}: {changes}{dry_run}"), detail }
}
