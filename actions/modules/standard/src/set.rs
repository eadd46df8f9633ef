//! `set`: adds, renames, removes and computes fields.

use ropewalk_sdk::{Action, Context, Failure, Outcome, Records, Rejection, Value, json};
use serde::Deserialize;
use serde_json::Map;
use values::template::{self, Templates, Text};

use crate::phrase;

/// Longest computed text, in bytes.
const LONGEST: usize = 1 << 20;

#[derive(Deserialize)]
pub struct Parameters {
    #[serde(default)]
    rename: Map<String, Value>,
    #[serde(default)]
    remove: Vec<String>,
    #[serde(default)]
    add: Map<String, Value>,
    #[serde(default)]
    compute: Map<String, Value>,
}

pub struct Set {
    rename: Map<String, Value>,
    remove: Vec<String>,
    add: Map<String, Value>,
    compute: Vec<Computed>,
    /// None if nothing is computed.
    templates: Option<Templates>,
    changed: usize,
}

/// A field to compute.
struct Computed {
    name: String,
    text: Text,
    /// The dates, arguments and other variables that the template uses. A field of the record
    /// with the same name takes precedence.
    known: Map<String, Value>,
}

impl Action for Set {
    const NAME: &'static str = "set";
    const TITLE: &'static str = "Set fields";
    const SUMMARY: &'static str = "Renames, removes, adds and computes fields of each record, in that order.";
    type Parameters = Parameters;

    fn schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "rename": {
                    "type": "object",
                    "title": "Rename",
                    "description": "Old names of fields and their new names. A record without the field stays as it is.",
                    "propertyNames": { "field": true },
                    "additionalProperties": { "type": "string", "minLength": 1 },
                    "examples": [{ "cust_no": "customerNumber" }]
                },
                "remove": {
                    "type": "array",
                    "title": "Remove",
                    "description": "Names of fields to remove from the records.",
                    "items": { "type": "string", "minLength": 1, "field": true },
                    "examples": [["password"]]
                },
                "add": {
                    "type": "object",
                    "title": "Add",
                    "description": "Fields with the same value in every record. An existing field gets the new value.",
                    "examples": [{ "source": "import", "importedOn": "$<today>" }]
                },
                "compute": {
                    "type": "object",
                    "title": "Compute",
                    "description": "Fields and the handlebars template for each. Templates can use the fields of the record, and args, since, now, today and the other dates; a field of the record with one of these names takes precedence. A template that is a single expression gives a value with its type. Later templates can use the fields of earlier ones. A record for which a template fails is rejected.",
                    "additionalProperties": { "type": "string" },
                    "raw": true,
                    "examples": [{ "total": "{{mul price quantity}}", "daysLate": "{{daysBetween dueDate today}}", "label": "{{name}} ({{default city \"?\"}})" }]
                }
            }
        })
    }

    fn open(parameters: Parameters, context: &Context) -> Result<Set, Failure> {
        let Parameters { rename, remove, add, compute } = parameters;
        for (old, new) in &rename {
            if !new.is_string() {
                return Err(Failure::new(format!("rename.{old}: the new name is not a text")));
            }
        }
        let mut set = Set { rename, remove, add, compute: Vec::new(), templates: None, changed: 0 };
        if !compute.is_empty() {
            let known = phrase::known(context);
            let computed = |(name, source): (String, Value)| Computed::read(name, &source, &known);
            set.compute = compute.into_iter().map(computed).collect::<Result<_, _>>()?;
            set.templates = Some(Templates::of_record());
        }
        Ok(set)
    }

    fn take(&mut self, records: Records) -> Result<Outcome, Failure> {
        let mut kept = Vec::new();
        let mut rejected = Vec::new();
        for (index, record) in records.values()?.into_iter().enumerate() {
            match self.set_fields(record) {
                Ok(record) => kept.push(record),
                Err(reason) => rejected.push(Rejection { index: index as u32, reason }),
            }
        }
        self.changed += kept.len();
        let message = format!("Set fields of {}.", phrase::records(self.changed));
        Ok(Outcome::of(kept).rejecting(rejected).saying(message))
    }
}

impl Computed {
    fn read(name: String, source: &Value, known: &Map<String, Value>) -> Result<Computed, Failure> {
        let source = source.as_str().ok_or_else(|| Failure::new(format!("compute.{name} is not a text")))?;
        let text = phrase::template(source).map_err(|fault| Failure::new(format!("compute.{name}: {fault}")))?;
        let uses = |name: &String| text.variables().iter().any(|variable| variable.root() == name);
        let known = known.iter().filter(|(name, _)| uses(name)).map(|(name, value)| (name.clone(), value.clone()));
        Ok(Computed { name, known: known.collect(), text })
    }

    /// The value for a record. The variables are added to the fields of the record while the template
    /// is evaluated, and removed afterwards.
    fn value_of(&self, record: &mut template::Context, templates: &Templates) -> Result<Value, String> {
        let mut added = Vec::new();
        if let Some(fields) = record.data_mut().as_object_mut() {
            added.extend(self.known.keys().filter(|name| !fields.contains_key(*name)));
            fields.extend(added.iter().map(|name| ((*name).clone(), self.known[*name].clone())));
        }
        let value = templates.evaluate(&self.text, record, LONGEST);
        if let Some(fields) = record.data_mut().as_object_mut() {
            added.into_iter().for_each(|name| drop(fields.shift_remove(name)));
        }
        value.map_err(|fault| format!("compute.{}: {fault}", self.name))
    }
}

