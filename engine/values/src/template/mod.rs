//! Handlebars templates, bounded and strict.
//!
//! A [`Text`] is a template that was read: it is known to nest little, to include
//! nothing, and to call only helpers that exist. [`Templates`] fills it. A variable
//! that is not there is an error that names it, never an empty text; output and work
//! are bounded; and what a record holds is data, never itself a template.

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

/// Longest template, in bytes.
pub const LONGEST: usize = 64 << 10;
/// Most tags in a template. The parser looks for the line of each tag from the start,
/// so that many tags in a long text would take it seconds.
pub const MOST_TAGS: usize = 2_000;
/// Blocks inside blocks, and expressions inside one expression.
pub const DEEPEST: usize = 64;
/// Names, numbers and quoted texts in all tags of a template. Each takes about 400 bytes when it is parsed.
pub const MAX_TOKENS: usize = 10_000;
/// Parts of a path, such as `a.b.c`. Each way to a value that is missing is looked for from every part of it.
pub const MAX_PATH_PARTS: usize = 64;
/// Bytes of a pattern of the helpers `date` and `format`.
pub const MAX_PATTERN_BYTES: usize = 256;

/// A template that was read and found harmless.
#[derive(Clone, Debug)]
pub struct Text {
    template: Template,
    /// The expression, when the text is exactly one.
    single: Option<Parameter>,
    variables: Vec<Variable>,
    /// Whether filling it needs a budget: plain variables cost no more than they are long.
    calls: bool,
}

impl Text {
    /// Reads a template that uses the standard helpers. Fails with line and column on
    /// wrong syntax, partials, decorators, unknown helpers, and beyond the bounds.
    pub fn parse(source: &str) -> Result<Text, Fault> {
        Text::parse_with(source, &[])
    }

    /// As [`Text::parse`], with helpers of one's own beside the standard ones.
    pub(crate) fn parse_with(source: &str, helpers: &[String]) -> Result<Text, Fault> {
        nesting::check(source)?;
        let mut template = Template::compile(source).map_err(syntax)?;
        let found = walk::walk(&mut template, helpers)?;
        let single = match &template.elements[..] {
            [TemplateElement::Expression(helper)] => Some(walk::as_parameter(helper)),
            _ => None,
        };
        Ok(Text { template, single, variables: found.variables, calls: found.calls })
    }

    /// The variables that are read from the data itself, in order of appearance: not
    /// those of a block (`this`, `@index`, block parameters, the fields of an item).
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Whether the text is exactly one `{{expression}}` and so stands for its value.
    pub fn is_single(&self) -> bool {
        self.single.is_some()
    }

    /// Whether nothing in the text is an expression.
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
