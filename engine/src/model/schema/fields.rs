//! Finds the fields of records that a value names, by the annotations of its schema.
//!
//! `"field": true` marks a text that is the name of a field, and `"field": "order"` one that may
//! have a minus in front. Under `propertyNames` it marks the names in an object.

use serde_json::Value;
use values::path::Path;

use super::Schema;

/// How many levels of the schema and the value are followed.
const DEEPEST: usize = 32;

impl Schema {
    /// The fields that a value names where the schema has the annotation, in the order of the value.
    pub fn fields_named_in(&self, value: &Value) -> Vec<Path> {
        let mut named = Vec::new();
        self.collect(&self.schema, value, DEEPEST, &mut named);
        named
    }

    fn collect(&self, schema: &Value, value: &Value, depth: usize, named: &mut Vec<Path>) {
        let Some(depth) = depth.checked_sub(1) else { return };
        named.extend(field(schema, value));
        for branches in ["allOf", "anyOf", "oneOf"] {
            for branch in schema.get(branches).and_then(Value::as_array).into_iter().flatten() {
                self.collect(branch, value, depth, named);
            }
        }
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
        if let Some(referenced) = target.and_then(|pointer| self.schema.pointer(pointer)) {
            self.collect(referenced, value, depth, named);
        }
        match value {
            Value::Array(elements) => {
                if let Some(items) = schema.get("items") {
                    elements.iter().for_each(|element| self.collect(items, element, depth, named));
                }
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    if let Some(names) = schema.get("propertyNames") {
                        named.extend(field(names, &Value::String(name.clone())));
                    }
                    let own = schema.get("properties").and_then(|properties| properties.get(name));
                    if let Some(schema) = own.or_else(|| schema.get("additionalProperties")) {
                        self.collect(schema, value, depth, named);
                    }
                }
            }
            _ => {}
        }
    }
}

fn field(schema: &Value, value: &Value) -> Option<Path> {
    let name = value.as_str()?;
    let name = match schema.get("field")? {
        Value::Bool(true) => name,
        Value::String(kind) if kind == "order" => name.strip_prefix(['-', '+']).unwrap_or(name),
        _ => return None,
    };
    Path::parse(name).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn named(schema: &Value, value: &Value) -> Vec<String> {
        let schema = Schema::compile(schema).unwrap();
        schema.fields_named_in(value).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn marked_texts_are_names_of_fields_wherever_they_are() {
        let list =
            json!({"anyOf": [{"type": "array", "items": {"field": "order"}}, {"type": "string", "field": "order"}]});
        let schema = json!({
            "properties": {
                "by": list,
                "rename": {"propertyNames": {"field": true}, "additionalProperties": {"type": "string"}},
                "values": {"additionalProperties": {"$ref": "#/$defs/value"}},
                "title": {"type": "string"},
            },
            "$defs": {"value": {"properties": {"sum": {"type": "string", "field": true}}}},
        });
        let value = json!({
            "by": ["-total", "customer.name"],
            "rename": {"nme": "name"},
            "values": {"all": {"sum": "amount"}, "n": {"count": true}},
            "title": "Totals",
        });
        assert_eq!(named(&schema, &value), ["total", "customer.name", "nme", "amount"]);
        assert_eq!(named(&schema, &json!({"by": "-n"})), ["n"]);
    }

    #[test]
    fn a_schema_that_leads_to_itself_is_followed_to_a_bound() {
        let schema = json!({"$ref": "#/$defs/a", "$defs": {"a": {"field": true, "items": {"$ref": "#/$defs/a"}}}});
        let deep = (0..100).fold(json!("x"), |inner, _| json!([inner]));
        assert!(named(&schema, &deep).is_empty());
        assert_eq!(named(&schema, &json!(["x"])), ["x"]);
    }
}
