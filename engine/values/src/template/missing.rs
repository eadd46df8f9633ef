//! What is said, and what is forgiven, when a variable is not there.

use handlebars::{Context, PathAndJson, RenderContext, RenderError, RenderErrorReason, ScopedJson};
use serde_json::Value;

use super::variables::Reference;
use crate::nearest;

/// Most names that an error lists when none is near.
const LISTED: usize = 12;

/// Whether a helper that can do without it may go on: the last part of the path is
/// missing, but what it should be in is there. A name that nothing knows is an error
/// even then, unless `open` says that the data is a record, where any field may be absent.
pub(super) fn is_forgiven<'rc>(
    param: &PathAndJson<'rc>,
    ctx: &'rc Context,
    rc: &RenderContext<'_, 'rc>,
    open: bool,
) -> bool {
    // A missing value without a path is what `lookup` did not find.
    let Some(raw) = param.relative_path() else {
        return true;
    };
    let path = Reference::read(raw);
    match path.within(path.len().saturating_sub(1), ctx, rc) {
        None | Some(ScopedJson::Missing) => false,
        Some(ScopedJson::Context(_, way)) => open || path.len() > 1 || !way.is_empty(),
        Some(_) => true,
    }
}

/// The error for a variable that is not there: its path, and the nearest known name.
pub(super) fn unknown<'rc>(param: &PathAndJson<'rc>, ctx: &'rc Context, rc: &RenderContext<'_, 'rc>) -> RenderError {
    let message = match param.relative_path() {
        Some(raw) => format!("Unknown variable \"{raw}\"{}", hint(raw, ctx, rc)),
        None => "The lookup found nothing: give a fallback with (default (lookup …) …)".to_owned(),
    };
    RenderErrorReason::Other(message).into()
}

/// Looks for the first part that fails, among the names that stand beside it.
fn hint<'rc>(raw: &str, ctx: &'rc Context, rc: &RenderContext<'_, 'rc>) -> String {
    let path = Reference::read(raw);
    let found = (0..path.len()).rev().find_map(|at| match path.within(at, ctx, rc)? {
        ScopedJson::Missing => None,
        found => Some((at, found)),
    });
    let Some((at, Value::Object(beside))) = found.as_ref().map(|(at, found)| (at, found.as_json())) else {
        return String::new();
    };
    let known = beside.keys().map(String::as_str);
    match nearest(path.name(*at), known.clone()) {
        Some(near) => format!(": did you mean \"{}\"?", path.written(*at, near)),
        None if beside.is_empty() || beside.len() > LISTED => String::new(),
        None => format!("; known are {}", known.collect::<Vec<_>>().join(", ")),
    }
}

impl Reference {
    /// The value that the first `parts` names lead to.
    fn within<'rc>(&self, parts: usize, ctx: &'rc Context, rc: &RenderContext<'_, 'rc>) -> Option<ScopedJson<'rc>> {
        rc.evaluate(ctx, &self.to(parts)).ok()
    }
}
