//! `aggregate`: groups records and counts, sums, averages over each group.

mod unfit;
mod value;

use std::collections::HashMap;

use ropewalk_sdk::{Action, Context, Failure, Outcome, Records, Severity, Value, json};
use serde::Deserialize;
use serde_json::Map;
use values::order::identity;
use values::path::Path;

use crate::phrase;
use unfit::Unfit;
use value::{Kind, Running};

#[derive(Deserialize)]
pub struct Parameters {
    #[serde(default, rename = "groupBy", deserialize_with = "phrase::names")]
    group_by: Vec<String>,
    values: Map<String, Value>,
}

pub struct Aggregate {
    group_by: Vec<Path>,
    values: Vec<(String, Kind)>,
    /// The position of each group in `groups`, by the identity of its keys.
    positions: HashMap<String, usize>,
    groups: Vec<Group>,
    seen: usize,
    unfit: Vec<Unfit>,
}

/// The keys that the records of one group share, and the values so far.
struct Group {
    keys: Vec<Value>,
    values: Vec<Running>,
}

impl Action for Aggregate {
    const NAME: &'static str = "aggregate";
    const TITLE: &'static str = "Aggregate";
    const SUMMARY: &'static str =
        "Groups the records and makes one record for each group, with counts, sums, averages, minimums and maximums.";
    type Parameters = Parameters;

    fn schema() -> Value {
        let field = |title: &str| json!({ "type": "string", "minLength": 1, "title": title, "field": true });
        let description = "Fields whose values the records of a group share; a single field needs no list. Without any, all records are one group. The groups are in the order of their first records.";
        let group_by = phrase::names_schema("Group by", description, &json!(true), 0, json!(["customer"]));
        json!({
            "type": "object",
            "required": ["values"],
            "additionalProperties": false,
            "properties": {
                "groupBy": group_by,
                "values": {
                    "type": "object",
                    "title": "Values",
                    "description": "Names of new fields, and what each contains. Null and missing values are left out. Sums and averages leave out values that are not numbers, and min and max compare numbers in texts as text; both cause a warning.",
                    "minProperties": 1,
                    "additionalProperties": {
                        "type": "object",
                        "minProperties": 1,
                        "maxProperties": 1,
                        "additionalProperties": false,
                        "properties": {
                            "count": { "const": true, "title": "Number of records" },
                            "sum": field("Sum of"), "avg": field("Average of"),
                            "min": field("Minimum of"), "max": field("Maximum of"),
                            "first": field("First value of"), "last": field("Last value of"),
                            "distinct": field("Number of different values of")
                        }
                    },
                    "examples": [{ "orders": { "count": true }, "revenue": { "sum": "total" } }]
                }
            }
        })
    }

    fn open(parameters: Parameters, _: &Context) -> Result<Aggregate, Failure> {
        let group_by = phrase::paths("groupBy", &parameters.group_by)?;
        let values = parameters.values.into_iter();
        let values = values.map(|(name, what)| Kind::read(&name, &what).map(|kind| (name, kind)));
        let values: Vec<_> = values.collect::<Result<_, _>>()?;
        let mut aggregate = Aggregate {
            group_by,
            unfit: Unfit::of(values.iter().map(|(_, kind)| kind)),
            values,
            positions: HashMap::new(),
            groups: Vec::new(),
            seen: 0,
        };
        if aggregate.group_by.is_empty() {
            // Without groups, even an empty set gives one record.
            aggregate.group_of(&Value::Null);
        }
        Ok(aggregate)
    }

    fn take(&mut self, records: Records) -> Result<Outcome, Failure> {
        for record in records.values()? {
            self.seen += 1;
            let at = self.group_of(&record);
            for (running, (_, kind)) in self.groups[at].values.iter_mut().zip(&self.values) {
                running.add(kind, &record);
            }
            self.unfit.iter_mut().for_each(|unfit| unfit.count(&record));
        }
        Ok(Outcome::of(Vec::new()))
    }

    fn close(&mut self) -> Result<Outcome, Failure> {
        let groups = std::mem::take(&mut self.groups);
        let message = format!("Made {} of {}.", phrase::counted(groups.len(), "group"), phrase::records(self.seen));
        let records: Vec<Value> = groups.into_iter().map(|group| self.record_of(group)).collect();
        let outcome = Outcome::of(records);
        Ok(match unfit::message(&self.unfit) {
            None => outcome.saying(message),
            Some(unfit) => outcome.saying(format!("{message} {unfit}")).with(Severity::Warning),
        })
    }
}

impl Aggregate {
    /// The position of the record's group, which is added if it is new.
    fn group_of(&mut self, record: &Value) -> usize {
        let keys: Vec<Option<&Value>> = self.group_by.iter().map(|path| path.of(record)).collect();
        // A missing key and a null key give the same group, because both are written as null.
        let null = &Value::Null;
        let identities: Vec<String> = keys.iter().map(|key| identity(key.unwrap_or(null))).collect();
        let (groups, values) = (&mut self.groups, &self.values);
        *self.positions.entry(identities.join("\n")).or_insert_with(|| {
            let keys = keys.into_iter().map(|key| key.cloned().unwrap_or(Value::Null)).collect();
            let values = values.iter().map(|(_, kind)| Running::new(kind)).collect();
            groups.push(Group { keys, values });
            groups.len() - 1
        })
    }

    fn record_of(&self, group: Group) -> Value {
        let names = self.group_by.iter().map(|path| path.as_str().to_owned());
        let mut record: Map<String, Value> = names.zip(group.keys).collect();
        for ((name, _), running) in self.values.iter().zip(group.values) {
            record.insert(name.clone(), running.into_value());
        }
        Value::Object(record)
    }
}

#[cfg(test)]
mod tests;