impl Set {
    fn set_fields(&self, record: Value) -> Result<Value, String> {
        let Value::Object(fields) = record else { return Err("The record is not an object".to_owned()) };
        let mut fields = self.rename_fields(fields);
        for name in &self.remove {
            fields.shift_remove(name);
        }
        fields.extend(self.add.clone());
        self.compute_fields(fields)
    }

    /// Renamed fields keep their position. A field that already has the new name is removed.
    fn rename_fields(&self, mut fields: Map<String, Value>) -> Map<String, Value> {
        if self.rename.is_empty() {
            return fields;
        }
        for (old, new) in &self.rename {
            if fields.contains_key(old) && Some(old.as_str()) != new.as_str() {
                // It is not removed if it is renamed itself.
                let new = new.as_str().unwrap_or_default();
                if !self.rename.contains_key(new) {
                    fields.shift_remove(new);
                }
            }
        }
        let name = |name: String| match self.rename.get(&name).and_then(Value::as_str) {
            Some(new) => new.to_owned(),
            None => name,
        };
        fields.into_iter().map(|(old, value)| (name(old), value)).collect()
    }

    fn compute_fields(&self, fields: Map<String, Value>) -> Result<Value, String> {
        let Some(templates) = &self.templates else { return Ok(Value::Object(fields)) };
        let mut data = template::Context::from(Value::Object(fields));
        for computed in &self.compute {
            let value = computed.value_of(&mut data, templates)?;
            data.data_mut()[computed.name.as_str()] = value;
        }
        Ok(data.data_mut().take())
    }
}

#[cfg(test)]
mod tests {
    use ropewalk_sdk::testing::{Report, run};

    use super::*;

    fn set(parameters: Value, records: Value) -> Report {
        run::<Set>(parameters, &[records]).expect("runs")
    }

    #[test]
    fn changes_fields_in_order() {
        let parameters = json!({
            "rename": {"a": "b", "x": "y"}, "remove": ["gone"], "add": {"k": [1], "c": "const"},
            "compute": {"sum": "{{add b 1}}", "twice": "{{mul sum 2}}", "text": "{{b}}/{{default zip \"-\"}}", "copy": "{{k}}"}
        });
        let report = set(parameters, json!([{"a": 1, "b": 2, "gone": 3, "c": 4}]));
        let expected = r#"[{"b":1,"c":"const","k":[1],"sum":2,"twice":4,"text":"1/-","copy":[1]}]"#;
        assert_eq!(report.records.to_string(), expected);
        assert_eq!(report.message(), "Set fields of 1 record.");
    }

    #[test]
    fn names_can_be_swapped() {
        let report = set(json!({"rename": {"a": "b", "b": "a"}}), json!([{"a": 1, "b": 2}]));
        assert_eq!(report.records, json!([{"b": 1, "a": 2}]));
    }

    #[test]
    fn a_record_that_does_not_fit_is_rejected() {
        let report =
            set(json!({"compute": {"t": "{{mul price 2}}"}}), json!([{"price": 2}, {"prise": 1}, {"price": "x"}]));
        assert_eq!(report.records, json!([{"price": 2, "t": 4}]));
        let rejected = report.rejected();
        assert_eq!(rejected[0], (1, "compute.t: There is no variable `price`; did you mean `prise`?"));
        assert_eq!(rejected[1].0, 2);
    }

    #[test]
    fn a_wrong_template_fails_at_once() {
        let failure = run::<Set>(json!({"compute": {"t": "{{uper a}}"}}), &[]).expect_err("wrong");
        assert_eq!(failure.message, "compute.t: There is no helper `uper`; did you mean `upper`? (line 1, column 1)");
    }

    #[test]
    fn templates_know_dates_and_arguments() {
        let compute = json!({"late": "{{daysBetween due today}}", "top": "{{args.top}}", "on": "{{today}}", "again": "{{add late 1}}", "all": "{{json this}}"});
        let report = set(
            json!({"compute": compute}),
            json!([{"due": "2026-02-28"}, {"due": "2026-03-03", "today": "2026-03-04"}]),
        );
        let fields = r#"{"due":"2026-02-28","late":2,"top":5,"on":"2026-03-02","again":3}"#;
        let first = json!({"due": "2026-02-28", "late": 2, "top": 5, "on": "2026-03-02", "again": 3, "all": fields});
        assert_eq!(report.records[0], first);
        assert_eq!((&report.records[1]["late"], &report.records[1]["on"]), (&json!(1), &json!("2026-03-04")));
        let since = set(json!({"compute": {"s": "{{default since now}}"}}), json!([{}]));
        assert_eq!(since.records, json!([{"s": "2026-03-02T12:00:00+01:00"}]));
    }

    #[test]
    fn data_is_not_a_template() {
        let report = set(json!({"compute": {"t": "{{a}}"}}), json!([{"a": "{{b}}"}]));
        assert_eq!(report.records[0]["t"], json!("{{b}}"));
    }
}
