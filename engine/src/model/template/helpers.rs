//! The helpers that exist only in the engine's templates.

use chrono_tz::Tz;
use handlebars::{Handlebars, Helper, HelperDef, RenderContext, RenderError, RenderErrorReason, ScopedJson};
use serde_json::Value;
use values::template::{Context, Templates};

use crate::model::dates;

/// The standard templates, with `shift` for offsets such as `today+7d`, and `brace` for a brace
/// directly before a placeholder.
pub fn templates() -> Templates {
    Templates::plain().with_helper("shift", Box::new(Shift)).with_helper("brace", Box::new(Brace))
}

struct Shift;

impl HelperDef for Shift {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let text = |index: usize| helper.param(index).map_or(&Value::Null, |param| param.value());
        if text(0).is_null() {
            return Ok(Value::Null.into());
        }
        let [date, offset] = [0, 1].map(|index| text(index).as_str().unwrap_or_default());
        let zone = context.data().get("timeZone").and_then(Value::as_str);
        let zone: Tz = zone.and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC);
        let shifted = match text(2).as_str() {
            Some(boundary) => dates::shift_to_boundary(date, offset, boundary, zone),
            None => dates::shift(date, offset, zone),
        };
        let shifted = shifted.map_err(RenderErrorReason::Other)?;
        Ok(Value::String(shifted).into())
    }
}

struct Brace;

impl HelperDef for Brace {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        _: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        Ok(Value::String("{".to_owned()).into())
    }
}
