//! Handlebars templates, bounded and strict.
//!
//! A [`Text`] is a parsed template: its nesting is bounded, it includes no other template, and it calls
//! only known helpers. [`Templates`] renders it. A missing variable is an error that names it, and
//! never an empty text. Output and work are bounded, and the texts in the data are never templates.

mod budget;
mod fill;
mod helpers;
mod missing;
mod nesting;
mod output;
mod variables;
mod walk;

use handlebars::Template;
use handlebars::template::{Parameter, TemplateElement};

use crate::Fault;

pub use crate::path::MAX_PATH_BYTES;
pub use fill::Templates;
pub use handlebars::{Context, HelperDef};
pub use variables::Variable;

/// Bytes of a template.
pub const LONGEST: usize = 64 << 10;
/// Tags of a template. The parser computes the line of each tag from the beginning of the text, so that
/// many tags in a long text would take seconds.
pub const MOST_TAGS: usize = 2_000;
/// Nested blocks, and nested expressions.
pub const DEEPEST: usize = 64;
/// Names, numbers and quoted texts in all tags of a template. Each takes about 400 bytes when it is parsed.
pub const MAX_TOKENS: usize = 10_000;
/// Parts of a path, such as `a.b.c`. A missing value is searched for from each part of its path.
pub const MAX_PATH_PARTS: usize = 64;
/// Bytes of a pattern of the helpers `date` and `format`.
pub const MAX_PATTERN_BYTES: usize = 256;

/// The message for a template of this many bytes, which is longer than [`LONGEST`].
pub fn too_long(bytes: usize) -> String {
    format!("The template has {bytes} bytes; at most {LONGEST} are allowed")
}

/// A parsed template.
#[derive(Clone, Debug)]
pub struct Text {
    template: Template,
    /// The expression, if the text is exactly one.
    single: Option<Parameter>,
    variables: Vec<Variable>,
    /// Whether it calls helpers, so that rendering needs a budget.
    calls: bool,
}

impl Text {
    /// Parses a template with the standard helpers.
    ///
    /// # Errors
    /// Wrong syntax, a partial, a decorator, an unknown helper, or a limit that is exceeded; with line
    /// and column.
    pub fn parse(source: &str) -> Result<Text, Fault> {
        Text::parse_with(source, &[])
    }

    /// As [`Text::parse`], with these helpers besides the standard ones.
    pub(crate) fn parse_with(source: &str, helpers: &[String]) -> Result<Text, Fault> {
        nesting::check(source)?;
        let mut template = Template::compile(source).map_err(syntax)?;
        let findings = walk::walk(&mut template, helpers)?;
        let single = match &template.elements[..] {
            [TemplateElement::Expression(helper)] => Some(walk::as_parameter(helper)),
            _ => None,
        };
        Ok(Text { template, single, variables: findings.variables, calls: findings.calls })
    }

    /// The variables that are read from the data itself, in order of appearance. Those of a block
    /// (`this`, `@index`, block parameters, the fields of an item) are not among them.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Whether the text is exactly one `{{expression}}`, so that it becomes the value.
    pub fn is_single(&self) -> bool {
        self.single.is_some()
    }

    /// Whether the text has no expression.
    pub fn is_constant(&self) -> bool {
        let constant = |element| matches!(element, &TemplateElement::RawString(_) | &TemplateElement::Comment(_));
        self.template.elements.iter().all(constant)
    }
}

fn syntax(error: handlebars::TemplateError) -> Fault {
    let reason = error.reason().to_string();
    let reason = reason.lines().next().unwrap_or_default();
    let message = format!("The template cannot be read: {reason}");
    match error.pos() {
        Some((line, column)) => Fault::at(message, line, column),
        None => Fault::new(message),
    }
}

#[cfg(test)]
mod tests;
