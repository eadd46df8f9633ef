//! The standard helpers: their table, and how a helper that is not a block is called.

mod blocks;
mod compare;
mod date;
mod number;
mod text;

use std::borrow::Cow;

use handlebars::{Context, Handlebars, Helper, HelperDef, HelperResult, JsonTruthy, Output};
use handlebars::{PathAndJson, RenderContext, RenderError, RenderErrorReason, Renderable, ScopedJson};
use serde_json::Value;

use super::{MAX_PATTERN_BYTES, budget, missing};

/// The helper that a bare `{{name}}` becomes.
pub(super) const VALUE: &str = "value";

/// Bytes of the text that one call may make.
const LONGEST: usize = 16 << 20;

/// The message for a text that is longer than [`LONGEST`].
fn too_long() -> String {
    format!("the result is longer than {} MiB", LONGEST >> 20)
}

/// The form in which a helper is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `{{name …}}` or `(name …)`.
    Inline,
    /// `{{#name …}}`.
    Block,
}

impl Form {
    /// The message for a helper that cannot be called in this form.
    pub(super) fn refusal(self, name: &str) -> String {
        match self {
            Form::Inline => {
                format!("The helper `{name}` is a block; write {{{{#{name} …}}}}…{{{{/{name}}}}}")
            }
            Form::Block => format!("The helper `{name}` is not a block; write {{{{{name} …}}}}"),
        }
    }
}

/// The forms in which a helper may be called.
#[derive(Clone, Copy)]
pub(super) enum Forms {
    Inline,
    Block,
    Both,
}

impl Forms {
    pub(super) fn allow(self, form: Form) -> bool {
        match self {
            Forms::Both => true,
            Forms::Inline => form == Form::Inline,
            Forms::Block => form == Form::Block,
        }
    }
}

/// Which values of a helper may be missing.
#[derive(Clone, Copy)]
pub(super) enum Optional {
    None,
    First,
    All,
}

impl Optional {
    pub(super) fn covers(self, at: usize) -> bool {
        match self {
            Optional::None => false,
            Optional::First => at == 0,
            Optional::All => true,
        }
    }
}

/// One call of a helper that is not a block.
struct Call<'a> {
    /// None for a value that is missing and may be.
    values: &'a [Option<Cow<'a, Value>>],
    helper: &'a Helper<'a>,
}

impl Call<'_> {
    /// The value at a position, or null if it is missing.
    fn value(&self, at: usize) -> &Value {
        self.values.get(at).and_then(Option::as_deref).unwrap_or(&Value::Null)
    }

    fn option(&self, name: &str) -> Option<&Value> {
        self.helper.hash_get(name).map(PathAndJson::value)
    }

    /// The second value as a pattern for dates or numbers.
    fn pattern(&self, example: &str) -> Result<&str, String> {
        let pattern = self.value(1).as_str();
        let pattern = pattern.ok_or_else(|| format!("the pattern must be a text such as \"{example}\""))?;
        match pattern.len() {
            length if length > MAX_PATTERN_BYTES => {
                Err(format!("the pattern has {length} bytes; at most {MAX_PATTERN_BYTES} are allowed"))
            }
            _ => Ok(pattern),
        }
    }
}

type Run = fn(&Call) -> Result<Value, String>;

/// A helper of the table.
struct Standard {
    name: &'static str,
    forms: Forms,
    /// How many values it needs.
    least: usize,
    optional: Optional,
    /// None for the blocks, which are not functions of their values.
    run: Option<Run>,
}

const fn inline(name: &'static str, least: usize, run: Run) -> Standard {
    Standard { name, forms: Forms::Inline, least, optional: Optional::None, run: Some(run) }
}

const fn condition(name: &'static str, least: usize, optional: Optional, run: Run) -> Standard {
    Standard { name, forms: Forms::Both, least, optional, run: Some(run) }
}

const fn block(name: &'static str, optional: Optional) -> Standard {
    Standard { name, forms: Forms::Block, least: 1, optional, run: None }
}

