//! Validation by JSON Schema, told as faults with paths and cures.

mod fields;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::{ValidationError, Validator};
use serde_json::{Map, Value};
use values::schema_cost::{check_expansion, cost};

use super::criteria::Reading;
use super::fault::{Fault, MOST_FAULTS, did_you_mean, element, field};
use super::template::holds_placeholder;

/// Bytes of one compiled pattern.
const MAX_PATTERN: usize = 256 * 1024;
/// Patterns of one schema.
const MAX_PATTERNS: usize = 100;
/// Values of one schema, at any depth.
const MAX_PARTS: usize = 20_000;
/// Parts that one part of a schema may expand to where it refers to others, all about the same value.
pub const MAX_EXPANSION: u64 = 10_000;
/// Steps to check one value. They take a tenth of a second, with costly patterns half a second.
pub const MAX_STEPS: u64 = 2_000_000;
/// Steps that may be taken on a thread that answers calls.
const STEPS_AT_ONCE: u64 = 10_000;
/// Steps up to which every fault is looked for; beyond, only whether there is one. The faults of alternatives
/// are all held in memory.
const STEPS_WITH_FAULTS: u64 = 100_000;

/// A compiled JSON Schema (2020-12). References to other documents are refused.
#[derive(Debug)]
pub struct Schema {
    validator: Validator,
    schema: Value,
    properties: Vec<String>,
    /// Whether it comes from outside, so that checking a value is counted before it is done.
    counted: bool,
}

impl Schema {
    /// Compiles a schema of the program itself.
    ///
    /// # Errors
    /// One sentence with what is wrong in it.
    pub fn compile(schema: &Value) -> Result<Self, String> {
        bounded(schema)?;
        Self::build(schema, false)
    }

    /// Compiles a schema that somebody wrote: what it costs is bounded, now and for each value.
    ///
    /// # Errors
    /// One sentence with what is wrong in it.
    pub fn compile_foreign(schema: &Value) -> Result<Self, String> {
        bounded(schema)?;
        check_expansion(schema, MAX_EXPANSION).map_err(|error| error.to_string())?;
        Self::build(schema, true)
    }

    fn build(schema: &Value, counted: bool) -> Result<Self, String> {
        let pattern_options = jsonschema::PatternOptions::regex().size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN);
        let options =
            jsonschema::draft202012::options().with_pattern_options(pattern_options).should_validate_formats(true);
        let validator = options.build(schema).map_err(|error| format!("{}: {error}", error.instance_path()))?;
        Ok(Self { validator, schema: schema.clone(), properties: property_names(schema), counted })
    }

    /// Every fault of `instance`, which stands at `path` in its document. With
    /// [`Reading::Written`], what depends on a placeholder's value is not judged yet.
    pub fn faults(&self, instance: &Value, path: &str, reading: Reading) -> Vec<Fault> {
        if self.counted {
            match cost(&self.schema, instance, MAX_STEPS) {
                Err(error) => return vec![Fault::at(path, format!("cannot be checked: its schema {error}"))],
                Ok(steps) if steps > STEPS_WITH_FAULTS && reading == Reading::Rendered => {
                    let told = "does not fit its schema; the value is too large to say where";
                    return if self.validator.is_valid(instance) { Vec::new() } else { vec![Fault::at(path, told)] };
                }
                // What is written is checked again when it is rendered.
                Ok(steps) if steps > STEPS_WITH_FAULTS => return Vec::new(),
                Ok(_) => {}
            }
        }
        let errors = self.validator.iter_errors(instance);
        let errors = errors.filter(|error| reading == Reading::Rendered || is_certain(error));
        let mut faults: Vec<_> = errors.flat_map(|error| self.tell(&error, path)).take(MOST_FAULTS + 1).collect();
        if faults.len() > MOST_FAULTS {
            faults[MOST_FAULTS] = Fault::at(path, "has more faults than are told; mend these first");
        }
        faults
    }

    /// Whether checking this value would hold up a thread that answers calls.
    pub fn is_costly(&self, instance: &Value) -> bool {
        self.counted && cost(&self.schema, instance, STEPS_AT_ONCE).is_err()
    }

    fn tell(&self, error: &ValidationError<'_>, path: &str) -> Vec<Fault> {
        let place = place(path, error.instance_path());
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                unexpected.iter().take(MOST_FAULTS + 1).map(|name| self.unexpected(error, name, &place)).collect()
            }
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                vec![Fault::at(place, format!("`{name}` is missing"))]
            }
            // The first branch is the plain one; the others are shorthands and placeholders.
            ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
                let plain = context.first().into_iter().flatten();
                plain.flat_map(|error| self.tell(error, path)).collect()
            }
            _ => vec![Fault::at(place, self.sentence(error))],
        }
    }

    fn unexpected(&self, error: &ValidationError<'_>, name: &str, place: &str) -> Fault {
        let here = self.part_of(error).and_then(|part| part.get("properties")?.as_object()).into_iter().flatten();
        let near = match did_you_mean(name, here.map(|(name, _)| name.as_str())) {
            near if near.is_empty() => did_you_mean(name, self.properties.iter().map(String::as_str)),
            near => near,
        };
        Fault::at(field(place, name), format!("there is no field `{name}` here{near}"))
    }
}

