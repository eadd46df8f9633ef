//! Words for messages.

use ropewalk_sdk::{Context, Failure, Value};
use serde_json::Map;
use values::Fault;
use values::order::Key;
use values::template::Text;

/// `1 record`, `318 records`.
pub(crate) fn records(count: usize) -> String {
    counted(count, "record")
}

/// `1 byte`, `12 bytes`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// `rating, descending`; `rating (descending), then title`.
pub(crate) fn order(keys: &[Key]) -> String {
    if let [key] = keys {
        return format!("{}, {}", key.path, direction(key));
    }
    let parts = keys.iter().map(|key| match key.descending {
        true => format!("{} (descending)", key.path),
        false => key.path.to_string(),
    });
    parts.collect::<Vec<_>>().join(", then ")
}

/// A template over records. Placeholders are the engine's, which leaves this text alone,
/// so one that strayed in here is told instead of written out.
pub(crate) fn template(source: &str) -> Result<Text, Fault> {
    let begins_name = |rest: &str| rest.chars().next().is_some_and(char::is_alphabetic);
    let stray =
        ["$<", "${"].into_iter().find(|open| source.match_indices(open).any(|(at, _)| begins_name(&source[at + 2..])));
    match stray {
        Some(open) => {
            let close = if open == "$<" { '>' } else { '}' };
            Err(Fault::new(format!(
                "this text is a handlebars template, where {open}…{close} means nothing; write {{{{…}}}}"
            )))
        }
        None => Text::parse(source),
    }
}

fn direction(key: &Key) -> &'static str {
    if key.descending { "descending" } else { "ascending" }
}

/// The keys of `["-rating", "title"]`.
pub(crate) fn keys(by: &[String]) -> Result<Vec<Key>, Failure> {
    let key =
        |(at, text): (usize, &String)| Key::parse(text).map_err(|fault| Failure::new(format!("by[{at}]: {fault}")));
    by.iter().enumerate().map(key).collect()
}

/// The schema of a list of keys.
pub(crate) fn keys_schema() -> Value {
    ropewalk_sdk::json!({
        "type": "array",
        "title": "By",
        "description": "Fields, the most important first. A minus before a field sorts it descending. Numbers sort before dates, dates before texts; what is missing or null comes last.",
        "items": { "type": "string", "minLength": 1 },
        "minItems": 1,
        "examples": [["-rating", "title"]]
    })
}

/// What templates about the whole set may name, beside the records: the dates, `args`,
/// `since`, `now` and `organization`.
pub(crate) fn known(context: &Context) -> Map<String, Value> {
    let mut known = context.dates.clone();
    known.insert("now".to_owned(), context.now.clone().into());
    known.insert("since".to_owned(), context.since.clone().into());
    known.insert("args".to_owned(), Value::Object(context.arguments.clone()));
    known.insert("organization".to_owned(), context.organization.clone().into());
    known
}
