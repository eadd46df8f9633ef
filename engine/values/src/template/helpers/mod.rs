//! The standard helpers: one table, and the one way in which a plain one is called.

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
/// A pattern that a helper writes by.
fn pattern<'a>(call: &'a Call, example: &str) -> Result<&'a str, String> {
    let pattern = call.value(1).as_str().ok_or_else(|| format!("the pattern is not a text: write \"{example}\""))?;
    match pattern.len() {
        length if length > MAX_PATTERN_BYTES => {
            Err(format!("the pattern has {length} bytes; at most {MAX_PATTERN_BYTES} are allowed"))
        }
        _ => Ok(pattern),
    }
}

/// Longest text that one call may make, in bytes, whatever the limit of the whole.
const LONGEST: usize = 16 << 20;

/// Where a tag stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `{{name …}}` or `(name …)`.
    Inline,
    /// `{{#name …}}`.
    Block,
}

impl Place {
    pub(super) fn refusal(self, name: &str) -> String {
        match self {
            Place::Inline => {
                format!("The helper \"{name}\" is a block: write {{{{#{name} …}}}}…{{{{/{name}}}}}")
            }
            Place::Block => format!("The helper \"{name}\" is not a block: write {{{{{name} …}}}}"),
        }
    }
}

/// Where a helper may stand.
#[derive(Clone, Copy)]
pub(super) enum Places {
    Inline,
    Block,
    Both,
}

impl Places {
    pub(super) fn allow(self, place: Place) -> bool {
        match self {
            Places::Both => true,
            Places::Inline => place == Place::Inline,
            Places::Block => place == Place::Block,
        }
    }
}

/// Which values a helper can do without.
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

/// What a plain helper is given. A value that is missing, and may be, is `None`.
struct Call<'a> {
    values: &'a [Option<Cow<'a, Value>>],
    helper: &'a Helper<'a>,
}

impl Call<'_> {
    /// The value at a position, null when it was not given or may be missing and is.
    fn value(&self, at: usize) -> &Value {
        self.values.get(at).and_then(Option::as_deref).unwrap_or(&Value::Null)
    }

    fn option(&self, name: &str) -> Option<&Value> {
        self.helper.hash_get(name).map(PathAndJson::value)
    }
}

type Run = fn(&Call) -> Result<Value, String>;

/// A helper of the table.
struct Standard {
    name: &'static str,
    places: Places,
    least: usize,
    optional: Optional,
    /// None for the blocks, which are not functions of their values.
    run: Option<Run>,
}

const fn inline(name: &'static str, least: usize, run: Run) -> Standard {
    Standard { name, places: Places::Inline, least, optional: Optional::None, run: Some(run) }
}

const fn condition(name: &'static str, least: usize, optional: Optional, run: Run) -> Standard {
    Standard { name, places: Places::Both, least, optional, run: Some(run) }
}

const fn block(name: &'static str, optional: Optional) -> Standard {
    Standard { name, places: Places::Block, least: 1, optional, run: None }
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

/// Where the helper may stand; none if there is no such helper.
pub(super) fn place(name: &str) -> Option<Places> {
    standard(name).map(|standard| standard.places)
}

/// How many values the helper needs, and which may be missing.
pub(super) fn demands(name: &str) -> (usize, Optional) {
    standard(name).map_or((0, Optional::None), |standard| (standard.least, standard.optional))
}

/// Puts the standard helpers in place of those that handlebars brings.
pub(super) fn register(registry: &mut Handlebars<'static>, open: bool) {
    for standard in &TABLE {
        if let Some(run) = standard.run {
            registry.register_helper(standard.name, Box::new(Function { standard, run, open }));
        }
    }
    blocks::register(registry, open);
}

/// A helper whose value follows from what it is given.
struct Function {
    standard: &'static Standard,
    run: Run,
    open: bool,
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
            // Only `lookup` answers null for what is not there; see `text::lookup`.
            Ok(Value::Null) if self.standard.name == "lookup" => Ok(ScopedJson::Missing),
            Ok(value) => bounded(value),
            Err(message) => Err(other(format!("{}: {message}", self.standard.name))),
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

/// The value, or none where it is missing and may be. A name with dots that leads nowhere may
/// be the name of one field, as in paths.
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
    if optional && missing::is_forgiven(param, ctx, rc, open) {
        return Ok(None);
    }
    Err(missing::unknown(param, ctx, rc))
}

fn bounded<'rc>(value: Value) -> Result<ScopedJson<'rc>, RenderError> {
    match &value {
        Value::String(text) if text.len() > LONGEST => {
            Err(other(format!("A helper made a text of more than {} MiB", LONGEST >> 20)))
        }
        _ => Ok(ScopedJson::Derived(value)),
    }
}

fn other(message: String) -> RenderError {
    RenderErrorReason::Other(message).into()
}
