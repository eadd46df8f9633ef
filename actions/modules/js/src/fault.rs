//! Describes what a script threw in one sentence, with the line and column in the user's script.

use std::fmt;

use ropewalk_sdk::Failure;
use rquickjs::{Ctx, Error, Object, Value};

use crate::script::NAME;

/// Where the user's script is in the source that the engine gets.
#[derive(Clone, Copy)]
pub(crate) struct Shift {
    /// How many columns the first line was moved to the right.
    pub(crate) columns: usize,
    /// Line and column after the last character of the script. What follows was added by this module.
    pub(crate) end: (usize, usize),
}

impl Shift {
    /// A script that was not moved.
    pub(crate) const NONE: Shift = Shift { columns: 0, end: (usize::MAX, 1) };
}

/// The failure for an error of the engine, which is usually that the script threw something.
pub(crate) fn caught(ctx: &Ctx, error: Error, shift: Shift) -> Failure {
    match error {
        Error::Exception => failure(&ctx.catch(), shift),
        other => Failure::new(format!("The script failed: {other}")),
    }
}

/// The failure for a thrown value. If the error has `temporary: true`, as those of the host can have,
/// another attempt may help, after `retryAfter` seconds.
fn failure(thrown: &Value, shift: Shift) -> Failure {
    let message = explain(thrown, shift);
    let inner = thrown.as_object().map(|object| object.get::<_, Object>("thrown"));
    let inner = inner.and_then(Result::ok);
    let Some(error) = inner.as_ref().or(thrown.as_object()) else { return Failure::new(message) };
    match error.get("temporary") {
        Ok(true) => Failure::temporary(message, error.get("retryAfter").ok().map(|seconds: f64| seconds.ceil() as u32)),
        _ => Failure::new(message),
    }
}

/// Describes a thrown value: `TypeError: x is not a function (script line 3, column 7)`.
pub(crate) fn explain(thrown: &Value, shift: Shift) -> String {
    let Some(object) = thrown.as_object() else {
        return format!("The script threw {}", plain(thrown));
    };
    // A predicate failed, so the message includes the position of the record.
    if let (Ok(record), Ok(inner)) = (object.get::<_, u32>("record"), object.get::<_, Value>("thrown")) {
        return format!("{}, for the record at position {record}", explain(&inner, shift));
    }
    let field = |name: &str| object.get::<_, Option<String>>(name).ok().flatten();
    if let Some(message) = field("fault") {
        return message;
    }
    let message = field("message").unwrap_or_default();
    let name = field("name").unwrap_or_else(|| "The script threw an object".to_owned());
    let place = field("stack").and_then(|stack| place(&stack, shift));
    let text = match (&place, message.as_str()) {
        (Some(Place::Beyond(..)), _) if name == "SyntaxError" => {
            format!("{name}: the script ends too early")
        }
        (_, "") => name,
        (_, message) => format!("{name}: {message}"),
    };
    let place = place.map_or_else(String::new, |place| place.to_string());
    format!("{}{place}{}", one_line(&text), cure(&text))
}

/// A thrown text or number, which has no place.
fn plain(thrown: &Value) -> String {
    match thrown.as_string().and_then(|text| text.to_string().ok()) {
        Some(text) => one_line(&text),
        None if thrown.is_undefined() => "undefined".to_owned(),
        None if thrown.is_null() => "null".to_owned(),
        None => thrown.as_number().map_or_else(|| thrown.type_name().to_owned(), |n| n.to_string()),
    }
}

/// A place in the user's script.
enum Place {
    Within(usize, usize),
    /// The place is after the script, in what was added to it, so this is the end of the script.
    Beyond(usize, usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Place::Within(line, column) | Place::Beyond(line, column)) = self;
        write!(f, " (script line {line}, column {column})")
    }
}

/// The innermost frame in the user's script.
fn place(stack: &str, shift: Shift) -> Option<Place> {
    let after = stack.match_indices(NAME).map(|(at, name)| &stack[at + name.len()..]);
    let (line, column) = after.filter_map(numbers).next()?;
    let column = if line == 1 { column.saturating_sub(shift.columns).max(1) } else { column };
    let (last, end) = shift.end;
    Some(if line > last { Place::Beyond(last, end) } else { Place::Within(line, column) })
}

/// Reads `:3:15`.
fn numbers(text: &str) -> Option<(usize, usize)> {
    let mut parts = text.strip_prefix(':')?.split(|letter: char| !letter.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Replaces line breaks, which would break the sentence up in a log or a table.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cure(text: &str) -> &'static str {
    if text.starts_with("InternalError: out of memory") {
        return ". The script needs more memory than a line may use: process fewer records";
    }
    if text.contains("stack size exceeded") {
        return ". A function calls itself too deeply";
    }
    ""
}
