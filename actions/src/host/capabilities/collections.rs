//! `ropewalk:host/collections`: records that Ropewalk keeps for the organization.

use ::engine::model::collection::{self, Entries, Written};
use ::engine::model::effect::Effect;
use ::engine::model::grant::Capability;
use serde_json::{Value, json};
use values::json::{Bounds, parse};
use wasmtime::component::{HasData, Linker};

use crate::host::contract::collections::{self, Change, Entry, Error, Host, Page};
use crate::host::guest::Guest;
use crate::host::heavy::heavy;
use crate::host::limits::in_words;
use crate::host::outside::{Outside, Refused};

/// Records that are asked of the store at once, since nobody knows how large they are.
const PORTION: u32 = 250;
/// Records of one page, as the contract has it.
const LARGEST_PAGE: u32 = 10_000;

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    collections::add_to_linker::<_, Collections>(linker, |guest| &*guest.outside)
}

struct Collections;

impl HasData for Collections {
    type Data<'a> = &'a Outside;
}

impl Host for &Outside {
    async fn get(
        &mut self,
        collection: String,
        keys: Vec<String>,
    ) -> wasmtime::Result<Result<Vec<Option<String>>, Error>> {
        self.count()?;
        Ok(get(self, &collection, keys).await.map_err(error))
    }

    async fn find(
        &mut self,
        collection: String,
        criteria: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Page, Error>> {
        self.count()?;
        Ok(find(self, &collection, &criteria, after, limit).await.map_err(error))
    }

    async fn write(
        &mut self,
        collection: String,
        changes: Vec<Change>,
    ) -> wasmtime::Result<Result<collections::Written, Error>> {
        self.count()?;
        Ok(write(self, &collection, changes).await.map(written).map_err(error))
    }
}

fn error(refused: Refused) -> Error {
    match refused {
        Refused::Denied(told) => Error::Denied(told),
        Refused::Invalid(told) => Error::Invalid(told),
        Refused::Unavailable(told) => Error::Unavailable(told),
    }
}

/// Asks portion by portion, so that what is too much is never all in memory.
async fn get(outside: &Outside, collection: &str, keys: Vec<String>) -> Result<Vec<Option<String>>, Refused> {
    let reach = outside.reach()?;
    let most = outside.limits().output;
    if keys.len() > LARGEST_PAGE as usize {
        return Err(Refused::Invalid(format!("At most {LARGEST_PAGE} keys can be asked for at once.")));
    }
    let (mut found, mut size) = (Vec::with_capacity(keys.len()), 0);
    // An empty list is still asked for, so that the grant is.
    let portions: Vec<&[String]> = if keys.is_empty() { vec![&[]] } else { keys.chunks(PORTION as usize).collect() };
    for portion in portions {
        let records = reach.get(collection, portion.to_vec()).await.map_err(|error| outside.refused(error))?;
        let texts = records.into_iter().map(|record| record.map(|record| record.to_string()));
        found.extend(texts.inspect(|text| size += text.as_ref().map_or(0, String::len)));
        if size > most {
            let told = format!("These records have more than {}; ask for fewer keys at once.", in_words(most));
            return Err(Refused::Invalid(told));
        }
    }
    Ok(found)
}

/// A page that grows too large ends early, and says where the next one begins.
async fn find(
    outside: &Outside,
    collection: &str,
    criteria: &str,
    after: Option<String>,
    limit: u32,
) -> Result<Page, Refused> {
    let reach = outside.reach()?;
    let criteria = json(outside, "criteria are", criteria)?;
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(Refused::Invalid(format!("A page has 1 to {LARGEST_PAGE} records, not {limit}.")));
    }
    let (mut page, mut size) = (Page { entries: Vec::new(), next: after }, 0);
    let mut left = limit;
    loop {
        let portion = left.min(PORTION);
        let asked = reach.find(collection, &criteria, page.next.take(), portion).await;
        let Entries { entries, next } = asked.map_err(|error| outside.refused(error))?;
        let none = entries.is_empty();
        left = left.saturating_sub(u32::try_from(entries.len()).unwrap_or(u32::MAX));
        for entry in entries {
            let data = entry.data.to_string();
            size += data.len();
            page.entries.push(Entry { key: entry.key, data });
        }
        page.next = next;
        if none || page.next.is_none() || left == 0 || size > outside.limits().output / 4 {
            return Ok(page);
        }
    }
}

async fn write(outside: &Outside, collection: &str, changes: Vec<Change>) -> Result<Written, Refused> {
    let reach = outside.reach()?;
    let call = outside.change();
    let changes = changes.into_iter().enumerate().map(|(position, one)| change(outside, position, one));
    let changes = changes.collect::<Result<Vec<_>, _>>()?;
    let done = !outside.caller().dry_run;
    let under_way = outside.begin(unfinished(collection, changes.len(), done));
    let written = reach.write(collection, changes, call).await;
    outside.end(under_way, written.as_ref().ok().map(|written| effect(collection, written, done)));
    written.map_err(|error| outside.refused(error))
}

fn change(outside: &Outside, position: usize, change: Change) -> Result<collection::Change, Refused> {
    let entry = |entry: Entry| {
        let data = json(outside, &format!("data of change {position} is"), &entry.data)?;
        Ok(collection::Entry { key: entry.key, data })
    };
    Ok(match change {
        Change::Insert(inserted) => collection::Change::Insert(entry(inserted)?),
        Change::Upsert(upserted) => collection::Change::Upsert(entry(upserted)?),
        Change::Delete(key) => collection::Change::Delete(key),
    })
}

fn json(outside: &Outside, what: &str, text: &str) -> Result<Value, Refused> {
    let bounds = Bounds { bytes: outside.limits().output, ..Bounds::default() };
    let parsed = heavy(text.len(), || parse(text.as_bytes(), bounds));
    parsed.map_err(|fault| Refused::Invalid(format!("The {what} not JSON: {fault}")))
}

fn written(written: Written) -> collections::Written {
    let refused = written.refused.into_iter().map(|(index, reason)| collections::Refused { index, reason });
    collections::Written {
        inserted: written.inserted,
        updated: written.updated,
        deleted: written.deleted,
        unchanged: written.unchanged,
        refused: refused.collect(),
    }
}

fn unfinished(collection: &str, changes: usize, done: bool) -> Effect {
    let summary = format!("{collection}: {changes} changes, and the line ended before they were answered");
    Effect { capability: Capability::Collections, done, summary, detail: json!({"collection": collection}) }
}

/// `orders: 3 inserted, 1 refused`.
fn effect(collection: &str, written: &Written, done: bool) -> Effect {
    let refused = written.refused.len() as u64;
    let counts = [
        (u64::from(written.inserted), "inserted"),
        (u64::from(written.updated), "updated"),
        (u64::from(written.deleted), "deleted"),
        (u64::from(written.unchanged), "unchanged"),
        (refused, "refused"),
    ];
    let told: Vec<_> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let told = if told.is_empty() { "nothing to change".to_owned() } else { told.join(", ") };
    let dry_run = if done { "" } else { "; not written, since this is a dry run" };
    let mut detail = json!({"collection": collection});
    for (count, what) in counts {
        detail[what] = json!(count);
    }
    Effect { capability: Capability::Collections, done, summary: format!("{collection}: {told}{dry_run}"), detail }
}
