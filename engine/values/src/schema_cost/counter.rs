//! Counts the steps to check a value by a schema, each pair of a part and a value once.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::TooCostly;
use super::pattern;
use super::steps::Steps;

/// Parts of a schema that may be nested, or refer to each other, for one value.
pub(super) const MOST_DEPTH: usize = 300;
/// Pairs of a part of the schema and a list or object in the value that are remembered, in about 40 MB.
const MOST_PAIRS: usize = 500_000;
/// Steps for each character of a text that must be a regular expression, which is compiled.
const STEPS_OF_A_REGEX: u64 = 1_000;

/// The value that a part of the schema checks.
#[derive(Clone, Copy)]
pub(super) enum Subject<'a> {
    /// A value that contains no other. All of them cost the same, except for the length of texts.
    Scalar,
    /// A list or an object.
    Container(&'a Value),
}

/// Counts the steps to check a value by a schema.
pub(super) struct Counter<'a> {
    root: &'a Value,
    most: u64,
    /// Whether to count the parts to which each part expands, and not the cost of a value.
    expansion: bool,
    /// The cost of each pair of a part and a value, by address; none while it is being counted.
    known: HashMap<(*const Value, *const Value), Option<Steps>>,
}

impl<'a> Counter<'a> {
    pub(super) fn new(root: &'a Value, most: u64, expansion: bool) -> Self {
        Self { root, most, expansion, known: HashMap::new() }
    }

    /// The cost of checking a value by a part of the schema.
    pub(super) fn value(&mut self, schema: &'a Value, instance: &'a Value, depth: usize) -> Result<u64, TooCostly> {
        let on = if children(instance) == 0 { Subject::Scalar } else { Subject::Container(instance) };
        let bytes = instance.as_str().map_or(0, |text| text.len() as u64);
        let steps = self.part(schema, on, depth)?.total(1, bytes);
        if steps > self.most { Err(TooCostly::Steps(self.most)) } else { Ok(steps) }
    }

    /// The cost of checking one subject by a part of the schema.
    pub(super) fn part(&mut self, schema: &'a Value, on: Subject<'a>, depth: usize) -> Result<Steps, TooCostly> {
        let Some(keywords) = schema.as_object() else { return Ok(Steps::fixed(1)) };
        let instance =
            if let Subject::Container(instance) = on { std::ptr::from_ref(instance) } else { std::ptr::null() };
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
        let mut times = 1;
        for (name, value) in keywords {
            steps = steps.and(self.keyword((name, value), on, depth + 1)?);
            // For each child, the other keywords are checked again for the whole value.
            if name.starts_with("unevaluated") {
                times += if let Subject::Container(instance) = on { children(instance) } else { 2 };
            }
        }
        let steps = steps.times(times);
        if steps.fixed > self.most {
            return Err(TooCostly::Steps(self.most));
        }
        self.known.insert(pair, Some(steps));
        Ok(steps)
    }

    fn keyword(&mut self, (name, value): (&str, &'a Value), on: Subject<'a>, depth: usize) -> Result<Steps, TooCostly> {
        match (name, value) {
            ("$ref", Value::String(to)) => {
                let target = self.resolve(to)?;
                return self.part(target, on, depth);
            }
            ("$dynamicRef" | "$recursiveRef", Value::String(to)) => {
                return Err(TooCostly::Reference(format!("\"{name}\": \"{to}\"")));
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(parts)) => return self.all(parts.iter(), on, depth),
            ("dependentSchemas" | "dependencies", Value::Object(parts)) => {
                return self.all(parts.values().filter(|part| !part.is_array()), on, depth);
            }
            ("not" | "if" | "then" | "else", part) => return self.part(part, on, depth),
            _ => {}
        }
        match on {
            Subject::Scalar => Ok(self.keyword_on_scalar(name, value)),
            Subject::Container(instance) => self.keyword_on_container((name, value), instance, depth).map(Steps::fixed),
        }
    }

    fn keyword_on_scalar(&self, name: &str, value: &Value) -> Steps {
        match (name, value) {
            ("enum", Value::Array(options)) if !self.expansion => Steps::fixed(options.len() as u64),
            ("pattern", Value::String(pattern)) => pattern::steps(pattern),
            ("format", Value::String(format)) if format == "regex" => Steps::per_byte(STEPS_OF_A_REGEX),
            ("format" | "minLength" | "maxLength", _) => Steps::per_byte(1),
            _ => Steps::default(),
        }
    }

    fn keyword_on_container(
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
                    let of_names = pattern::steps(pattern).total(fields.len() as u64, length_of_names(fields));
                    steps = steps.saturating_add(of_names);
                    steps = steps.saturating_add(self.each(part, fields.values(), depth)?);
                }
                Ok(steps)
            }
            ("propertyNames", part, Value::Object(fields)) => {
                Ok(self.part(part, Subject::Scalar, depth)?.total(fields.len() as u64, length_of_names(fields)))
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
        on: Subject<'a>,
        depth: usize,
    ) -> Result<Steps, TooCostly> {
        parts.try_fold(Steps::default(), |steps, part| Ok(steps.and(self.part(part, on, depth)?)))
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

/// The number of values in a value, itself included.
fn size(value: &Value) -> u64 {
    match value {
        Value::Array(elements) => 1 + elements.iter().map(size).sum::<u64>(),
        Value::Object(fields) => 1 + fields.values().map(size).sum::<u64>(),
        _ => 1,
    }
}
