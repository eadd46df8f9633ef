//! What it costs to check a value by a JSON Schema, counted without checking it.
//!
//! A schema can refer to its own definitions, so a few hundred bytes can mean millions of
//! comparisons: 24 definitions, each of which is `anyOf` the next twice, are 16 million. Here each
//! pair of a part of the schema and a part of the value is counted once, however often it is
//! checked, so that counting takes no longer than its limit says.

use std::collections::HashMap;
use std::fmt;

use serde_json::{Map, Value};

/// How deep schemas may lead into each other for one value.
const MOST_DEPTH: usize = 300;
/// Stands for the name of a property, where that is what a schema is about.
static NAME: Value = Value::String(String::new());
/// Stands for any value: no keyword leads below it.
static ANY: Value = Value::Null;

/// Why a schema is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TooCostly {
    /// It would take more steps.
    Steps(u64),
    /// Its parts lead into each other deeper than is allowed.
    Depth,
    /// A part refers to itself for the same value.
    Endless(String),
    /// A reference, or a name for references, that cannot be counted.
    Reference(String),
}

impl fmt::Display for TooCostly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps(most) => {
                write!(f, "takes more than {most} steps to check; give its alternatives fewer branches")
            }
            Self::Depth => write!(f, "has more than {MOST_DEPTH} parts that lead into each other"),
            Self::Endless(to) => write!(f, "has a `$ref` to `{to}` that leads back to itself"),
            Self::Reference(to) => {
                write!(f, "uses `{to}`; refer to its own definitions, as in `\"$ref\": \"#/$defs/name\"`")
            }
        }
    }
}

/// How many steps it takes to check a value, if there are at most `most`.
///
/// # Errors
/// See [`TooCostly`].
pub fn cost(schema: &Value, instance: &Value, most: u64) -> Result<u64, TooCostly> {
    Count { root: schema, most, known: HashMap::new() }.pair(schema, instance, 0)
}

/// Checks that no part of a schema expands to more than `most` parts that are about the same value, and that every
/// reference can be followed.
///
/// # Errors
/// See [`TooCostly`].
pub fn check_expansion(schema: &Value, most: u64) -> Result<(), TooCostly> {
    let mut count = Count { root: schema, most, known: HashMap::new() };
    let mut left = vec![schema];
    while let Some(part) = left.pop() {
        count.pair(part, &ANY, 0)?;
        let Some(keywords) = part.as_object() else { continue };
        // With a name of its own, a part would be the root of what its references mean.
        if let Some(id) = keywords.get("$id").and_then(Value::as_str).filter(|_| !std::ptr::eq(part, schema)) {
            return Err(TooCostly::Reference(id.to_owned()));
        }
        keywords.iter().for_each(|(name, value)| left.extend(parts_of(name, value)));
    }
    Ok(())
}

/// The schemas in the value of a keyword.
fn parts_of<'a>(name: &str, value: &'a Value) -> Box<dyn Iterator<Item = &'a Value> + 'a> {
    match (name, value) {
        ("allOf" | "anyOf" | "oneOf" | "prefixItems" | "items", Value::Array(parts)) => Box::new(parts.iter()),
        (
            "properties" | "patternProperties" | "dependentSchemas" | "dependencies" | "$defs" | "definitions",
            Value::Object(parts),
        ) => Box::new(parts.values().filter(|part| !part.is_array())),
        (
            "items"
            | "additionalItems"
            | "unevaluatedItems"
            | "contains"
            | "additionalProperties"
            | "unevaluatedProperties"
            | "propertyNames"
            | "not"
            | "if"
            | "then"
            | "else",
            part,
        ) => Box::new(std::iter::once(part)),
        _ => Box::new(std::iter::empty()),
    }
}

struct Count<'a> {
    root: &'a Value,
    most: u64,
    /// What each pair costs, by address; none while it is being counted.
    known: HashMap<(*const Value, *const Value), Option<u64>>,
}

