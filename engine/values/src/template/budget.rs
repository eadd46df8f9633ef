//! How much work filling one template may be.
//!
//! Three `each` inside each other over 200 records are eight million steps from eighty
//! bytes. So every step and every call is paid for from one budget. Helpers belong to
//! the registry, which all renderings share; the only thing of a single rendering that
//! they can reach is its render context, and so the budget rides there as a helper
//! that no template can name.

use std::sync::atomic::{AtomicU64, Ordering};

use handlebars::{Context, Handlebars, Helper, HelperDef, RenderContext, RenderError};
use handlebars::{RenderErrorReason, ScopedJson};
use serde_json::Value;

/// Steps of `each`.
pub(super) const STEPS: u64 = 1_000_000;
/// Expressions filled, and calls weighed by what they are given.
const WORK: u64 = 20_000_000;
/// A name with a blank in it cannot be written in a template.
const NAME: &str = "the budget";

/// Helpers that do not go through what they are given.
const LIGHT: [&str; 6] = ["lookup", "length", "len", "and", "or", "not"];

struct Budget {
    steps: AtomicU64,
    work: AtomicU64,
}

/// Gives a rendering its budget.
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
            format!("The template repeats more than {STEPS} times: use fewer records or fewer each inside each other")
        }
        false => "The template is too much work: use fewer records or fewer expressions".to_owned(),
    }
}

/// How large a value is, in the unit that filling one expression costs.
fn weight(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.len() as u64 / 64,
        Value::Array(list) => list.iter().map(|value| 1 + weight(value)).sum(),
        Value::Object(fields) => fields.values().map(|value| 1 + weight(value)).sum(),
        _ => 0,
    }
}
