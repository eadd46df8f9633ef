//! `collection.lookup`: joins each record with a record of a collection.

use std::collections::BTreeMap;

use ropewalk_sdk::{Action, Context, Failure, Outcome, Records, Rejection, Severity, Value, collections, json};
use serde::Deserialize;
use serde_json::Map;
use values::path::Path;

use crate::key;

/// How many keys are requested at once.
const AT_ONCE: usize = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parameters {
    collection: String,
    on: String,
    r#as: Option<String>,
    fields: Option<Fields>,
    #[serde(default)]
    on_missing: Missing,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Fields {
    Names(Vec<String>),
    Renamed(Map<String, Value>),
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Missing {
    #[default]
    Keep,
    Drop,
    Reject,
    Null,
}

pub struct Lookup {
    collection: String,
    on: Path,
    put: Put,
    missing: Missing,
    seen: usize,
    found: usize,
    dropped: usize,
}

/// What is copied into the record, and where.
enum Put {
    Whole(String),
    Fields(Vec<(String, Path)>),
}

impl Action for Lookup {
    const NAME: &'static str = "collection.lookup";
    const TITLE: &'static str = "Look up in a collection";
    const SUMMARY: &'static str = "Finds the record of a collection whose key is in a field of each record, and copies it, or some of its fields, into the record.";
    type Parameters = Parameters;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["collection", "on"],
            "additionalProperties": false,
            "properties": {
                "collection": {
                    "type": "string",
                    "minLength": 1,
                    "title": "Collection",
                    "description": "Name of the collection.",
                    "examples": ["customers"]
                },
                "on": {
                    "type": "string",
                    "minLength": 1,
                    "title": "On",
                    "field": true,
                    "description": "The field of the record that contains the key.",
                    "examples": ["customerId"]
                },
                "as": {
                    "type": "string",
                    "minLength": 1,
                    "title": "As",
                    "description": "The name of the field for the whole found record. Write either this or Fields.",
                    "examples": ["customer"]
                },
                "fields": {
                    "title": "Fields",
                    "description": "The fields of the found record to copy: a list of names, or new names with the field that each is copied from. An existing field with the same name is replaced; a field that the found record does not have becomes null.",
                    "oneOf": [
                        { "type": "array", "minItems": 1, "items": { "type": "string", "minLength": 1 } },
                        { "type": "object", "minProperties": 1, "additionalProperties": { "type": "string", "minLength": 1 } }
                    ],
                    "examples": [["name", "city"], { "customerName": "name" }]
                },
                "onMissing": {
                    "enum": ["keep", "drop", "reject", "null"],
                    "default": "keep",
                    "title": "If nothing is found",
                    "description": "keep leaves the record as it is, drop removes it, reject rejects it with a reason, null sets the fields to null."
                }
            }
        })
    }

    fn open(parameters: Parameters, _: &Context) -> Result<Lookup, Failure> {
        let Parameters { collection, on, r#as, fields, on_missing } = parameters;
        let put = match (r#as, fields) {
            (Some(name), None) => Put::Whole(name),
            (None, Some(fields)) => Put::Fields(fields.read()?),
            _ => return Err(Failure::new("as, fields: write one of them to say what is copied into the record")),
        };
        Ok(Lookup { collection, on: key::path("on", &on)?, put, missing: on_missing, seen: 0, found: 0, dropped: 0 })
    }

    fn take(&mut self, records: Records) -> Result<Outcome, Failure> {
        let records = records.values()?;
        let keys: Vec<Result<Option<String>, String>> =
            records.iter().map(|record| key::of(record, &self.on)).collect();
        let others = self.fetch(keys.iter().flatten().flatten())?;
        let (mut joined, mut rejected) = (Vec::with_capacity(records.len()), Vec::new());
        for (index, (record, key)) in records.into_iter().zip(keys).enumerate() {
            self.seen += 1;
            match self.join(record, key, &others) {
                Ok(record) => joined.extend(record),
                Err(reason) => rejected.push(Rejection { index: index as u32, reason }),
            }
        }
        Ok(self.with_message(Outcome::of(joined).rejecting(rejected)))
    }
}

