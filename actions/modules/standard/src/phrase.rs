//! Words for messages.

use ropewalk_sdk::{Context, Failure, Value};
use serde_json::Map;
use values::order::Key;

pub(crate) use words::{counted, records, template};

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
