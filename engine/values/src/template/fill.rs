//! Rendering templates, with helpers, escaping and limits.

use handlebars::{Handlebars, RenderContext, RenderError, RenderErrorReason, Renderable};
use handlebars::{html_escape, no_escape};
use serde_json::Value;

use super::{Context, HelperDef, Text, budget, helpers, missing, output};
use crate::Fault;

/// Renders templates. It has no state, so that one can be shared.
pub struct Templates {
    registry: Handlebars<'static>,
    own: Vec<String>,
}

impl Templates {
    /// Writes values without escaping.
    pub fn plain() -> Templates {
        Templates::with_escape(no_escape, false)
    }

    /// Writes values without escaping, for data that is one record. Any field may be missing in `default`, `if` and the
    /// other helpers that allow it. A plain `{{field}}` that is missing stays an error.
    pub fn of_record() -> Templates {
        Templates::with_escape(no_escape, true)
    }

    /// Escapes values for HTML, except in `{{{…}}}`.
    pub fn html() -> Templates {
        Templates::with_escape(html_escape, false)
    }

    fn with_escape(escape: fn(&str) -> String, open: bool) -> Templates {
        let mut registry = Handlebars::new();
        registry.set_strict_mode(true);
        registry.register_escape_fn(escape);
        registry.unregister_helper("log");
        registry.unregister_helper("raw");
        helpers::register(&mut registry, open);
        Templates { registry, own: Vec::new() }
    }

    /// Adds a helper. It replaces a standard helper with the same name.
    pub fn with_helper(mut self, name: &str, helper: Box<dyn HelperDef + Send + Sync>) -> Templates {
        self.registry.register_helper(name, helper);
        self.own.push(name.to_owned());
        self
    }

    /// As [`Text::parse`], with the added helpers.
    ///
    /// # Errors
    /// As [`Text::parse`].
    pub fn parse(&self, source: &str) -> Result<Text, Fault> {
        Text::parse_with(source, &self.own)
    }

    /// Renders the text.
    ///
    /// # Errors
    /// A variable is missing, a helper cannot use its value, the output is longer than `limit` bytes, or
    /// the work exceeds the budget.
    pub fn render(&self, text: &Text, data: &Context, limit: usize) -> Result<String, Fault> {
        let mut out = output::Bounded::new(limit);
        text.template.render(&self.registry, data, &mut render_context(text), &mut out).map_err(fault)?;
        Ok(out.text)
    }

    /// The value, with its type, if the text is a single expression, or else the rendered text. `limit`
    /// applies to texts only, because other values are not larger than the data.
    ///
    /// # Errors
    /// As [`Templates::render`].
    pub fn evaluate(&self, text: &Text, data: &Context, limit: usize) -> Result<Value, Fault> {
        let Some(single) = &text.single else {
            return self.render(text, data, limit).map(Value::String);
        };
        let mut rc = render_context(text);
        let found = single.expand(&self.registry, data, &mut rc).map_err(fault)?;
        let value = match found.is_value_missing() {
            false => found.value().clone(),
            true => missing::dotted(&found, data, &rc).ok_or_else(|| fault(missing::unknown(&found, data, &rc)))?,
        };
        match value {
            Value::String(text) if text.len() > limit => Err(Fault::new(output::too_long(limit))),
            value => Ok(value),
        }
    }
}

/// The state of one rendering. It has no budget for a text of plain variables, whose work is bounded by
/// its length.
fn render_context<'reg: 'rc, 'rc>(text: &Text) -> RenderContext<'reg, 'rc> {
    let mut rc = RenderContext::new(None);
    if text.calls {
        budget::provide(&mut rc);
    }
    rc
}

fn fault(error: RenderError) -> Fault {
    let message = match error.reason() {
        RenderErrorReason::MissingVariable(Some(name)) => missing::no_variable(name),
        RenderErrorReason::InvalidJsonIndex(name) => {
            format!("`{name}` is not a position in a list; go through the list with {{{{#each}}}}")
        }
        RenderErrorReason::IOError(limit) => limit.to_string(),
        other => other.to_string(),
    };
    match (error.line_no, error.column_no) {
        (Some(line), Some(column)) => Fault::at(message, line, column),
        _ => Fault::new(message),
    }
}
