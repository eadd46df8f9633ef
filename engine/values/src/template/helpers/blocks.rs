//! The helpers that are blocks: `if`, `unless`, `each` and `with`.

use handlebars::{BlockContext, BlockParams, Context, Handlebars, Helper, HelperDef, HelperResult};
use handlebars::{JsonTruthy, Output, PathAndJson, RenderContext, RenderError, Renderable};
use serde_json::Value;

use super::{budget, other, present};

pub(super) fn register(registry: &mut Handlebars<'static>, open: bool) {
    registry.register_helper("if", Box::new(If { when: true, open }));
    registry.register_helper("unless", Box::new(If { when: false, open }));
    registry.register_helper("each", Box::new(Each));
    registry.register_helper("with", Box::new(With));
}

struct If {
    when: bool,
    open: bool,
}

impl HelperDef for If {
    fn call<'reg: 'rc, 'rc>(
        &self,
        h: &Helper<'rc>,
        r: &'reg Handlebars<'reg>,
        ctx: &'rc Context,
        rc: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        budget::pay(h, r, ctx, rc)?;
        let zero = h.hash_get("includeZero").is_some_and(|flag| flag.value() == &Value::Bool(true));
        let value = present(first(h)?, ctx, rc, true, self.open)?;
        let truth = value.is_some_and(|value| value.is_truthy(zero));
        let branch = if truth == self.when { h.template() } else { h.inverse() };
        branch.map_or(Ok(()), |branch| branch.render(r, ctx, rc, out))
    }
}

struct With;

impl HelperDef for With {
    fn call<'reg: 'rc, 'rc>(
        &self,
        h: &Helper<'rc>,
        r: &'reg Handlebars<'reg>,
        ctx: &'rc Context,
        rc: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        budget::pay(h, r, ctx, rc)?;
        let param = first(h)?;
        let value = present(param, ctx, rc, false, false)?;
        let Some(value) = value.filter(|value| value.is_truthy(true)) else {
            return h.inverse().map_or(Ok(()), |inverse| inverse.render(r, ctx, rc, out));
        };
        let mut block = block_at(param, &value);
        if let Some(outer) = rc.block() {
            block.local_variables_mut().clone_from(outer.local_variables());
        }
        name(&mut block, h, param.context_path().is_some(), &value, &Value::Null)?;
        rc.push_block(block);
        h.template().map_or(Ok(()), |body| body.render(r, ctx, rc, out))?;
        rc.pop_block();
        Ok(())
    }
}

struct Each;

impl HelperDef for Each {
    fn call<'reg: 'rc, 'rc>(
        &self,
        h: &Helper<'rc>,
        r: &'reg Handlebars<'reg>,
        ctx: &'rc Context,
        rc: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let param = first(h)?;
        let value = present(param, ctx, rc, false, false)?;
        let items: Items = match value.as_deref() {
            Some(Value::Array(list)) => Box::new(list.iter().map(|item| (None, item))),
            Some(Value::Object(fields)) => Box::new(fields.iter().map(|(key, item)| (Some(key), item))),
            Some(Value::Null) | None => Box::new(std::iter::empty()),
            Some(_) => {
                return Err(other("each: the value is neither a list nor an object".to_owned()));
            }
        };
        let Some(body) = h.template() else {
            return Ok(());
        };
        let count = items.len();
        if count == 0 {
            return h.inverse().map_or(Ok(()), |inverse| inverse.render(r, ctx, rc, out));
        }
        for (index, (key, item)) in items.enumerate() {
            budget::pay(h, r, ctx, rc)?;
            rc.push_block(step(h, param, index, count, key, item)?);
            body.render(r, ctx, rc, out)?;
            rc.pop_block();
        }
        Ok(())
    }
}

type Items<'a> = Box<dyn ExactSizeIterator<Item = (Option<&'a String>, &'a Value)> + 'a>;

/// The scope of one item.
fn step<'rc>(
    h: &Helper<'rc>,
    param: &PathAndJson<'rc>,
    index: usize,
    count: usize,
    key: Option<&String>,
    item: &Value,
) -> Result<BlockContext<'rc>, RenderError> {
    let mut block = BlockContext::new();
    let position = Value::from(index);
    let key = key.map(|key| Value::from(key.as_str()));
    block.set_local_var("first", (index == 0).into());
    block.set_local_var("last", (index + 1 == count).into());
    if let Some(key) = &key {
        block.set_local_var("key", key.clone());
    }
    let segment = key.as_ref().and_then(Value::as_str).map_or_else(|| index.to_string(), str::to_owned);
    match param.context_path() {
        Some(path) => *block.base_path_mut() = path.iter().cloned().chain([segment]).collect(),
        None => block.set_base_value(item.clone()),
    }
    name(&mut block, h, param.context_path().is_some(), item, key.as_ref().unwrap_or(&position))?;
    block.set_local_var("index", position);
    Ok(block)
}

/// Gives the item and its key the names after `as`.
fn name<'rc>(
    block: &mut BlockContext<'rc>,
    h: &Helper<'rc>,
    by_path: bool,
    item: &Value,
    key: &Value,
) -> Result<(), RenderError> {
    let (item_name, key_name) = match (h.block_param(), h.block_param_pair()) {
        (Some(item), _) => (item, None),
        (None, Some((item, key))) => (item, Some(key)),
        (None, None) => return Ok(()),
    };
    let mut names = BlockParams::new();
    if by_path {
        names.add_path(item_name, Vec::new())?;
    } else {
        names.add_value(item_name, item.clone())?;
    }
    if let Some(key_name) = key_name {
        names.add_value(key_name, key.clone())?;
    }
    block.set_block_params(names);
    Ok(())
}

/// The scope of a block whose names begin at the value.
fn block_at<'rc>(param: &PathAndJson<'rc>, value: &Value) -> BlockContext<'rc> {
    let mut block = BlockContext::new();
    match param.context_path() {
        Some(path) => block.base_path_mut().clone_from(path),
        None => block.set_base_value(value.clone()),
    }
    block
}

fn first<'a, 'rc>(h: &'a Helper<'rc>) -> Result<&'a PathAndJson<'rc>, RenderError> {
    h.param(0).ok_or_else(|| other(format!("{}: needs a value", h.name())))
}
