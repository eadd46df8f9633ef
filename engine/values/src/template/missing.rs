//! Variables that are not found. Such a variable can be a field whose name has dots, it can be optional,
//! or it is an error that names the nearest known variable.

use handlebars::{Context, PathAndJson, RenderContext, RenderError, RenderErrorReason, ScopedJson};
use serde_json::Value;

use super::variables::{Reference, spelling};
use crate::nearest;
use crate::path::Path;

/// Names that an error lists if none is near.
const LISTED: usize = 12;

/// The value of a field whose name has dots: `c.name` is the field `c.name` if `c` has no field `name`.
/// Paths find fields in the same way.
pub(super) fn dotted<'rc>(param: &PathAndJson<'rc>, ctx: &'rc Context, rc: &RenderContext<'_, 'rc>) -> Option<Value> {
    let path = Reference::parse(param.relative_path()?);
    // The first name may be declared by a block.
    [1, 0].into_iter().filter(|parts| path.len() > parts + 1).find_map(|parts| {
        let outer = path.within(parts, ctx, rc)?;
        Path::parse(&path.rest(parts)).ok()?.of(outer.as_json()).cloned()
    })
}

/// Whether a value may be missing in a helper that allows it: only the last part of its path may be
/// missing, and not a variable of the data, unless `open` says that the data is a record.
pub(super) fn may_be_missing<'rc>(
    param: &PathAndJson<'rc>,
    ctx: &'rc Context,
    rc: &RenderContext<'_, 'rc>,
    open: bool,
) -> bool {
    // Without a path, it is a value that `lookup` did not find.
    let Some(raw) = param.relative_path() else {
        return true;
    };
    let path = Reference::parse(raw);
    match path.within(path.len().saturating_sub(1), ctx, rc) {
        None | Some(ScopedJson::Missing) => false,
        Some(ScopedJson::Context(_, parent)) => open || path.len() > 1 || !parent.is_empty(),
        Some(_) => true,
    }
}

/// The error for a missing variable, with the nearest known name.
pub(super) fn unknown<'rc>(param: &PathAndJson<'rc>, ctx: &'rc Context, rc: &RenderContext<'_, 'rc>) -> RenderError {
    let message = match param.relative_path() {
        Some(raw) => format!("{}{}", no_variable(raw), hint(raw, ctx, rc)),
        None => "The lookup found nothing; give a default with (default (lookup …) …)".to_owned(),
    };
    RenderErrorReason::Other(message).into()
}

/// The message for a missing variable, without a hint.
pub(super) fn no_variable(name: &str) -> String {
    format!("There is no variable `{name}`")
}

/// Suggests a name for the first part of the path that is missing, from the object where it was searched.
fn hint<'rc>(raw: &str, ctx: &'rc Context, rc: &RenderContext<'_, 'rc>) -> String {
    let path = Reference::parse(raw);
    let found = (0..path.len()).rev().find_map(|at| match path.within(at, ctx, rc)? {
        ScopedJson::Missing => None,
        found => Some((at, found)),
    });
    let Some((at, Value::Object(parent))) = found.as_ref().map(|(at, found)| (at, found.as_json())) else {
        return String::new();
    };
    let known = parent.keys().map(String::as_str);
    let name = path.name(*at);
    let near = nearest(&path.rest(*at), known.clone()).or_else(|| nearest(name, known.clone()));
    // Without brackets, a name with spaces ends at the first space.
    let near =
        near.or_else(|| known.clone().find(|known| known.strip_prefix(name).is_some_and(|rest| rest.starts_with(' '))));
    match near {
        Some(near) => format!("; did you mean `{}`?", path.written(*at, near)),
        None if parent.is_empty() || parent.len() > LISTED => String::new(),
        None => format!("; the known names are {}", known.map(spelling).collect::<Vec<_>>().join(", ")),
    }
}

impl Reference {
    /// The value at the path of the first `parts` names.
    fn within<'rc>(&self, parts: usize, ctx: &'rc Context, rc: &RenderContext<'_, 'rc>) -> Option<ScopedJson<'rc>> {
        rc.evaluate(ctx, &self.to(parts)).ok()
    }
}
