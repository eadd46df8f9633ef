//! What it costs to check a value by a JSON Schema, counted without checking it.
//!
//! A schema can refer to its own definitions, so a few hundred bytes can mean millions of
//! comparisons: 24 definitions, each of which is `anyOf` the next twice, are 16 million. Here each
//! pair of a part of the schema and a part of the value is counted once, however often it is
//! checked, so that counting takes no longer than its limit says.
//!
//! References are followed from the root of the schema. A part that would change what they mean is
//! refused: one with an `$id` or a `$schema` of its own.

use std::collections::HashMap;
use std::fmt;

use serde_json::{Map, Value};

/// How deep schemas may lead into each other for one value.
const MOST_DEPTH: usize = 300;
/// Pairs of a part of the schema and a list or object in the value that are remembered, in about 40 MB.
const MOST_PAIRS: usize = 500_000;
/// States of a pattern that are looked at for a character in about the time of one step.
const STATES_IN_A_STEP: u64 = 64;
/// States of a class of characters such as `\w`: many ranges of Unicode.
const STATES_OF_A_CLASS: u64 = 50;
/// More states than a pattern may compile to.
const MOST_STATES: u64 = 20_000;
/// Steps for each character of a text that has to be a regular expression, which is compiled.
const STEPS_OF_A_REGEX: u64 = 1_000;

/// Why a schema is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TooCostly {
    /// It would take more steps.
    Steps(u64),
    /// Its parts lead into each other deeper than is allowed.
    Depth,
    /// A part refers to itself for the same value.
    Endless(String),
    /// A reference that cannot be counted, or something that changes what references mean.
    Reference(String),
}

impl fmt::Display for TooCostly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps(most) => write!(
                f,
                "takes more than {most} steps to check; give it fewer alternatives, shorter patterns, or a smaller value"
            ),
            Self::Depth => write!(f, "has more than {MOST_DEPTH} parts that lead into each other"),
            Self::Endless(to) => write!(f, "has a `$ref` to `{to}` that leads back to itself"),
            Self::Reference(to) => {
                write!(f, "uses `{to}`; refer only to its own definitions, as in `\"$ref\": \"#/$defs/name\"`")
            }
        }
    }
}

/// How many steps it takes to check a value, if there are at most `most`.
///
/// # Errors
/// See [`TooCostly`].
pub fn cost(schema: &Value, instance: &Value, most: u64) -> Result<u64, TooCostly> {
    Count::of(schema, most, false).value(schema, instance, 0)
}

/// Checks that no part of a schema expands to more than `most` parts that are about the same value, and that every
/// reference can be followed.
///
/// # Errors
/// See [`TooCostly`].
pub fn check_expansion(schema: &Value, most: u64) -> Result<(), TooCostly> {
    // Up to draft 4 a part is named by `id`, which is an everyday word elsewhere.
    let old = |draft: &&str| draft.contains("draft-03") || draft.contains("draft-04");
    if let Some(draft) = schema.get("$schema").and_then(Value::as_str).filter(old) {
        return Err(TooCostly::Reference(draft.to_owned()));
    }
    let (mut count, mut left) = (Count::of(schema, most, true), vec![schema]);
    while let Some(part) = left.pop() {
        match part {
            Value::Object(keywords) => {
                let own = |name: &str| keywords.get(name).and_then(Value::as_str);
                if let Some(name) = own("$id").or(own("$schema")).filter(|_| !std::ptr::eq(part, schema)) {
                    return Err(TooCostly::Reference(name.to_owned()));
                }
                // What is no schema is counted too, which does no harm.
                count.place(part, On::Scalar, 0)?;
                left.extend(keywords.values());
            }
            Value::Array(parts) => left.extend(parts),
            _ => {}
        }
    }
    Ok(())
}

/// What a part of the schema is about.
#[derive(Clone, Copy)]
enum On<'a> {
    /// A value without values in it: all are alike but for the length of texts.
    Scalar,
    /// A list or an object.
    Container(&'a Value),
}

/// Steps: so many, and so many for each byte of a text.
#[derive(Debug, Clone, Copy, Default)]
struct Steps {
    fixed: u64,
    per_byte: u64,
}

