//! Templates: JSON whose texts may hold placeholders.
//!
//! `$<expr>` and `${expr}` are the same thing and become the handlebars
//! expression `{{expr}}`; plain handlebars works too. `$$<` and `$${` write the
//! characters themselves. A text that is exactly one placeholder becomes the
//! value, anything else a text. What can go wrong with handlebars on hostile
//! input is refused before it is parsed (see `values::template`).

mod helpers;
mod placeholder;

use std::sync::LazyLock;

use serde_json::{Map, Value};
use values::template::{Context, Templates, Text, Variable};

use super::fault::{Fault, element, field};

pub use placeholder::is_templated;

/// How many bytes one rendered text may have.
pub const MAX_RENDERED_BYTES: usize = 1024 * 1024;

static TEMPLATES: LazyLock<Templates> = LazyLock::new(helpers::templates);

/// Parameters or a definition, parsed; to be rendered with the variables of a job result.
#[derive(Debug)]
pub enum Template {
    /// Holds no placeholder.
    Fixed(Value),
    /// A text with at least one.
    Text(Box<Text>),
    /// A list.
    Array(Vec<Template>),
    /// Fields, in order.
    Object(Vec<(String, Template)>),
}

impl Template {
    /// Parses every text of `written` but those below the top-level fields named `raw`.
    ///
    /// # Errors
    /// Every text that does not parse, with its path below `path`.
    pub fn parse(written: &Value, path: &str, raw: impl Fn(&str) -> bool) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let template = match written {
            Value::Object(fields) => {
                let parsed = fields.iter().map(|(name, value)| match raw(name) {
                    true => (name.clone(), Self::Fixed(value.clone())),
                    false => (name.clone(), Self::of(value, &field(path, name), &mut faults)),
                });
                Self::Object(parsed.collect())
            }
            other => Self::of(other, path, &mut faults),
        };
        if faults.is_empty() { Ok(template) } else { Err(faults) }
    }

    fn of(written: &Value, path: &str, faults: &mut Vec<Fault>) -> Self {
        match written {
            Value::String(text) if is_templated(text) => Self::text(text, path, faults),
            Value::Array(all) => Self::Array(
                all.iter().enumerate().map(|(index, one)| Self::of(one, &element(path, index), faults)).collect(),
            ),
            Value::Object(fields) => Self::Object(
                fields
                    .iter()
                    .map(|(name, value)| (name.clone(), Self::of(value, &field(path, name), faults)))
                    .collect(),
            ),
            fixed => Self::Fixed(fixed.clone()),
        }
    }

    fn text(text: &str, path: &str, faults: &mut Vec<Fault>) -> Self {
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

    /// The value, where it holds no placeholder.
    pub fn constant(&self) -> Option<Value> {
        match self {
            Self::Fixed(value) => Some(value.clone()),
            Self::Text(_) => None,
            Self::Array(all) => all.iter().map(Self::constant).collect::<Option<_>>().map(Value::Array),
            Self::Object(fields) => {
                let constants = fields.iter().map(|(name, one)| Some((name.clone(), one.constant()?)));
                constants.collect::<Option<_>>().map(Value::Object)
            }
        }
    }

    /// Every variable that is read, with the path of the text that reads it.
    pub fn variables(&self, path: &str) -> Vec<(String, Variable)> {
        match self {
            Self::Fixed(_) => Vec::new(),
            Self::Text(text) => text.variables().iter().map(|variable| (path.to_owned(), variable.clone())).collect(),
            Self::Array(all) => {
                all.iter().enumerate().flat_map(|(index, one)| one.variables(&element(path, index))).collect()
            }
            Self::Object(fields) => fields.iter().flat_map(|(name, one)| one.variables(&field(path, name))).collect(),
        }
    }

    /// The value with these variables.
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
                let rendered = all.iter().enumerate().map(|(index, one)| one.render(variables, &element(path, index)));
                rendered.collect::<Result<_, _>>().map(Value::Array)
            }
            Self::Object(fields) => {
                let rendered =
                    fields.iter().map(|(name, one)| Ok((name.clone(), one.render(variables, &field(path, name))?)));
                rendered.collect::<Result<Map<_, _>, _>>().map(Value::Object)
            }
        }
    }
}

/// Whether any text in the value holds a placeholder.
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
