//! Templates: JSON whose texts may contain placeholders.
//!
//! `$<expr>` and `${expr}` are the same and become the handlebars expression `{{expr}}`; plain
//! handlebars works too. `$$<` and `$${` write the characters themselves. A text that is exactly one
//! placeholder becomes the value, and every other text becomes a text. Hostile templates are refused
//! before handlebars parses them (see `values::template`).

mod helpers;
mod placeholder;

use std::sync::LazyLock;

use serde_json::{Map, Value};
use values::template::{Context, Templates, Text, Variable};

use super::fault::{Fault, element, field};

pub use placeholder::is_templated;

/// Bytes of one rendered text.
pub const MAX_RENDERED_BYTES: usize = 1024 * 1024;

static TEMPLATES: LazyLock<Templates> = LazyLock::new(helpers::templates);

/// Parsed parameters or a parsed definition, to be rendered with the variables of a job result.
#[derive(Debug)]
pub enum Template {
    /// A value without placeholders.
    Fixed(Value),
    /// A text with at least one placeholder.
    Text(Box<Text>),
    /// A list.
    Array(Vec<Template>),
    /// The fields of an object, in order.
    Object(Vec<(String, Template)>),
}

impl Template {
    /// Parses every text of `written`, except those in the top-level fields for whose names `raw` is true.
    ///
    /// # Errors
    /// Every text that cannot be parsed, with its path below `path`.
    pub fn parse(written: &Value, path: &str, raw: impl Fn(&str) -> bool) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let template = match written {
            Value::Object(fields) => {
                let parsed = fields.iter().map(|(name, value)| match raw(name) {
                    true => (name.clone(), Self::Fixed(value.clone())),
                    false => (name.clone(), Self::parse_value(value, &field(path, name), &mut faults)),
                });
                Self::Object(parsed.collect())
            }
            other => Self::parse_value(other, path, &mut faults),
        };
        if faults.is_empty() { Ok(template) } else { Err(faults) }
    }

    fn parse_value(written: &Value, path: &str, faults: &mut Vec<Fault>) -> Self {
        match written {
            Value::String(text) if is_templated(text) => Self::parse_text(text, path, faults),
            Value::Array(all) => Self::Array(
                all.iter()
                    .enumerate()
                    .map(|(index, value)| Self::parse_value(value, &element(path, index), faults))
                    .collect(),
            ),
            Value::Object(fields) => Self::Object(
                fields
                    .iter()
                    .map(|(name, value)| (name.clone(), Self::parse_value(value, &field(path, name), faults)))
                    .collect(),
            ),
            fixed => Self::Fixed(fixed.clone()),
        }
    }

    fn parse_text(text: &str, path: &str, faults: &mut Vec<Fault>) -> Self {
        let parsed = placeholder::to_handlebars(text)
            .and_then(|source| TEMPLATES.parse(&source).map_err(|fault| fault.to_string()));
        match parsed {
            Ok(parsed) => Self::Text(Box::new(parsed)),
            Err(message) => {
                faults.push(Fault::at(path, message));
                Self::Fixed(Value::Null)
            }
        }
    }

    /// The value, if it has no placeholder.
    pub fn constant(&self) -> Option<Value> {
        match self {
            Self::Fixed(value) => Some(value.clone()),
            Self::Text(_) => None,
            Self::Array(all) => all.iter().map(Self::constant).collect::<Option<_>>().map(Value::Array),
            Self::Object(fields) => {
                let constants = fields.iter().map(|(name, field)| Some((name.clone(), field.constant()?)));
                constants.collect::<Option<_>>().map(Value::Object)
            }
        }
    }

    /// Every variable that is used, with the path of the text that uses it.
    pub fn variables(&self, path: &str) -> Vec<(String, Variable)> {
        match self {
            Self::Fixed(_) => Vec::new(),
            Self::Text(text) => text.variables().iter().map(|variable| (path.to_owned(), variable.clone())).collect(),
            Self::Array(all) => {
                all.iter().enumerate().flat_map(|(index, part)| part.variables(&element(path, index))).collect()
            }
            Self::Object(fields) => fields.iter().flat_map(|(name, part)| part.variables(&field(path, name))).collect(),
        }
    }

    /// Renders the value with these variables.
    ///
    /// # Errors
    /// The first text that cannot be rendered, with its path below `path`.
    pub fn render(&self, variables: &Context, path: &str) -> Result<Value, Fault> {
        match self {
            Self::Fixed(value) => Ok(value.clone()),
            Self::Text(text) => TEMPLATES
                .evaluate(text, variables, MAX_RENDERED_BYTES)
                .map_err(|fault| Fault::at(path, fault.to_string())),
            Self::Array(all) => {
                let rendered =
                    all.iter().enumerate().map(|(index, part)| part.render(variables, &element(path, index)));
                rendered.collect::<Result<_, _>>().map(Value::Array)
            }
            Self::Object(fields) => {
                let rendered =
                    fields.iter().map(|(name, part)| Ok((name.clone(), part.render(variables, &field(path, name))?)));
                rendered.collect::<Result<Map<_, _>, _>>().map(Value::Object)
            }
        }
    }
}

/// Whether any text in the value has a placeholder.
pub fn holds_placeholder(value: &Value) -> bool {
    match value {
        Value::String(text) => is_templated(text),
        Value::Array(all) => all.iter().any(holds_placeholder),
        Value::Object(fields) => fields.values().any(holds_placeholder),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