impl Steps {
    fn fixed(fixed: u64) -> Self {
        Self { fixed, per_byte: 0 }
    }

    fn per_byte(per_byte: u64) -> Self {
        Self { fixed: 0, per_byte }
    }

    fn and(self, other: Self) -> Self {
        let Self { fixed, per_byte } = other;
        Self { fixed: self.fixed.saturating_add(fixed), per_byte: self.per_byte.saturating_add(per_byte) }
    }

    fn times(self, times: u64) -> Self {
        Self { fixed: self.fixed.saturating_mul(times), per_byte: self.per_byte.saturating_mul(times) }
    }

    /// For so many texts of so many bytes in all.
    fn of(self, texts: u64, bytes: u64) -> u64 {
        self.fixed.saturating_mul(texts).saturating_add(self.per_byte.saturating_mul(bytes))
    }
}

struct Count<'a> {
    root: &'a Value,
    most: u64,
    /// Whether it is counted what parts expand to, and not what a value costs.
    expansion: bool,
    /// What each pair costs, by address; none while it is being counted.
    known: HashMap<(*const Value, *const Value), Option<Steps>>,
}

impl<'a> Count<'a> {
    fn of(root: &'a Value, most: u64, expansion: bool) -> Self {
        Self { root, most, expansion, known: HashMap::new() }
    }

    /// What it costs to check a value by a part of the schema.
    fn value(&mut self, schema: &'a Value, instance: &'a Value, depth: usize) -> Result<u64, TooCostly> {
        let on = if children(instance) == 0 { On::Scalar } else { On::Container(instance) };
        let bytes = instance.as_str().map_or(0, |text| text.len() as u64);
        let steps = self.place(schema, on, depth)?.of(1, bytes);
        if steps > self.most { Err(TooCostly::Steps(self.most)) } else { Ok(steps) }
    }

    fn place(&mut self, schema: &'a Value, on: On<'a>, depth: usize) -> Result<Steps, TooCostly> {
        let Some(keywords) = schema.as_object() else { return Ok(Steps::fixed(1)) };
        let instance = if let On::Container(instance) = on { std::ptr::from_ref(instance) } else { std::ptr::null() };
        let pair = (std::ptr::from_ref(schema), instance);
        match self.known.get(&pair) {
            Some(Some(steps)) => return Ok(*steps),
            Some(None) => return Err(TooCostly::Endless(reference(keywords).unwrap_or_default().to_owned())),
            None => {}
        }
        if depth > MOST_DEPTH {
            return Err(TooCostly::Depth);
        }
        if self.known.len() >= MOST_PAIRS {
            return Err(TooCostly::Steps(self.most));
        }
        self.known.insert(pair, None);
        let mut steps = Steps::fixed(1);
        let mut again = 1;
        for (name, value) in keywords {
            steps = steps.and(self.keyword((name, value), on, depth + 1)?);
            // For each child it looks anew at what the other keywords say of the value.
            if name.starts_with("unevaluated") {
                again += if let On::Container(instance) = on { children(instance) } else { 2 };
            }
        }
        let steps = steps.times(again);
        if steps.fixed > self.most {
            return Err(TooCostly::Steps(self.most));
        }
        self.known.insert(pair, Some(steps));
        Ok(steps)
    }