impl<'a> Count<'a> {
    fn pair(&mut self, schema: &'a Value, instance: &'a Value, depth: usize) -> Result<u64, TooCostly> {
        let Some(keywords) = schema.as_object() else { return Ok(1) };
        let place = (std::ptr::from_ref(schema), std::ptr::from_ref(instance));
        match self.known.get(&place) {
            Some(Some(steps)) => return Ok(*steps),
            Some(None) => return Err(TooCostly::Endless(reference(keywords).unwrap_or_default().to_owned())),
            None => {}
        }
        if depth > MOST_DEPTH {
            return Err(TooCostly::Depth);
        }
        if self.known.len() as u64 > self.most {
            return Err(TooCostly::Steps(self.most));
        }
        self.known.insert(place, None);
        let mut steps = 1 + keywords.len() as u64;
        let mut again = 1;
        for (name, value) in keywords {
            let of_this = self.keyword((name, value), instance, depth + 1)?;
            steps = steps.saturating_add(of_this);
            // For each child it looks anew at what the other keywords say of the value.
            if name.starts_with("unevaluated") {
                again += children(instance);
            }
        }
        let steps = steps.saturating_mul(again);
        if steps > self.most {
            return Err(TooCostly::Steps(self.most));
        }
        self.known.insert(place, Some(steps));
        Ok(steps)
    }

    fn keyword(
        &mut self,
        (name, value): (&str, &'a Value),
        instance: &'a Value,
        depth: usize,
    ) -> Result<u64, TooCostly> {
        match (name, value, instance) {
            ("$ref", Value::String(to), _) => {
                let target = self.resolve(to)?;
                self.pair(target, instance, depth)
            }
            ("$dynamicRef" | "$recursiveRef", to, _) => Err(TooCostly::Reference(format!("{name}: {to}"))),
            (
                "allOf" | "anyOf" | "oneOf" | "not" | "if" | "then" | "else" | "dependentSchemas" | "dependencies",
                ..,
            ) => self.all(parts_of(name, value), instance, depth),
            ("properties", Value::Object(parts), Value::Object(fields)) => {
                let mut steps = parts.len().min(fields.len()) as u64;
                for (field, child) in fields {
                    if let Some(part) = parts.get(field) {
                        steps = steps.saturating_add(self.pair(part, child, depth)?);
                    }
                }
                Ok(steps)
            }
            ("patternProperties", Value::Object(parts), Value::Object(fields)) => {
                let mut steps = length_of_names(fields).saturating_mul(parts.len() as u64);
                for child in fields.values() {
                    steps = steps.saturating_add(self.all(parts.values(), child, depth)?);
                }
                Ok(steps)
            }
            ("propertyNames", part, Value::Object(fields)) => {
                let of_one = self.pair(part, &NAME, depth)?;
                Ok(of_one.saturating_mul(fields.len() as u64).saturating_add(length_of_names(fields)))
            }
            ("additionalProperties" | "unevaluatedProperties", part, Value::Object(fields)) => {
                self.each(part, fields.values(), depth)
            }
            ("items" | "prefixItems", Value::Array(parts), Value::Array(elements)) => parts
                .iter()
                .zip(elements)
                .try_fold(0_u64, |steps, (part, element)| Ok(steps.saturating_add(self.pair(part, element, depth)?))),
            ("items" | "additionalItems" | "unevaluatedItems" | "contains", part, Value::Array(elements)) => {
                self.each(part, elements.iter(), depth)
            }
            ("enum" | "const", options, _) => Ok(size(options)),
            ("uniqueItems", _, Value::Array(_)) => Ok(size(instance)),
            ("pattern" | "format" | "minLength" | "maxLength", _, Value::String(text)) => Ok(text.len() as u64),
            ("required", Value::Array(names), _) => Ok(names.len() as u64),
            _ => Ok(0),
        }
    }

    fn all(
        &mut self,
        mut parts: impl Iterator<Item = &'a Value>,
        instance: &'a Value,
        depth: usize,
    ) -> Result<u64, TooCostly> {
        parts.try_fold(0_u64, |steps, part| Ok(steps.saturating_add(self.pair(part, instance, depth)?)))
    }

    fn each(
        &mut self,
        part: &'a Value,
        mut instances: impl Iterator<Item = &'a Value>,
        depth: usize,
    ) -> Result<u64, TooCostly> {
        instances.try_fold(0_u64, |steps, instance| Ok(steps.saturating_add(self.pair(part, instance, depth)?)))
    }

    fn resolve(&self, to: &str) -> Result<&'a Value, TooCostly> {
        let unknown = || TooCostly::Reference(to.to_owned());
        let pointer = to.strip_prefix('#').filter(|pointer| !pointer.contains('%')).ok_or_else(unknown)?;
        self.root.pointer(pointer).ok_or_else(unknown)
    }
}

fn reference(keywords: &Map<String, Value>) -> Option<&str> {
    keywords.get("$ref")?.as_str()
}

fn children(instance: &Value) -> u64 {
    match instance {
        Value::Array(elements) => elements.len() as u64,
        Value::Object(fields) => fields.len() as u64,
        // Counted without a value, it is one that has some.
        Value::Null => 2,
        _ => 0,
    }
}

