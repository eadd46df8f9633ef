//! `collection.write`: adds, replaces or removes records of a collection.

use ropewalk_sdk::collections::{self, Change, Written};
use ropewalk_sdk::{Action, Context, Failure, Outcome, Record, Records, Rejection, Value, json};
use serde::Deserialize;
use values::path::Path;

use crate::key;

#[derive(Deserialize)]
pub struct Parameters {
    collection: String,
    #[serde(default)]
    mode: Mode,
    key: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Insert,
    #[default]
    Upsert,
    Delete,
}

pub struct Write {
    collection: String,
    mode: Mode,
    keys: Keys,
    dry_run: bool,
    written: Written,
}

/// Where keys come from.
enum Keys {
    Field(Path),
    /// The host generates a key for each record, so that another attempt writes the same records
    /// and not new ones.
    Generated,
}

impl Action for Write {
    const NAME: &'static str = "collection.write";
    const TITLE: &'static str = "Write to a collection";
    const SUMMARY: &'static str = "Adds, replaces or removes records of a collection. The records stay unchanged; those that could not be written are rejected with the reason.";
    type Parameters = Parameters;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["collection"],
            "additionalProperties": false,
            "properties": {
                "collection": {
                    "type": "string",
                    "minLength": 1,
                    "title": "Collection",
                    "description": "Name of the collection. It is created if it does not exist.",
                    "examples": ["customers"]
                },
                "mode": {
                    "enum": ["insert", "upsert", "delete"],
                    "default": "upsert",
                    "title": "Mode",
                    "description": "insert adds records and rejects those whose key exists already; upsert adds records or replaces those with the same key; delete removes the records with these keys."
                },
                "key": {
                    "type": "string",
                    "minLength": 1,
                    "title": "Key",
                    "field": true,
                    "description": "The field that contains the key: a text or a number, unique in the collection. Only insert works without it; each record then gets a generated key.",
                    "examples": ["id", "customer.number"]
                }
            }
        })
    }

    fn open(parameters: Parameters, context: &Context) -> Result<Write, Failure> {
        let Parameters { collection, mode, key } = parameters;
        let keys = match key {
            Some(field) => Keys::Field(key::path("key", &field)?),
            None if mode == Mode::Insert => Keys::Generated,
            None => {
                return Err(Failure::new("key: name the field that contains the key; only insert works without it"));
            }
        };
        Ok(Write { collection, mode, keys, dry_run: context.dry_run, written: Written::default() })
    }

    fn take(&mut self, records: Records) -> Result<Outcome, Failure> {
        let (mut changes, mut places, mut rejected) = (Vec::new(), Vec::new(), Vec::new());
        for (index, record) in records.values()?.into_iter().enumerate() {
            match self.change(record) {
                Ok(change) => {
                    changes.push(change);
                    places.push(index as u32);
                }
                Err(reason) => rejected.push(Rejection { index: index as u32, reason }),
            }
        }
        let written = match changes.is_empty() {
            true => Written::default(),
            false => collections::write(&self.collection, &changes)?,
        };
        for refused in &written.refused {
            let index = places.get(refused.index as usize).copied().unwrap_or_default();
            rejected.push(Rejection { index, reason: refused.reason.clone() });
        }
        rejected.sort_by_key(|rejection| rejection.index);
        self.add(&written);
        Ok(Outcome::unchanged().rejecting(rejected).saying(self.message()))
    }
}

impl Write {
    fn change(&self, record: Value) -> Result<Change, String> {
        let key = match &self.keys {
            Keys::Field(path) => key::of(&record, path)?.ok_or_else(|| format!("There is no key in `{path}`"))?,
            Keys::Generated => String::new(),
        };
        Ok(match self.mode {
            Mode::Insert => Change::insert(key, Record::from(record)),
            Mode::Upsert => Change::upsert(key, Record::from(record)),
            Mode::Delete => Change::Delete(key),
        })
    }

    fn add(&mut self, written: &Written) {
        self.written.inserted += written.inserted;
        self.written.updated += written.updated;
        self.written.deleted += written.deleted;
        self.written.unchanged += written.unchanged;
    }

    /// `Wrote 12 records to `customers`: 10 new, 2 changed.`
    fn message(&self) -> String {
        let Written { inserted, updated, deleted, unchanged, .. } = self.written;
        let collection = &self.collection;
        let (count, details) = match self.mode {
            Mode::Delete => (deleted, words::parts(&[(unchanged, "not found")])),
            _ => {
                let parts = [(inserted, "new"), (updated, "changed"), (unchanged, "unchanged")];
                (inserted + updated, words::parts(&parts))
            }
        };
        let verb = match (self.mode, self.dry_run) {
            (Mode::Delete, false) => "Removed",
            (Mode::Delete, true) => "Would remove",
            (_, false) => "Wrote",
            (_, true) => "Would write",
        };
        let preposition = if self.mode == Mode::Delete { "from" } else { "to" };
        let records = words::records(count as usize);
        let details = if details.is_empty() { details } else { format!(": {details}") };
        format!("{verb} {records} {preposition} `{collection}`{details}.")
    }
}

