//! Helpers that compare values and combine conditions, with the same meaning as in criteria.

use std::cmp::Ordering;

use handlebars::JsonTruthy;
use serde_json::Value;

use super::Call;
use crate::order;

pub(super) fn eq(call: &Call) -> Result<Value, String> {
    Ok(order::equal(call.value(0), call.value(1)).into())
}

pub(super) fn ne(call: &Call) -> Result<Value, String> {
    Ok((!order::equal(call.value(0), call.value(1))).into())
}

pub(super) fn gt(call: &Call) -> Result<Value, String> {
    ordered(call, |order| order == Ordering::Greater)
}

pub(super) fn gte(call: &Call) -> Result<Value, String> {
    ordered(call, |order| order != Ordering::Less)
}

pub(super) fn lt(call: &Call) -> Result<Value, String> {
    ordered(call, |order| order == Ordering::Less)
}

pub(super) fn lte(call: &Call) -> Result<Value, String> {
    ordered(call, |order| order != Ordering::Greater)
}

/// False for values that have no order.
fn ordered(call: &Call, holds: fn(Ordering) -> bool) -> Result<Value, String> {
    Ok(order::compare(call.value(0), call.value(1)).is_some_and(holds).into())
}

pub(super) fn and(call: &Call) -> Result<Value, String> {
    Ok((0..call.values.len()).all(|at| truth(call, at)).into())
}

pub(super) fn or(call: &Call) -> Result<Value, String> {
    Ok((0..call.values.len()).any(|at| truth(call, at)).into())
}

pub(super) fn not(call: &Call) -> Result<Value, String> {
    Ok((!truth(call, 0)).into())
}

fn truth(call: &Call, at: usize) -> bool {
    call.value(at).is_truthy(false)
}