fn length_of_names(fields: &Map<String, Value>) -> u64 {
    fields.keys().map(|name| name.len() as u64).sum()
}

/// How many values there are in a value, itself included.
fn size(value: &Value) -> u64 {
    match value {
        Value::Array(elements) => 1 + elements.iter().map(size).sum::<u64>(),
        Value::Object(fields) => 1 + fields.values().map(size).sum::<u64>(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// `$defs`, each of which is `anyOf` the next twice.
    fn doubling(levels: usize) -> Value {
        let mut defs = Map::new();
        for level in 0..levels {
            let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
            defs.insert(format!("d{level}"), json!({"anyOf": [next, next]}));
        }
        defs.insert(format!("d{levels}"), json!({"type": "integer"}));
        json!({"$ref": "#/$defs/d0", "$defs": defs})
    }

    #[test]
    fn doubling_definitions_are_counted_and_not_built() {
        assert!(cost(&doubling(8), &json!("x"), 1_000_000).unwrap() > 256);
        assert_eq!(cost(&doubling(64), &json!("x"), 1_000_000), Err(TooCostly::Steps(1_000_000)));
        assert_eq!(check_expansion(&doubling(24), 10_000), Err(TooCostly::Steps(10_000)));
        assert_eq!(check_expansion(&doubling(8), 10_000), Ok(()));
    }

    #[test]
    fn doubling_from_level_to_level_of_the_value_is_counted_too() {
        let item = json!({"items": {"$ref": "#/$defs/node"}});
        let schema = json!({"$ref": "#/$defs/node", "$defs": {"node": {"allOf": [item, item]}}});
        assert_eq!(check_expansion(&schema, 10_000), Ok(()));
        let nested = |levels| (0..levels).fold(json!(1), |inner, _| json!([inner]));
        assert!(cost(&schema, &nested(5), 10_000).is_ok());
        assert_eq!(cost(&schema, &nested(60), 1_000_000), Err(TooCostly::Steps(1_000_000)));
    }

    #[test]
    fn the_schema_of_a_tree_is_cheap() {
        let schema = json!({
            "type": "object",
            "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}},
        });
        assert_eq!(check_expansion(&schema, 10_000), Ok(()));
        let tree = (0..20).fold(json!({"name": "leaf"}), |child, _| json!({"name": "n", "children": [child]}));
        assert!(cost(&schema, &tree, 10_000).unwrap() < 1_000);
    }

    #[test]
    fn what_cannot_be_counted_is_refused() {
        let refused = |schema: Value| check_expansion(&schema, 10_000).unwrap_err().to_string();
        let cure = "refer to its own definitions, as in `\"$ref\": \"#/$defs/name\"`";
        assert_eq!(refused(json!({"$ref": "#"})), "has a `$ref` to `#` that leads back to itself");
        assert_eq!(refused(json!({"properties": {"a": {"$ref": "#name"}}})), format!("uses `#name`; {cure}"));
        assert_eq!(refused(json!({"$ref": "https://example.org/x"})), format!("uses `https://example.org/x`; {cure}"));
        assert_eq!(
            refused(json!({"items": {"$id": "https://example.org/y"}})),
            format!("uses `https://example.org/y`; {cure}")
        );
        assert_eq!(refused(json!({"$dynamicRef": "#a"})), format!("uses `$dynamicRef: \"#a\"`; {cure}"));
        assert_eq!(check_expansion(&json!({"$id": "https://example.org/z", "properties": {"$id": {}}}), 100), Ok(()));
        let chain: Map<_, _> =
            (0..1000).map(|no| (format!("d{no}"), json!({"$ref": format!("#/$defs/d{}", no + 1)}))).collect();
        let mut chain = json!({"$ref": "#/$defs/d0", "$defs": chain});
        chain["$defs"]["d1000"] = json!(true);
        assert_eq!(check_expansion(&chain, 100_000), Err(TooCostly::Depth));
    }

    #[test]
    fn nested_unevaluated_properties_multiply() {
        let nested = (0..40)
            .fold(json!({"type": "object"}), |inner, _| json!({"allOf": [inner], "unevaluatedProperties": false}));
        assert!(matches!(check_expansion(&nested, 10_000), Err(TooCostly::Steps(_))));
        let usual = json!({"allOf": [{"properties": {"a": true}}], "unevaluatedProperties": false});
        assert_eq!(check_expansion(&usual, 10_000), Ok(()));
    }
}