#[cfg(test)]
mod tests {
    use ropewalk_sdk::collections::Error;
    use ropewalk_sdk::testing::{Report, context, host, run, run_in};

    use super::*;

    fn write(parameters: Value, batches: &[Value]) -> Report {
        run::<Write>(parameters, batches).expect("runs")
    }

    #[test]
    fn upserts_by_key_and_says_what_changed() {
        let host = host();
        host.put("c", "1", json!({"id": 1, "n": "old"}));
        host.put("c", "2", json!({"id": 2}));
        let batches = [json!([{"id": 1, "n": "new"}, {"id": 2}]), json!([{"id": 3.0}, {"id": "x"}])];
        let report = write(json!({"collection": "c", "key": "id"}), &batches);
        assert_eq!(report.message(), "Wrote 3 records to `c`: 2 new, 1 changed, 1 unchanged.");
        assert_eq!(report.records, json!([{"id": 1, "n": "new"}, {"id": 2}, {"id": 3.0}, {"id": "x"}]));
        let keys: Vec<String> = host.records("c").into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["1", "2", "3", "x"]);
    }

    #[test]
    fn records_that_cannot_be_written_are_rejected_by_position() {
        let host = host();
        host.put("c", "b", json!({}));
        let batch = json!([{"k": {"id": "a"}}, {}, {"k": {"id": "b"}}, {"k": {"id": [1]}}, {"k": {"id": ""}}, {"k": {"id": "x".repeat(501)}}]);
        let report = write(json!({"collection": "c", "key": "k.id", "mode": "insert"}), &[batch]);
        let rejected = report.rejected();
        assert_eq!(rejected.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert_eq!(rejected[0].1, "There is no key in `k.id`");
        assert_eq!(rejected[1].1, "There is already a record with the key `b`");
        assert_eq!(rejected[2].1, "The key in `k.id` is neither a text nor a number");
        assert_eq!(report.records, json!([{"k": {"id": "a"}}]));
        assert_eq!(report.message(), "Wrote 1 record to `c`: 1 new.");
    }

    #[test]
    fn without_a_key_the_host_generates_one_for_each_record() {
        let host = host();
        let batches = [json!([{"n": 1}, {"n": 1}]), json!([{"n": 3}])];
        write(json!({"collection": "log", "mode": "insert"}), &batches);
        let kept: Vec<_> = host.records("log").into_iter().map(|(_, data)| data).collect();
        assert_eq!(kept, [json!({"n": 1}), json!({"n": 1}), json!({"n": 3})]);
    }

    #[test]
    fn removes_and_reports_missing_records() {
        let host = host();
        host.put("c", "1", json!({}));
        let parameters = json!({"collection": "c", "key": "id", "mode": "delete"});
        let report = write(parameters.clone(), &[json!([{"id": 1}, {"id": 2}])]);
        assert_eq!(report.message(), "Removed 1 record from `c`: 1 not found.");
        assert!(host.records("c").is_empty());
        let dry = run_in::<Write>(parameters, &[json!([{"id": 1}])], &Context { dry_run: true, ..context() });
        assert_eq!(dry.expect("runs").message(), "Would remove 0 records from `c`: 1 not found.");
    }

    #[test]
    fn an_unavailable_database_is_worth_another_attempt() {
        let host = host();
        let parameters = json!({"collection": "c", "key": "id"});
        host.close_collections(Error::Unavailable("The store is busy".to_owned()));
        let failure = run::<Write>(parameters.clone(), &[json!([{"id": 1}])]).expect_err("away");
        assert!(failure.temporary);
        host.close_collections(Error::Denied("Grant it".to_owned()));
        assert!(!run::<Write>(parameters, &[json!([{"id": 1}])]).expect_err("denied").temporary);
    }

    #[test]
    fn a_missing_key_fails_at_once() {
        for mode in ["upsert", "delete"] {
            let failure = run::<Write>(json!({"collection": "c", "mode": mode}), &[]).expect_err(mode);
            assert!(failure.message.starts_with("key: name the field"), "{failure}");
        }
        let failure = run::<Write>(json!({"collection": "c", "key": "a..b"}), &[]).expect_err("no path");
        assert!(failure.message.starts_with("key: The path"), "{failure}");
    }
}
