//! Helpers for texts, lists and default values.

use std::borrow::Cow;

use serde_json::Value;

use super::{Call, LONGEST, too_long};

/// The text of a value: a string itself, an empty text for null, and JSON for every other value.
pub(super) fn shown(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

pub(super) fn value(call: &Call) -> Result<Value, String> {
    Ok(call.value(0).clone())
}

/// The first value, or the second if the first is missing or null.
pub(super) fn default(call: &Call) -> Result<Value, String> {
    let fallback = if call.value(0).is_null() { 1 } else { 0 };
    Ok(call.value(fallback).clone())
}

pub(super) fn json(call: &Call) -> Result<Value, String> {
    let pretty = call.option("pretty") == Some(&Value::Bool(true));
    let text = if pretty { format!("{:#}", call.value(0)) } else { call.value(0).to_string() };
    Ok(text.into())
}

pub(super) fn upper(call: &Call) -> Result<Value, String> {
    text(call, |text| text.to_uppercase())
}

pub(super) fn lower(call: &Call) -> Result<Value, String> {
    text(call, |text| text.to_lowercase())
}

pub(super) fn trim(call: &Call) -> Result<Value, String> {
    text(call, |text| text.trim().to_owned())
}

fn text(call: &Call, change: fn(&str) -> String) -> Result<Value, String> {
    match call.value(0) {
        Value::Null => Ok(Value::Null),
        Value::Array(_) | Value::Object(_) => Err("a list or an object is not a text".to_owned()),
        value => Ok(change(&shown(value)).into()),
    }
}

/// `{{join tags ", "}}`.
pub(super) fn join(call: &Call) -> Result<Value, String> {
    let list = match call.value(0) {
        Value::Null => return Ok(Value::Null),
        Value::Array(list) => list,
        _ => return Err("the value to join is not a list".to_owned()),
    };
    let separator = if call.values.len() > 1 { shown(call.value(1)) } else { Cow::Borrowed(", ") };
    let mut joined = String::new();
    for (at, value) in list.iter().enumerate() {
        if at > 0 {
            joined.push_str(&separator);
        }
        joined.push_str(&shown(value));
        fits(&joined)?;
    }
    Ok(joined.into())
}

pub(super) fn concat(call: &Call) -> Result<Value, String> {
    let mut joined = String::new();
    for at in 0..call.values.len() {
        joined.push_str(&shown(call.value(at)));
        fits(&joined)?;
    }
    Ok(joined.into())
}

/// `{{replace code "-" ""}}`.
pub(super) fn replace(call: &Call) -> Result<Value, String> {
    let (within, old, new) = (shown(call.value(0)), shown(call.value(1)), shown(call.value(2)));
    if old.is_empty() {
        return Err("the text to replace is empty".to_owned());
    }
    if within.len() / old.len() * new.len() > LONGEST {
        return Err(too_long());
    }
    Ok(within.replace(&*old, &new).into())
}

fn fits(text: &str) -> Result<(), String> {
    if text.len() > LONGEST { Err(too_long()) } else { Ok(()) }
}

/// The number of characters of a text, elements of a list, or fields of an object.
pub(super) fn length(call: &Call) -> Result<Value, String> {
    match call.value(0) {
        Value::String(text) => Ok(text.chars().count().into()),
        Value::Array(list) => Ok(list.len().into()),
        Value::Object(fields) => Ok(fields.len().into()),
        Value::Null => Ok(0.into()),
        _ => Err("a number or a boolean has no length".to_owned()),
    }
}

/// `{{lookup prices sku}}`: the value in an object or a list; null if there is none, which then counts as
/// missing.
pub(super) fn lookup(call: &Call) -> Result<Value, String> {
    let found = match (call.value(0), call.value(1)) {
        (Value::Object(fields), key) => fields.get(&*shown(key)),
        (Value::Array(list), Value::Number(at)) => at.as_u64().and_then(|at| list.get(at as usize)),
        (Value::Array(list), Value::String(at)) => at.parse::<usize>().ok().and_then(|at| list.get(at)),
        _ => return Err("needs a list or an object, and then a position or a name".to_owned()),
    };
    Ok(found.cloned().unwrap_or(Value::Null))
}