impl Fields {
    fn read(self) -> Result<Vec<(String, Path)>, Failure> {
        let pairs: Vec<(String, String)> = match self {
            Fields::Names(names) => names.into_iter().map(|name| (name.clone(), name)).collect(),
            Fields::Renamed(pairs) => {
                pairs.into_iter().map(|(name, from)| (name, from.as_str().unwrap_or_default().to_owned())).collect()
            }
        };
        let read =
            |(name, from): (String, String)| key::path(&format!("fields.{name}"), &from).map(|path| (name, path));
        pairs.into_iter().map(read).collect()
    }
}

impl Lookup {
    /// The records with these keys. Several records may have the same key, which is requested once.
    fn fetch<'a>(&self, keys: impl Iterator<Item = &'a String>) -> Result<BTreeMap<String, Value>, Failure> {
        let mut others: BTreeMap<String, Value> = keys.map(|key| (key.clone(), Value::Null)).collect();
        let wanted: Vec<String> = others.keys().cloned().collect();
        for keys in wanted.chunks(AT_ONCE) {
            for (key, found) in keys.iter().zip(collections::get(&self.collection, keys)?) {
                match found {
                    Some(record) => others.insert(key.clone(), record.value()?),
                    None => others.remove(key),
                };
            }
        }
        Ok(others)
    }

    /// The record with what is copied into it, `None` if it is dropped, or the reason for its rejection.
    fn join(
        &mut self,
        record: Value,
        key: Result<Option<String>, String>,
        others: &BTreeMap<String, Value>,
    ) -> Result<Option<Value>, String> {
        let key = match key {
            Ok(key) => key,
            Err(reason) if self.missing == Missing::Reject => return Err(reason),
            Err(_) => None,
        };
        match (key.as_ref().and_then(|key| others.get(key)), self.missing) {
            (Some(other), _) => {
                self.found += 1;
                Ok(Some(self.with(record, other)))
            }
            (None, Missing::Keep) => Ok(Some(record)),
            (None, Missing::Drop) => {
                self.dropped += 1;
                Ok(None)
            }
            (None, Missing::Null) => Ok(Some(self.with(record, &Value::Null))),
            (None, Missing::Reject) => Err(match key {
                Some(key) => format!("There is no record with the key `{key}` in `{}`", self.collection),
                None => format!("There is no key in `{}`", self.on),
            }),
        }
    }

    fn with(&self, mut record: Value, other: &Value) -> Value {
        match &self.put {
            Put::Whole(name) => record[name.as_str()] = other.clone(),
            Put::Fields(fields) => {
                for (name, path) in fields {
                    record[name.as_str()] = path.of(other).cloned().unwrap_or(Value::Null);
                }
            }
        }
        record
    }

    /// If no record was found, the field or the collection is probably wrong, so the severity is `info`.
    fn with_message(&self, outcome: Outcome) -> Outcome {
        let Lookup { collection, on, found, seen, dropped, .. } = self;
        let records = words::records(*seen);
        let dropped = match dropped {
            0 => String::new(),
            dropped => format!(" Dropped {}.", words::records(*dropped)),
        };
        if *found == 0 && *seen > 0 && self.missing != Missing::Reject {
            let message = format!("None of {records} was found in `{collection}` by `{on}`.{dropped}");
            return outcome.saying(message).with(Severity::Info);
        }
        outcome.saying(format!("Found {found} of {records} in `{collection}`.{dropped}"))
    }
}

#[cfg(test)]
mod tests {
    use ropewalk_sdk::collections::Error;
    use ropewalk_sdk::testing::{Host, Report, host, run};

    use super::*;

    fn customers() -> Host {
        let host = host();
        host.put("customers", "1", json!({"name": "Ada", "at": {"city": "Turin"}}));
        host.put("customers", "b", json!({"name": "Bo"}));
        host
    }

    fn lookup(more: Value, batch: Value) -> Report {
        let mut parameters = json!({"collection": "customers", "on": "c"});
        parameters.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
        run::<Lookup>(parameters, &[batch]).expect("runs")
    }

