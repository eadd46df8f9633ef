//! What a script threw, as one sentence with the line and column of the user's text.

use std::fmt;

use ropewalk_sdk::Failure;
use rquickjs::{Ctx, Error, Object, Value};

use crate::script::NAME;

/// Where the user's text stands in the text that the engine sees.
#[derive(Clone, Copy)]
pub(crate) struct Shift {
    /// How many columns its first line was moved to the right.
    pub(crate) columns: usize,
    /// Line and column after its last letter. What lies beyond is ours.
    pub(crate) end: (usize, usize),
}

impl Shift {
    /// A text that was not moved.
    pub(crate) const NONE: Shift = Shift { columns: 0, end: (usize::MAX, 1) };
}

/// Explains an error of the engine; mostly that something was thrown.
pub(crate) fn caught(ctx: &Ctx, error: Error, shift: Shift) -> Failure {
    match error {
        Error::Exception => failure(&ctx.catch(), shift),
        other => Failure::new(format!("The script failed: {other}")),
    }
}

/// A thrown value as a failure. Where the error says `temporary`, as those of the host do,
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

/// Explains a thrown value: `TypeError: x is not a function (script line 3, column 7)`.
pub(crate) fn explain(thrown: &Value, shift: Shift) -> String {
    let Some(object) = thrown.as_object() else {
        return format!("The script threw {}", plain(thrown));
    };
    // A predicate failed: which record it was asked about is told too.
    if let (Ok(record), Ok(inner)) = (object.get::<_, u32>("record"), object.get::<_, Value>("thrown")) {
        return format!("{}, at the record at position {record}", explain(&inner, shift));
    }
    let field = |name: &str| object.get::<_, Option<String>>(name).ok().flatten();
    if let Some(ours) = field("fault") {
        return ours;
    }
    let message = field("message").unwrap_or_default();
    let name = field("name").unwrap_or_else(|| "The script threw an object".to_owned());
    let place = field("stack").and_then(|stack| place(&stack, shift));
    let said = match (&place, message.as_str()) {
        (Some(Place::Beyond(..)), _) if name == "SyntaxError" => {
            format!("{name}: the script ends where more was expected")
        }
        (_, "") => name,
        (_, message) => format!("{name}: {message}"),
    };
    let place = place.map_or_else(String::new, |place| place.to_string());
    format!("{}{place}{}", one_line(&said), cure(&said))
}

/// A thrown text or number; it brings no place with it.
fn plain(thrown: &Value) -> String {
    match thrown.as_string().and_then(|text| text.to_string().ok()) {
        Some(text) => one_line(&text),
        None if thrown.is_undefined() => "undefined".to_owned(),
        None if thrown.is_null() => "null".to_owned(),
        None => thrown.as_number().map_or_else(|| thrown.type_name().to_owned(), |n| n.to_string()),
    }
}

/// A place in the user's text.
enum Place {
    Within(usize, usize),
    /// It lies in what was put behind the text, so this is its end.
    Beyond(usize, usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Place::Within(line, column) | Place::Beyond(line, column)) = self;
        write!(f, " (script line {line}, column {column})")
    }
}

/// The innermost frame that lies in the user's script.
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

/// Line breaks would tear the sentence apart in a log or a table.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cure(said: &str) -> &'static str {
    if said.starts_with("InternalError: out of memory") {
        return ". The script needs more memory than a line may use: work on fewer records";
    }
    if said.contains("stack size exceeded") {
        return ". A function calls itself too deep";
    }
    ""
}
