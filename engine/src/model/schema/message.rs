//! Turns the errors of the validator into faults.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::{Location, LocationSegment};
use serde_json::Value;

use super::Schema;
use crate::model::fault::{Fault, MOST_FAULTS, did_you_mean, element, field};
use crate::model::text::shortened;

/// Characters of a value that a message shows.
const MOST_SHOWN: usize = 60;

impl Schema {
    /// The faults that an error reports, with their paths below `path`.
    pub(super) fn faults_of(&self, error: &ValidationError<'_>, path: &str) -> Vec<Fault> {
        let place = append(path, error.instance_path());
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                unexpected.iter().take(MOST_FAULTS + 1).map(|name| self.unexpected(error, name, &place)).collect()
            }
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                vec![Fault::at(place, format!("`{name}` is missing"))]
            }
            // The first branch is the full form; the others are shorthands and placeholders.
            ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
                let full_form = context.first().into_iter().flatten();
                full_form.flat_map(|error| self.faults_of(error, path)).collect()
            }
            _ => vec![Fault::at(place, self.message(error))],
        }
    }

    fn unexpected(&self, error: &ValidationError<'_>, name: &str, place: &str) -> Fault {
        let here = self.part_of(error).and_then(|part| part.get("properties")?.as_object()).into_iter().flatten();
        let near = match did_you_mean(name, here.map(|(name, _)| name.as_str())) {
            near if near.is_empty() && self.properties.iter().any(|known| known == name) => {
                "; it belongs to another part of the document".to_owned()
            }
            near if near.is_empty() => did_you_mean(name, self.properties.iter().map(String::as_str)),
            near => near,
        };
        Fault::at(field(place, name), format!("there is no field `{name}` here{near}"))
    }

    fn message(&self, error: &ValidationError<'_>) -> String {
        match error.kind() {
            // The description says what the pattern means.
            ValidationErrorKind::Pattern { .. } => match self.description(error) {
                Some(meaning) => format!("{} does not fit. {meaning}", shown(error.instance())),
                None => message(error),
            },
            _ => message(error),
        }
    }

    /// The description of the part of the schema that the failed keyword belongs to.
    fn description(&self, error: &ValidationError<'_>) -> Option<&str> {
        self.part_of(error)?.get("description")?.as_str()
    }

    /// The part of the schema that the failed keyword belongs to.
    fn part_of(&self, error: &ValidationError<'_>) -> Option<&Value> {
        self.schema.pointer(error.schema_path().as_str().rsplit_once('/')?.0)
    }
}

fn append(path: &str, below: &Location) -> String {
    below.into_iter().fold(path.to_owned(), |path, segment| match segment {
        LocationSegment::Property(name) => field(&path, &name),
        LocationSegment::Index(index) => element(&path, index),
    })
}

fn message(error: &ValidationError<'_>) -> String {
    let shown = shown(error.instance());
    match error.kind() {
        ValidationErrorKind::Type { kind } => format!("{shown} is not {}", type_words(kind)),
        ValidationErrorKind::Enum { options } => format!("{shown} is not one of {}", options_words(options)),
        ValidationErrorKind::Pattern { pattern } => format!("{shown} does not match the pattern {pattern}"),
        ValidationErrorKind::MinItems { limit: 1 } => "must have at least 1 element".to_owned(),
        ValidationErrorKind::MinItems { limit } => format!("must have at least {limit} elements"),
        ValidationErrorKind::MinProperties { limit: 1 } => "must have at least 1 field".to_owned(),
        ValidationErrorKind::MinProperties { limit } => format!("must have at least {limit} fields"),
        ValidationErrorKind::MaxProperties { limit: 1 } => "must have only 1 field".to_owned(),
        ValidationErrorKind::FalseSchema => format!("no value is allowed here; remove {shown}"),
        _ => error.masked_with(shown).to_string(),
    }
}

fn shown(value: &Value) -> String {
    shortened(&value.to_string(), MOST_SHOWN)
}

fn type_words(kind: &TypeKind) -> String {
    let words = match kind {
        TypeKind::Single(kind) => kind.to_string(),
        TypeKind::Multiple(kinds) => kinds.iter().map(|kind| kind.to_string()).collect::<Vec<_>>().join(" or "),
    };
    let article = if words.starts_with(['a', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {words}")
}

fn options_words(options: &Value) -> String {
    let words: Vec<_> = options.as_array().into_iter().flatten().map(ToString::to_string).collect();
    words.join(", ")
}