/// Faults that no value of a placeholder could mend.
fn is_certain(error: &ValidationError<'_>) -> bool {
    use ValidationErrorKind::{AdditionalProperties, Required, UnevaluatedProperties};
    let structural =
        matches!(error.kind(), AdditionalProperties { .. } | Required { .. } | UnevaluatedProperties { .. });
    structural || !holds_placeholder(error.instance())
}

fn place(path: &str, below: &Location) -> String {
    below.into_iter().fold(path.to_owned(), |place, segment| match segment {
        LocationSegment::Property(name) => field(&place, &name),
        LocationSegment::Index(index) => element(&place, index),
    })
}

impl Schema {
    fn sentence(&self, error: &ValidationError<'_>) -> String {
        match error.kind() {
            // People are told what is meant, not the pattern that says it.
            ValidationErrorKind::Pattern { .. } => match self.description(error) {
                Some(meaning) => format!("{} does not fit. {meaning}", shown(error.instance())),
                None => sentence(error),
            },
            _ => sentence(error),
        }
    }

    /// What the schema says of the part that the failed keyword belongs to.
    fn description(&self, error: &ValidationError<'_>) -> Option<&str> {
        self.part_of(error)?.get("description")?.as_str()
    }

    /// The part of the schema that the failed keyword belongs to.
    fn part_of(&self, error: &ValidationError<'_>) -> Option<&Value> {
        self.schema.pointer(error.schema_path().as_str().rsplit_once('/')?.0)
    }
}

fn sentence(error: &ValidationError<'_>) -> String {
    let shown = shown(error.instance());
    match error.kind() {
        ValidationErrorKind::Type { kind } => format!("{shown} is not {}", type_words(kind)),
        ValidationErrorKind::Enum { options } => format!("{shown} is not one of {}", options_words(options)),
        ValidationErrorKind::Pattern { pattern } => format!("{shown} does not have the form {pattern}"),
        ValidationErrorKind::MinItems { limit } => format!("needs at least {limit} elements"),
        ValidationErrorKind::MinProperties { limit } => format!("needs at least {limit} fields"),
        ValidationErrorKind::FalseSchema => format!("nothing may be given here, but {shown} was"),
        ValidationErrorKind::MaxProperties { limit: 1 } => "says more than one thing; choose one of them".to_owned(),
        _ => error.masked_with(shown).to_string(),
    }
}

