//! What a script threw, as one sentence with the line and column of the user's text.

use rquickjs::{Ctx, Error, Value};

use crate::script::NAME;

/// How many columns the first line of the user's text was moved to the right.
#[derive(Clone, Copy)]
pub(crate) struct Shift(pub(crate) usize);

/// Explains an error of the engine; mostly that something was thrown.
pub(crate) fn caught(ctx: &Ctx, error: Error, shift: Shift) -> String {
    match error {
        Error::Exception => explain(&ctx.catch(), shift),
        other => format!("The script failed: {other}"),
    }
}

/// Explains a thrown value: `TypeError: x is not a function (script line 3, column 7)`.
pub(crate) fn explain(thrown: &Value, shift: Shift) -> String {
    let Some(object) = thrown.as_object() else {
        return format!("The script threw {}", plain(thrown));
    };
    let field = |name: &str| object.get::<_, Option<String>>(name).ok().flatten();
    if let Some(ours) = field("fault") {
        return ours;
    }
    let message = field("message").unwrap_or_default();
    let name = field("name").unwrap_or_else(|| "The script threw an object".to_owned());
    let place = field("stack").and_then(|stack| place(&stack, shift)).unwrap_or_default();
    let said = if message.is_empty() { name } else { format!("{name}: {message}") };
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

/// The innermost frame that lies in the user's script.
fn place(stack: &str, shift: Shift) -> Option<String> {
    let after = stack.match_indices(NAME).map(|(at, name)| &stack[at + name.len()..]);
    let (line, column) = after.filter_map(numbers).next()?;
    let column = if line == 1 { column.saturating_sub(shift.0).max(1) } else { column };
    Some(format!(" (script line {line}, column {column})"))
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
