//! What the history, the collections and the ledger say after the last crash.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::load::{BATCHES, RECORDS};
use crate::ledger::Entry;
use crate::served::Server;

/// All that can be seen from outside.
pub struct Evidence {
    pub results: Vec<Value>,
    pub entries: Vec<Entry>,
}

/// How many of each.
#[derive(Debug, Default)]
pub struct Counts {
    pub batches: usize,
    /// Batches that were sent again after an answer that was lost in a crash.
    pub repeats: usize,
    pub refused: usize,
}

/// Every node of a listing, page by page.
pub fn all(server: &Server, token: &str, listing: &str, fields: &str) -> Vec<Value> {
    let (mut found, mut after) = (Vec::new(), Value::Null);
    loop {
        let (outer, inner) = listing.rsplit_once('/').unwrap_or(("", listing));
        let page = format!(
            "{inner}(first: 100, after: $after) {{ edges {{ node {{ {fields} }} }} pageInfo {{ hasNextPage endCursor }} }}"
        );
        let query = match outer {
            "" => format!("query($after: String) {{ {page} }}"),
            name => format!("query($after: String) {{ collection(name: \"{name}\") {{ {page} }} }}"),
        };
        let mut data = server.ask(token, &query, json!({"after": after}));
        let page = if outer.is_empty() { data[inner].take() } else { data["collection"][inner].take() };
        found.extend(page["edges"].as_array().into_iter().flatten().map(|edge| edge["node"].clone()));
        if page["pageInfo"]["hasNextPage"] != true {
            return found;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

fn text<'a>(result: &'a Value, field: &str) -> &'a str {
    result[field].as_str().unwrap_or_default()
}

impl Evidence {
    /// Every answered start has its result.
    pub fn nothing_accepted_is_lost(&self, accepted: &[(String, String)]) {
        let there: BTreeSet<_> = self.results.iter().map(|result| text(result, "id")).collect();
        let lost: Vec<_> = accepted.iter().filter(|(_, id)| !there.contains(id.as_str())).collect();
        assert!(lost.is_empty(), "answered, and lost: {lost:?}");
    }

    /// Each result ended as its job does, however many crashes it ran in.
    pub fn everything_ended_as_it_should(&self) {
        let mut starts = BTreeMap::new();
        for result in &self.results {
            let expected = match text(result, "job") {
                "carries-on" => "ERROR",
                _ => "SUCCESS",
            };
            assert_eq!(result["status"], expected, "{result:#}");
            *starts.entry((text(result, "job"), text(result, "title"))).or_insert(0) += 1;
        }
        let twice: Vec<_> = starts.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "started twice: {twice:?}");
    }

    /// The starts of a job.
    fn starts_of<'a>(&'a self, job: &str) -> BTreeSet<&'a str> {
        let own = self.results.iter().filter(|result| text(result, "job") == job);
        own.map(|one| text(one, "title")).collect()
    }

    /// A collection has each record of each start once.
    pub fn each_record_is_there_once(&self, server: &Server, token: &str, job: &str, collection: &str) {
        let records = all(server, token, &format!("{collection}/records"), "data");
        let starts = self.starts_of(job);
        let mut seen = BTreeMap::new();
        for record in &records {
            *seen.entry((text(&record["data"], "start"), text(&record["data"], "id"))).or_insert(0) += 1;
        }
        let twice: Vec<_> = seen.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "written twice to {collection}: {twice:?}");
        let written = |start: &str| seen.keys().filter(|(of, _)| *of == start).count();
        for start in &starts {
            assert_eq!(written(start), RECORDS, "{start} in {collection}");
        }
        let strange: Vec<_> = seen.keys().filter(|(of, _)| !starts.contains(of)).collect();
        assert!(strange.is_empty(), "of no result, in {collection}: {strange:?}");
    }

    /// Each parent has one child.
    pub fn each_parent_has_one_child(&self) {
        assert_eq!(self.starts_of("parent"), self.starts_of("child"));
    }

    /// What the ledger says of the batches of all starts.
    pub fn batches_are_sent_again_only_where_nobody_knew(&self, counts: &mut Counts) {
        let mut by_start: BTreeMap<(String, String), Vec<&Entry>> = BTreeMap::new();
        for entry in &self.entries {
            let start = text(&entry.records()[0], "start").to_owned();
            by_start.entry((entry.path.clone(), start)).or_default().push(entry);
        }
        for ((path, start), entries) in &by_start {
            let sent = one_start(entries, counts);
            let expected = if path == "/broken" { 1 } else { BATCHES };
            assert_eq!(sent, expected, "{sent} batches of {start} to {path}: {entries:#?}");
        }
        let posting = self.starts_of("posts");
        let unsent: Vec<_> =
            posting.iter().filter(|start| !by_start.contains_key(&("/posted".into(), (**start).into()))).collect();
        assert!(unsent.is_empty(), "ended, and never sent: {unsent:?}");
    }
}

/// One batch after the other; the same key means the same text; and nothing is sent after it was
/// answered, unless the answer may have been lost in a crash. Gives the number of keys.
fn one_start(entries: &[&Entry], counts: &mut Counts) -> usize {
    let mut bodies: BTreeMap<&str, &str> = BTreeMap::new();
    let mut answered: BTreeMap<&str, u32> = BTreeMap::new();
    let mut last = 0;
    for entry in entries {
        assert!(!entry.key.is_empty(), "without a key: {entry:?}");
        assert_eq!(*bodies.entry(&entry.key).or_insert(&entry.body), entry.body, "another text under {}", entry.key);
        let first = entry.records()[0]["n"].as_u64().expect("a number");
        assert!(first >= last, "a batch was sent after a later one, so it was recorded as done: {entries:#?}");
        last = first;
        if let Some(before) = answered.get(entry.key.as_str()) {
            counts.repeats += 1;
            assert!(*before < entry.round, "sent again without a crash: {entries:#?}");
        }
        match entry.status {
            503 => counts.refused += 1,
            _ => drop(answered.insert(&entry.key, entry.round)),
        }
    }
    counts.batches += bodies.len();
    let texts: BTreeSet<_> = bodies.values().collect();
    assert_eq!(texts.len(), bodies.len(), "the same batch under several keys: {entries:#?}");
    bodies.len()
}