    fn keyword(&mut self, (name, value): (&str, &'a Value), on: On<'a>, depth: usize) -> Result<Steps, TooCostly> {
        match (name, value) {
            ("$ref", Value::String(to)) => {
                let target = self.resolve(to)?;
                return self.place(target, on, depth);
            }
            ("$dynamicRef" | "$recursiveRef", Value::String(to)) => {
                return Err(TooCostly::Reference(format!("\"{name}\": \"{to}\"")));
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(parts)) => return self.all(parts.iter(), on, depth),
            ("dependentSchemas" | "dependencies", Value::Object(parts)) => {
                return self.all(parts.values().filter(|part| !part.is_array()), on, depth);
            }
            ("not" | "if" | "then" | "else", part) => return self.place(part, on, depth),
            _ => {}
        }
        match on {
            On::Scalar => Ok(self.of_scalar(name, value)),
            On::Container(instance) => self.of_container((name, value), instance, depth).map(Steps::fixed),
        }
    }

    fn of_scalar(&self, name: &str, value: &Value) -> Steps {
        match (name, value) {
            ("enum", Value::Array(options)) if !self.expansion => Steps::fixed(options.len() as u64),
            ("pattern", Value::String(pattern)) => Steps::per_byte(1 + states(pattern) / STATES_IN_A_STEP),
            ("format", Value::String(format)) if format == "regex" => Steps::per_byte(STEPS_OF_A_REGEX),
            ("format" | "minLength" | "maxLength", _) => Steps::per_byte(1),
            _ => Steps::default(),
        }
    }

    fn of_container(
        &mut self,
        (name, value): (&str, &'a Value),
        instance: &'a Value,
        depth: usize,
    ) -> Result<u64, TooCostly> {
        match (name, value, instance) {
            ("properties", Value::Object(parts), Value::Object(fields)) => {
                let mut steps = parts.len().min(fields.len()) as u64;
                for (field, child) in fields {
                    if let Some(part) = parts.get(field) {
                        steps = steps.saturating_add(self.value(part, child, depth)?);
                    }
                }
                Ok(steps)
            }
            ("patternProperties", Value::Object(parts), Value::Object(fields)) => {
                let mut steps = 0_u64;
                for (pattern, part) in parts {
                    let of_names = Steps::per_byte(1 + states(pattern) / STATES_IN_A_STEP);
                    steps = steps.saturating_add(of_names.of(fields.len() as u64, length_of_names(fields)));
                    steps = steps.saturating_add(self.each(part, fields.values(), depth)?);
                }
                Ok(steps)
            }
            ("propertyNames", part, Value::Object(fields)) => {
                Ok(self.place(part, On::Scalar, depth)?.of(fields.len() as u64, length_of_names(fields)))
            }
            ("additionalProperties" | "unevaluatedProperties", part, Value::Object(fields)) => {
                self.each(part, fields.values(), depth)
            }
            ("items" | "prefixItems", Value::Array(parts), Value::Array(elements)) => parts
                .iter()
                .zip(elements)
                .try_fold(0_u64, |steps, (part, element)| Ok(steps.saturating_add(self.value(part, element, depth)?))),
            ("items" | "additionalItems" | "unevaluatedItems" | "contains", part, Value::Array(elements)) => {
                self.each(part, elements.iter(), depth)
            }
            ("enum" | "const", options, _) => Ok(size(options)),
            ("uniqueItems", _, Value::Array(_)) => Ok(size(instance)),
            ("required", Value::Array(names), _) => Ok(names.len() as u64),
            _ => Ok(0),
        }
    }

    fn all(
        &mut self,
        mut parts: impl Iterator<Item = &'a Value>,
        on: On<'a>,
        depth: usize,
    ) -> Result<Steps, TooCostly> {
        parts.try_fold(Steps::default(), |steps, part| Ok(steps.and(self.place(part, on, depth)?)))
    }

    fn each(
        &mut self,
        part: &'a Value,
        mut instances: impl Iterator<Item = &'a Value>,
        depth: usize,
    ) -> Result<u64, TooCostly> {
        instances.try_fold(0_u64, |steps, instance| Ok(steps.saturating_add(self.value(part, instance, depth)?)))
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

/// About how many states a pattern has: repetitions repeat what they are about.
fn states(pattern: &str) -> u64 {
    // The states of each open group, and of the last thing in it.
    let mut groups = vec![(0_u64, 0_u64)];
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        let last = match character {
            '(' => {
                groups.push((0, 0));
                continue;
            }
            ')' if groups.len() > 1 => groups.pop().map_or(0, |(states, last)| states + last),
            '[' => {
                while characters
                    .next_if(|next| *next != ']')
                    .is_some_and(|next| next != '\\' || characters.next().is_some())
                {}
                characters.next();
                STATES_OF_A_CLASS
            }
            '\\' => {
                let plain = characters.next().is_none_or(|escaped| escaped.is_ascii_punctuation());
                if plain { 1 } else { STATES_OF_A_CLASS }
            }
            '{' => {
                let mut count = String::new();
                while let Some(next) = characters.next_if(|next| *next != '}') {
                    count.push(next);
                }
                characters.next();
                let times = count.split(',').filter_map(|times| times.trim().parse::<u64>().ok()).max();
                if let Some((_, last)) = groups.last_mut() {
                    *last = last.saturating_mul(times.unwrap_or(1).max(1)).min(MOST_STATES);
                }
                continue;
            }
            _ => 1,
        };
        if let Some(group) = groups.last_mut() {
            *group = ((group.0 + group.1).min(MOST_STATES), last);
        }
    }
    groups.into_iter().map(|(states, last)| states + last).sum::<u64>().min(MOST_STATES)
}

fn children(instance: &Value) -> u64 {
    match instance {
        Value::Array(elements) => elements.len() as u64,
        Value::Object(fields) => fields.len() as u64,
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
        assert!(cost(&doubling(8), &json!("x"), 1_000_000).expect("a count") > 256);
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
        assert!(cost(&schema, &tree, 10_000).expect("a count") < 1_000);
    }

    #[test]
    fn what_cannot_be_counted_is_refused() {
        let refused = |schema: Value| check_expansion(&schema, 10_000).expect_err("a refusal").to_string();
        let cure = "refer only to its own definitions, as in `\"$ref\": \"#/$defs/name\"`";
        assert_eq!(refused(json!({"$ref": "#"})), "has a `$ref` to `#` that leads back to itself");
        assert_eq!(refused(json!({"properties": {"a": {"$ref": "#name"}}})), format!("uses `#name`; {cure}"));
        assert_eq!(refused(json!({"$ref": "https://example.org/x"})), format!("uses `https://example.org/x`; {cure}"));
        assert_eq!(
            refused(json!({"items": {"$id": "https://example.org/y"}})),
            format!("uses `https://example.org/y`; {cure}")
        );
        assert_eq!(refused(json!({"$dynamicRef": "#a"})), format!("uses `\"$dynamicRef\": \"#a\"`; {cure}"));
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

    #[test]
    fn a_part_that_changes_what_references_mean_is_refused() {
        let bomb = doubling(24)["$defs"].clone();
        let inside = json!({"$id": "https://e/", "$ref": "#/$defs/d0", "$defs": bomb});
        let schema = json!({
            "properties": {"a": {"$ref": "#/contentSchema"}},
            "contentSchema": inside,
            "$defs": {"d0": {"type": "string"}},
        });
        assert!(matches!(check_expansion(&schema, 10_000), Err(TooCostly::Reference(_))));
        let draft4 = "http://json-schema.org/draft-04/schema#";
        let nested = json!({"properties": {"a": {"$schema": draft4, "id": "https://e/", "allOf": [{"$ref": "#/d0"}]}}, "d0": {}});
        assert!(matches!(check_expansion(&nested, 10_000), Err(TooCostly::Reference(_))));
        assert!(matches!(check_expansion(&json!({"$schema": draft4}), 10_000), Err(TooCostly::Reference(_))));
    }

    #[test]
    fn patterns_cost_by_their_states_and_the_length_of_the_text() {
        assert_eq!(states("abc"), 3);
        assert_eq!(states("^(ab){10}c$"), 23);
        assert!((200..3_000).contains(&states("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{12}$")));
        assert_eq!(states("((a{1000}){1000})"), MOST_STATES);
        assert_eq!(states("("), 0, "what does not compile is refused elsewhere");
        let schema = json!({"pattern": "[ab]*a[ab]{5000}c"});
        assert!(cost(&schema, &json!("x".repeat(100_000)), 2_000_000).is_err());
        assert!(cost(&json!({"pattern": "^[a-z]+$"}), &json!("x".repeat(100_000)), 2_000_000).is_ok());
        assert!(cost(&json!({"format": "regex"}), &json!("x".repeat(100_000)), 2_000_000).is_err());
    }

    #[test]
    fn many_small_values_and_long_enumerations_are_cheap() {
        let items = json!({"items": {"allOf": [{"minimum": 0}, {"type": "integer"}]}});
        assert!(cost(&items, &json!(vec![1; 300_000]), 2_000_000).expect("a count") < 1_500_000);
        let options: Vec<_> = (0..15_000).collect();
        assert_eq!(check_expansion(&json!({"enum": options}), 10_000), Ok(()));
    }
}