static TABLE: [Standard; 34] = [
    block("if", Optional::All),
    block("unless", Optional::All),
    block("each", Optional::None),
    block("with", Optional::None),
    condition("eq", 2, Optional::None, compare::eq),
    condition("ne", 2, Optional::None, compare::ne),
    condition("gt", 2, Optional::None, compare::gt),
    condition("gte", 2, Optional::None, compare::gte),
    condition("lt", 2, Optional::None, compare::lt),
    condition("lte", 2, Optional::None, compare::lte),
    condition("and", 1, Optional::All, compare::and),
    condition("or", 1, Optional::All, compare::or),
    condition("not", 1, Optional::All, compare::not),
    inline("date", 2, date::date),
    inline("daysBetween", 2, date::days_between),
    inline("hoursBetween", 2, date::hours_between),
    inline("format", 2, number::format),
    inline("round", 1, number::round),
    inline("add", 2, number::add),
    inline("sub", 2, number::sub),
    inline("mul", 2, number::mul),
    inline("div", 2, number::div),
    Standard { optional: Optional::First, ..inline("default", 2, text::default) },
    inline("json", 1, text::json),
    inline("upper", 1, text::upper),
    inline("lower", 1, text::lower),
    inline("trim", 1, text::trim),
    inline("join", 1, text::join),
    inline("length", 1, text::length),
    inline("len", 1, text::length),
    inline("lookup", 2, text::lookup),
    inline("concat", 1, text::concat),
    inline("replace", 3, text::replace),
    inline(VALUE, 1, text::value),
];

fn standard(name: &str) -> Option<&'static Standard> {
    TABLE.iter().find(|standard| standard.name == name)
}

/// The names of all standard helpers.
pub(super) fn names<'a>() -> impl Iterator<Item = &'a str> {
    TABLE.iter().map(|standard| standard.name).filter(|name| *name != VALUE)
}

/// The forms in which a helper may be called; none if there is no such helper.
pub(super) fn forms(name: &str) -> Option<Forms> {
    standard(name).map(|standard| standard.forms)
}

/// How many values a helper needs, and which of them may be missing.
pub(super) fn demands(name: &str) -> (usize, Optional) {
    standard(name).map_or((0, Optional::None), |standard| (standard.least, standard.optional))
}

/// Registers the standard helpers. They replace those of handlebars.
pub(super) fn register(registry: &mut Handlebars<'static>, open: bool) {
    for standard in &TABLE {
        if let Some(run) = standard.run {
            registry.register_helper(standard.name, Box::new(Function { standard, run, open }));
        }
    }
    blocks::register(registry, open);
}

/// A helper whose result depends only on its values.
struct Function {
    standard: &'static Standard,
    run: Run,
    open: bool,
}

impl Function {
    fn fault(&self, message: &str) -> RenderError {
        other(format!("{}: {message}", self.standard.name))
    }
}

impl HelperDef for Function {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        h: &Helper<'rc>,
        r: &'reg Handlebars<'reg>,
        ctx: &'rc Context,
        rc: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        budget::pay(h, r, ctx, rc)?;
        let optional = self.standard.optional;
        let mut values = Vec::with_capacity(h.params().len());
        for (at, param) in h.params().iter().enumerate() {
            values.push(present(param, ctx, rc, optional.covers(at), self.open)?);
        }
        for option in h.hash().values() {
            present(option, ctx, rc, false, false)?;
        }
        match (self.run)(&Call { values: &values, helper: h }) {
            // `lookup` returns null for a value that it did not find.
            Ok(Value::Null) if self.standard.name == "lookup" => Ok(ScopedJson::Missing),
            Ok(Value::String(text)) if text.len() > LONGEST => Err(self.fault(&too_long())),
            Ok(value) => Ok(ScopedJson::Derived(value)),
            Err(message) => Err(self.fault(&message)),
        }
    }

    fn call<'reg: 'rc, 'rc>(
        &self,
        h: &Helper<'rc>,
        r: &'reg Handlebars<'reg>,
        ctx: &'rc Context,
        rc: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let value = self.call_inner(h, r, ctx, rc)?;
        if h.is_block() {
            let branch = if value.as_json().is_truthy(false) { h.template() } else { h.inverse() };
            return branch.map_or(Ok(()), |branch| branch.render(r, ctx, rc, out));
        }
        if value.is_missing() {
            return Err(missing::unknown(&PathAndJson::new(None, value), ctx, rc));
        }
        let text = text::shown(value.as_json());
        let text = if rc.is_disable_escape() { text.into_owned() } else { r.get_escape_fn()(&text) };
        out.write(&text).map_err(RenderError::from)
    }
}

/// The value of a parameter; none if it is missing and may be. A path with dots that leads nowhere can be
/// the name of one field.
fn present<'a, 'rc>(
    param: &'a PathAndJson<'rc>,
    ctx: &'rc Context,
    rc: &RenderContext<'_, 'rc>,
    optional: bool,
    open: bool,
) -> Result<Option<Cow<'a, Value>>, RenderError> {
    if !param.is_value_missing() {
        return Ok(Some(Cow::Borrowed(param.value())));
    }
    if let Some(found) = missing::dotted(param, ctx, rc) {
        return Ok(Some(Cow::Owned(found)));
    }
    if optional && missing::may_be_missing(param, ctx, rc, open) {
        return Ok(None);
    }
    Err(missing::unknown(param, ctx, rc))
}

fn other(message: String) -> RenderError {
    RenderErrorReason::Other(message).into()
}
