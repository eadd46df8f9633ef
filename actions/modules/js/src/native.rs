//! The functions of the host for the prelude. They return objects; an object with `error` says why
//! the call failed.

use std::time::Duration;

use ropewalk_sdk::collections::{self, Change};
use ropewalk_sdk::log::{self, Level};
use ropewalk_sdk::{Record, Records, http, jobs};
use rquickjs::function::Func;
use rquickjs::{Ctx, Object, Result, TypedArray};

use crate::scan::holds_long_digits;
use crate::stack;

/// The functions, with the names that the prelude uses.
pub(crate) fn calls<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    native.set("write", Func::from(write))?;
    native.set("narrow", Func::from(stack::narrow))?;
    native.set("encode", Func::from(encode))?;
    native.set("decode", Func::from(decode))?;
    native.set("send", Func::from(send))?;
    native.set("get", Func::from(get))?;
    native.set("page", Func::from(page))?;
    native.set("change", Func::from(change))?;
    native.set("start", Func::from(start))?;
    Ok(native)
}

fn write(level: String, message: String) {
    let level = match level.as_str() {
        "debug" => Level::Debug,
        "warn" => Level::Warn,
        "error" => Level::Error,
        _ => Level::Info,
    };
    log::write(level, &message);
}

fn encode<'js>(ctx: Ctx<'js>, text: String) -> Result<TypedArray<'js, u8>> {
    TypedArray::new(ctx, text)
}

/// `None` if the bytes must be UTF-8 and are not.
fn decode(bytes: TypedArray<'_, u8>, fatal: bool) -> Option<String> {
    let bytes = copy_bytes(&bytes);
    match fatal {
        true => String::from_utf8(bytes).ok(),
        false => Some(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// The bytes of an array, which are empty if its buffer was detached.
fn copy_bytes(bytes: &TypedArray<'_, u8>) -> Vec<u8> {
    // SAFETY: no script runs while they are copied, so nothing can move or free them.
    unsafe { bytes.as_bytes() }.unwrap_or_default().to_vec()
}

/// `headers` contains names and values alternately.
fn send<'js>(
    ctx: Ctx<'js>,
    method: String,
    url: String,
    headers: Vec<String>,
    body: Option<TypedArray<'js, u8>>,
    timeout: Option<f64>,
) -> Result<Object<'js>> {
    let mut request = http::Request::new(method, url);
    request.headers = headers.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    request.body = body.as_ref().map(copy_bytes);
    request.timeout = timeout.map(|milliseconds| Duration::from_millis(milliseconds as u64));
    match request.send() {
        Ok(response) => {
            let answer = Object::new(ctx.clone())?;
            answer.set("status", response.status)?;
            let reason = http::reason(response.status);
            answer.set("statusText", reason.split_once(' ').map_or("", |(_, name)| name))?;
            answer.set("url", response.url)?;
            let pairs = response.headers.into_iter().flat_map(|(name, value)| [name, value]);
            answer.set("headers", pairs.collect::<Vec<String>>())?;
            answer.set("body", TypedArray::<u8>::new(ctx, response.body)?)?;
            Ok(answer)
        }
        Err(error) => {
            let code = match error {
                http::Error::Denied(_) => "denied",
                http::Error::Invalid(_) => "invalid",
                http::Error::Unreachable(_) => "unreachable",
                http::Error::TimedOut(_) => "timed-out",
                http::Error::Limit(_) => "limit",
            };
            error_object(ctx, code, &error.to_string(), error.is_temporary())
        }
    }
}

fn get<'js>(ctx: Ctx<'js>, collection: String, keys: Vec<String>) -> Result<Object<'js>> {
    match collections::get(&collection, &keys) {
        Ok(found) => {
            let answer = Object::new(ctx)?;
            answer.set("long", found.iter().flatten().any(|record| holds_long_digits(record.text())))?;
            let texts = found.iter().map(|record| record.as_ref().map(Record::text));
            answer.set("texts", texts.collect::<Vec<Option<&str>>>())?;
            Ok(answer)
        }
        Err(error) => collection_error(ctx, &error),
    }
}

fn page<'js>(
    ctx: Ctx<'js>,
    collection: String,
    criteria: String,
    after: Option<String>,
    limit: u32,
) -> Result<Object<'js>> {
    match collections::page(&collection, &criteria, after.as_deref(), limit) {
        Ok(page) => {
            let answer = Object::new(ctx)?;
            let entries = &page.entries;
            answer.set("long", entries.iter().any(|entry| holds_long_digits(entry.data.text())))?;
            answer.set("keys", entries.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>())?;
            answer.set("texts", entries.iter().map(|entry| entry.data.text()).collect::<Vec<_>>())?;
            answer.set("next", page.next)?;
            Ok(answer)
        }
        Err(error) => collection_error(ctx, &error),
    }
}

/// Each change is a mode, a key and the text of a record, which only `delete` does not need.
fn change<'js>(
    ctx: Ctx<'js>,
    collection: String,
    modes: Vec<String>,
    keys: Vec<String>,
    texts: Vec<String>,
) -> Result<Object<'js>> {
    let changes = modes.iter().zip(keys).zip(texts).map(|((mode, key), text)| match mode.as_str() {
        "insert" => Change::insert(key, Record::from_text(text)),
        "upsert" => Change::upsert(key, Record::from_text(text)),
        _ => Change::Delete(key),
    });
    match collections::write(&collection, &changes.collect::<Vec<_>>()) {
        Ok(written) => {
            let answer = Object::new(ctx)?;
            answer.set("inserted", written.inserted)?;
            answer.set("updated", written.updated)?;
            answer.set("deleted", written.deleted)?;
            answer.set("unchanged", written.unchanged)?;
            answer.set("indexes", written.refused.iter().map(|refused| refused.index).collect::<Vec<_>>())?;
            answer.set("reasons", written.refused.into_iter().map(|refused| refused.reason).collect::<Vec<_>>())?;
            Ok(answer)
        }
        Err(error) => collection_error(ctx, &error),
    }
}

fn start<'js>(
    ctx: Ctx<'js>,
    job: String,
    arguments: String,
    records: Option<String>,
    title: Option<String>,
) -> Result<Object<'js>> {
    // The prelude wrote this text itself, from an object.
    let arguments = serde_json::from_str(&arguments).unwrap_or_default();
    let start = jobs::Start { job, arguments, records: records.map(Records::from_text), title };
    match start.now() {
        Ok(id) => {
            let answer = Object::new(ctx)?;
            answer.set("id", id)?;
            Ok(answer)
        }
        Err(error) => {
            let code = match error {
                jobs::Error::Denied(_) => "denied",
                jobs::Error::Invalid(_) => "invalid",
                jobs::Error::Unavailable(_) => "unavailable",
            };
            error_object(ctx, code, &error.to_string(), error.is_temporary())
        }
    }
}

fn collection_error<'js>(ctx: Ctx<'js>, error: &collections::Error) -> Result<Object<'js>> {
    let code = match error {
        collections::Error::Denied(_) => "denied",
        collections::Error::Invalid(_) => "invalid",
        collections::Error::Unavailable(_) => "unavailable",
    };
    error_object(ctx, code, &error.to_string(), error.is_temporary())
}

fn error_object<'js>(ctx: Ctx<'js>, code: &str, message: &str, temporary: bool) -> Result<Object<'js>> {
    let answer = Object::new(ctx)?;
    answer.set("error", message)?;
    answer.set("code", code)?;
    answer.set("temporary", temporary)?;
    Ok(answer)
}