fn shown(value: &Value) -> String {
    const MOST: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn type_words(kind: &TypeKind) -> String {
    let words = match kind {
        TypeKind::Single(one) => one.to_string(),
        TypeKind::Multiple(several) => several.iter().map(|one| one.to_string()).collect::<Vec<_>>().join(" or "),
    };
    let article = if words.starts_with(['a', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {words}")
}

fn options_words(options: &Value) -> String {
    let words: Vec<_> = options.as_array().into_iter().flatten().map(ToString::to_string).collect();
    words.join(", ")
}

/// Refuses schemas that would take long to compile: each pattern costs, and each part.
fn bounded(schema: &Value) -> Result<(), String> {
    let (mut parts, mut patterns, mut left) = (0, 0, vec![schema]);
    while let Some(part) = left.pop() {
        parts += 1;
        match part {
            Value::Object(keywords) => {
                patterns += usize::from(keywords.contains_key("pattern"));
                patterns += keywords.get("patternProperties").and_then(Value::as_object).map_or(0, Map::len);
                left.extend(keywords.values());
            }
            Value::Array(all) => left.extend(all),
            _ => {}
        }
    }
    match (parts > MAX_PARTS, patterns > MAX_PATTERNS) {
        (true, _) => Err(format!("has more than {MAX_PARTS} parts")),
        (_, true) => Err(format!("has more than {MAX_PATTERNS} patterns")),
        _ => Ok(()),
    }
}

/// The names of all properties that the schema speaks of, to find the nearest.
fn property_names(schema: &Value) -> Vec<String> {
    let mut names = Vec::new();
    collect_properties(schema, &mut names);
    names.sort();
    names.dedup();
    names
}

fn collect_properties(schema: &Value, names: &mut Vec<String>) {
    match schema {
        Value::Object(keywords) => {
            if let Some(Value::Object(properties)) = keywords.get("properties") {
                names.extend(properties.keys().cloned());
            }
            keywords.values().for_each(|value| collect_properties(value, names));
        }
        Value::Array(all) => all.iter().for_each(|value| collect_properties(value, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(instance: Value, reading: Reading) -> Vec<String> {
        let schema = json!({
            "type": "object",
            "required": ["by"],
            "additionalProperties": false,
            "properties": {
                "by": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                "count": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]},
                "mode": {"enum": ["a", "b"]},
            },
        });
        let schema = Schema::compile(&schema).unwrap();
        schema.faults(&instance, "lines[0].parameters", reading).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_fault_is_told_at_its_place() {
        let faults = told(json!({"by": ["a", 3], "count": "x", "mode": "c", "cuont": 1}), Reading::Rendered);
        let expected = [
            "lines[0].parameters.by[1]: 3 is not a string",
            "lines[0].parameters.count: \"x\" is not an integer",
            "lines[0].parameters.mode: \"c\" is not one of \"a\", \"b\"",
            "lines[0].parameters.cuont: there is no field `cuont` here; did you mean `count`?",
        ];
        for sentence in expected {
            assert!(faults.contains(&sentence.to_owned()), "{sentence} is not in {faults:?}");
        }
        assert_eq!(faults.len(), expected.len(), "{faults:?}");
    }

    #[test]
    fn a_placeholder_is_judged_once_it_is_rendered() {
        let written = json!({"by": "$<args.by>", "count": "${args.count}"});
        assert_eq!(told(written.clone(), Reading::Written), Vec::<String>::new());
        assert_eq!(told(written, Reading::Rendered).len(), 2);
        assert_eq!(told(json!({"count": "$<x>"}), Reading::Written), ["lines[0].parameters: `by` is missing"]);
    }

    #[test]
    fn a_schema_that_would_take_long_to_compile_is_refused() {
        let patterns: Map<_, _> = (0..101).map(|no| (format!("p{no}"), json!({"pattern": format!("a{no}")}))).collect();
        let told = Schema::compile(&json!({"properties": patterns})).unwrap_err();
        assert_eq!(told, "has more than 100 patterns");
        let many: Vec<_> = (0..20_000).collect();
        assert_eq!(Schema::compile(&json!({"enum": many})).unwrap_err(), "has more than 20000 parts");
    }

    #[test]
    fn a_schema_that_multiplies_itself_is_refused_when_it_is_read() {
        let level =
            |no: usize| json!({"anyOf": [{"$ref": format!("#/$defs/d{no}")}, {"$ref": format!("#/$defs/d{no}")}]});
        let mut defs: Map<_, _> = (0..24).map(|no| (format!("d{no}"), level(no + 1))).collect();
        defs.insert("d24".to_owned(), json!({"type": "integer"}));
        let told = Schema::compile_foreign(&json!({"$ref": "#/$defs/d0", "$defs": defs})).unwrap_err();
        assert!(told.starts_with("takes more than 10000 steps to check"), "{told}");
    }

    #[test]
    fn a_value_that_multiplies_a_schema_is_not_checked() {
        let item = json!({"items": {"$ref": "#/$defs/node"}});
        let schema = json!({"$ref": "#/$defs/node", "$defs": {"node": {"anyOf": [item, item, {"const": 1}]}}});
        let schema = Schema::compile_foreign(&schema).unwrap();
        let nested = (0..60).fold(json!("x"), |inner, _| json!([inner]));
        let faults = schema.faults(&nested, "arguments", Reading::Rendered);
        assert!(faults[0].to_string().starts_with("arguments: cannot be checked: its schema takes more"), "{faults:?}");
    }

    #[test]
    fn a_large_value_is_judged_without_its_faults() {
        let schema = json!({"items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}});
        let schema = Schema::compile_foreign(&schema).unwrap();
        let mut large = json!(vec![1; 50_000]);
        assert_eq!(schema.faults(&large, "arguments", Reading::Rendered), []);
        large[49_999] = json!("x");
        let faults = schema.faults(&large, "arguments", Reading::Rendered);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].to_string().contains("too large to say where"), "{faults:?}");
    }

    #[test]
    fn a_schema_that_reaches_outside_is_refused() {
        assert!(Schema::compile(&json!({"$ref": "http://127.0.0.1:1/x.json"})).is_err());
        assert!(Schema::compile(&json!({"$ref": "file:///etc/passwd"})).is_err());
        assert!(Schema::compile(&json!({"type": "nonsense"})).is_err());
    }
}