    #[test]
    fn puts_the_whole_record_or_some_fields() {
        let _host = customers();
        let batch = json!([{"c": 1}, {"c": "b", "city": "?"}]);
        let whole = lookup(json!({"as": "who"}), batch.clone());
        assert_eq!(whole.records[1], json!({"c": "b", "city": "?", "who": {"name": "Bo"}}));
        assert_eq!(whole.message(), "Found 2 of 2 records in `customers`.");
        let names = lookup(json!({"fields": ["name"]}), batch.clone());
        assert_eq!(names.records[0], json!({"c": 1, "name": "Ada"}));
        let renamed = lookup(json!({"fields": {"city": "at.city"}}), batch);
        assert_eq!(renamed.records, json!([{"c": 1, "city": "Turin"}, {"c": "b", "city": null}]));
    }

    #[test]
    fn what_is_missing_is_kept_rejected_or_null() {
        let _host = customers();
        let batch = json!([{"c": 1}, {"c": 9}, {}, {"c": [1]}]);
        let keep = lookup(json!({"as": "who"}), batch.clone());
        assert_eq!(keep.records[1], json!({"c": 9}));
        assert_eq!(keep.message(), "Found 1 of 4 records in `customers`.");
        let null = lookup(json!({"fields": ["name"], "onMissing": "null"}), batch.clone());
        assert_eq!(null.records[2], json!({"name": null}));
        let reject = lookup(json!({"as": "who", "onMissing": "reject"}), batch);
        let reasons = [
            (1, "There is no record with the key `9` in `customers`"),
            (2, "There is no key in `c`"),
            (3, "The key in `c` is neither a text nor a number"),
        ];
        assert_eq!(reject.rejected(), reasons);
        assert_eq!(reject.records.as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn what_is_missing_can_be_dropped_without_a_rejection() {
        let _host = customers();
        let drop = json!({"as": "who", "onMissing": "drop"});
        let report = lookup(drop.clone(), json!([{"c": 9}, {"c": "b"}, {}, {"c": [1]}]));
        assert_eq!(report.records, json!([{"c": "b", "who": {"name": "Bo"}}]));
        assert!(report.rejected().is_empty());
        assert_eq!(report.message(), "Found 1 of 4 records in `customers`. Dropped 3 records.");
        let none = lookup(drop, json!([{"c": 9}]));
        assert_eq!(none.message(), "None of 1 record was found in `customers` by `c`. Dropped 1 record.");
        assert_eq!((none.records, none.outcomes[0].severity), (json!([]), Severity::Info));
    }

    #[test]
    fn nothing_found_at_all_is_reported() {
        let _host = customers();
        let report = lookup(json!({"as": "who"}), json!([{"d": 1}]));
        assert_eq!(report.message(), "None of 1 record was found in `customers` by `c`.");
        assert_eq!(report.outcomes[0].severity, Severity::Info);
    }

    #[test]
    fn many_keys_are_requested_in_parts() {
        let host = host();
        let records: Vec<Value> = (0..2_500).map(|n| json!({"c": n})).collect();
        for n in 0..2_500 {
            host.put("customers", &n.to_string(), json!({"n": n}));
        }
        let report = lookup(json!({"fields": ["n"]}), Value::Array(records));
        assert_eq!(report.records[2_499], json!({"c": 2_499, "n": 2_499}));
    }

    #[test]
    fn faults_are_reported() {
        let host = customers();
        for wrong in [json!({}), json!({"as": "a", "fields": ["b"]})] {
            let mut parameters = json!({"collection": "customers", "on": "c"});
            parameters.as_object_mut().expect("an object").extend(wrong.as_object().cloned().expect("an object"));
            assert!(run::<Lookup>(parameters, &[]).expect_err("wrong").message.starts_with("as, fields: write one"));
        }
        host.close_collections(Error::Unavailable("away".to_owned()));
        let parameters = json!({"collection": "customers", "on": "c", "as": "who"});
        assert!(run::<Lookup>(parameters, &[json!([{"c": 1}])]).expect_err("away").temporary);
    }
}
