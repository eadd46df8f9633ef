//! What happens when a variable is not found: it may be a field whose name has dots, it may
//! be optional, or it is an error that names the nearest known variable.

use handlebars::{Context, PathAndJson, RenderContext, RenderError, RenderErrorReason, ScopedJson};
use serde_json::Value;

use super::variables::{Reference, spelling};
use crate::nearest;
use crate::path::Path;

/// Most names that an error lists when none is near.
const LISTED: usize = 12;

/// The value of a field whose name has dots: `c.name` is the field `c.name` where `c` has no
/// `name`. Paths find fields in the same way.
pub(super) fn dotted<'rc>(param: &PathAndJson<'rc>, ctx: &'rc Context, rc: &RenderContext<'_, 'rc>) -> Option<Value> {
    let path = Reference::read(param.relative_path()?);
    // The first name may be one that a block gives to its item.
    [1, 0].into_iter().filter(|parts| path.len() > parts + 1).find_map(|parts| {
        let outer = path.within(parts, ctx, rc)?;
        Path::parse(&path.rest(parts)).ok()?.of(outer.as_json()).cloned()
    })
}

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
        None => "The lookup found nothing: give a default with (default (lookup …) …)".to_owned(),
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
    let name = path.name(*at);
    let near = nearest(&path.rest(*at), known.clone()).or_else(|| nearest(name, known.clone()));
    // Without brackets a name with spaces is read only up to the first of them.
    let near =
        near.or_else(|| known.clone().find(|known| known.strip_prefix(name).is_some_and(|rest| rest.starts_with(' '))));
    match near {
        Some(near) => format!(": did you mean \"{}\"?", path.written(*at, near)),
        None if beside.is_empty() || beside.len() > LISTED => String::new(),
        None => format!("; the known names are {}", known.map(spelling).collect::<Vec<_>>().join(", ")),
    }
}

impl Reference {
    /// The value that the first `parts` names lead to.
    fn within<'rc>(&self, parts: usize, ctx: &'rc Context, rc: &RenderContext<'_, 'rc>) -> Option<ScopedJson<'rc>> {
        rc.evaluate(ctx, &self.to(parts)).ok()
    }
}
