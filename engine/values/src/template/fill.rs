//! Filling templates: the helpers, the escaping, the limits.

use handlebars::{Handlebars, RenderContext, RenderError, RenderErrorReason, Renderable};
use handlebars::{html_escape, no_escape};
use serde_json::Value;

use super::{Context, HelperDef, Text, budget, helpers, missing, output};
use crate::Fault;

/// Fills texts. Made once and shared: it keeps nothing of what it fills.
pub struct Templates {
    registry: Handlebars<'static>,
    own: Vec<String>,
}

impl Templates {
    /// Writes values as they are.
    pub fn plain() -> Templates {
        Templates::with_escape(no_escape)
    }

    /// Escapes values for HTML, except in `{{{…}}}`.
    pub fn html() -> Templates {
        Templates::with_escape(html_escape)
    }

    fn with_escape(escape: fn(&str) -> String) -> Templates {
        let mut registry = Handlebars::new();
        registry.set_strict_mode(true);
        registry.register_escape_fn(escape);
        registry.unregister_helper("log");
        registry.unregister_helper("raw");
        helpers::register(&mut registry, false);
        Templates { registry, own: Vec::new() }
    }

    /// The data is one record, of which any field may be absent: `default`, `if` and
    /// the like accept it. A plain `{{field}}` that is not there stays an error.
    pub fn of_record(mut self) -> Templates {
        helpers::register(&mut self.registry, true);
        self
    }

    /// Adds a helper. A standard helper of the same name is replaced.
    pub fn with_helper(mut self, name: &str, helper: Box<dyn HelperDef + Send + Sync>) -> Templates {
        self.registry.register_helper(name, helper);
        self.own.push(name.to_owned());
        self
    }

    /// As [`Text::parse`], knowing the helpers that were added too.
    pub fn parse(&self, source: &str) -> Result<Text, Fault> {
        Text::parse_with(source, &self.own)
    }

    /// The text, filled. Fails on a variable that is not there, on a helper that cannot
    /// take its value, beyond `limit` bytes, and when the work exceeds the budget.
    pub fn render(&self, text: &Text, data: &Context, limit: usize) -> Result<String, Fault> {
        let mut out = output::Bounded::new(limit);
        text.template.render(&self.registry, data, &mut rendering(text), &mut out).map_err(fault)?;
        Ok(out.text)
    }

    /// What the text stands for: the value itself, with its type, when the text is a
    /// single expression; else the filled text. Fails as [`Templates::render`] does.
    /// `limit` holds for text: a value is no larger than the data it came from.
    pub fn evaluate(&self, text: &Text, data: &Context, limit: usize) -> Result<Value, Fault> {
        let Some(single) = &text.single else {
            return self.render(text, data, limit).map(Value::String);
        };
        let mut rc = rendering(text);
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

/// The state of one filling. A text of plain variables cannot do more work than it is long.
fn rendering<'reg: 'rc, 'rc>(text: &Text) -> RenderContext<'reg, 'rc> {
    let mut rc = RenderContext::new(None);
    if text.calls {
        budget::provide(&mut rc);
    }
    rc
}

fn fault(error: RenderError) -> Fault {
    let message = match error.reason() {
        RenderErrorReason::MissingVariable(Some(name)) => format!("Unknown variable \"{name}\""),
        RenderErrorReason::InvalidJsonIndex(name) => {
            format!("\"{name}\" is not a position in a list: go through the list with {{{{#each}}}}")
        }
        RenderErrorReason::IOError(limit) => limit.to_string(),
        other => other.to_string(),
    };
    match (error.line_no, error.column_no) {
        (Some(line), Some(column)) => Fault::at(message, line, column),
        _ => Fault::new(message),
    }
}
