//! Limits the work of rendering one template.
//!
//! Three nested `each` over 200 records are eight million steps from eighty bytes. Therefore every step
//! and every call is paid from one budget. All renderings share the registry of helpers, and the render
//! context is the only state of a single rendering that helpers can use. So the budget is registered
//! there, as a helper whose name no template can contain.

use std::sync::atomic::{AtomicU64, Ordering};

use handlebars::{Context, Handlebars, Helper, HelperDef, RenderContext, RenderError};
use handlebars::{RenderErrorReason, ScopedJson};
use serde_json::Value;

/// Steps of `each`.
pub(super) const STEPS: u64 = 1_000_000;
/// Rendered expressions, and calls weighted by the size of their values.
const WORK: u64 = 20_000_000;
/// The name of the helper. A template cannot contain a name with a space.
const NAME: &str = "the budget";

/// Helpers whose time does not depend on the size of their values.
const LIGHT: [&str; 6] = ["lookup", "length", "len", "and", "or", "not"];

struct Budget {
    steps: AtomicU64,
    work: AtomicU64,
}

/// Gives a budget to a rendering.
pub(super) fn provide(rc: &mut RenderContext) {
    let budget = Budget { steps: AtomicU64::new(0), work: AtomicU64::new(0) };
    rc.register_local_helper(NAME, Box::new(budget));
}

/// Pays for one call of a helper, or for one step of an `each`.
pub(super) fn pay<'reg: 'rc, 'rc>(
    h: &Helper<'rc>,
    r: &'reg Handlebars<'reg>,
    ctx: &'rc Context,
    rc: &mut RenderContext<'reg, 'rc>,
) -> Result<(), RenderError> {
    match rc.get_local_helper(NAME) {
        Some(budget) => budget.call_inner(h, r, ctx, rc).map(drop),
        None => Ok(()),
    }
}

impl HelperDef for Budget {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        h: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let step = u64::from(h.name() == "each");
        let work = match h.template() {
            Some(body) => body.elements.len() as u64 + 1,
            None if LIGHT.contains(&h.name()) => 1,
            None => 1 + h.params().iter().map(|param| weight(param.value())).sum::<u64>(),
        };
        let steps = self.steps.fetch_add(step, Ordering::Relaxed);
        let work = self.work.fetch_add(work, Ordering::Relaxed);
        if steps >= STEPS || work >= WORK {
            return Err(RenderErrorReason::Other(exhausted(steps >= STEPS)).into());
        }
        Ok(ScopedJson::Derived(Value::Null))
    }
}

fn exhausted(steps: bool) -> String {
    match steps {
        true => {
            format!("The template repeats more than {STEPS} times; use fewer records or fewer nested {{{{#each}}}}")
        }
        false => "The template takes too much work to render; use fewer records or fewer expressions".to_owned(),
    }
}

/// The size of a value, measured by the cost of rendering one expression.
fn weight(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.len() as u64 / 64,
        Value::Array(list) => list.iter().map(|value| 1 + weight(value)).sum(),
        Value::Object(fields) => fields.values().map(|value| 1 + weight(value)).sum(),
        _ => 0,
    }
}
