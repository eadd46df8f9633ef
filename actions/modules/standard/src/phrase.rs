//! Parameters and messages that several actions share.

use ropewalk_sdk::{Context, Failure, Value, json};
use serde::{Deserialize, Deserializer};
use serde_json::Map;
use values::order::Key;
use values::path::Path;

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

/// The paths of the fields in the parameter `name`.
pub(crate) fn paths(name: &str, fields: &[String]) -> Result<Vec<Path>, Failure> {
    let path = |(at, text): (usize, &String)| {
        Path::parse(text).map_err(|fault| Failure::new(format!("{name}[{at}]: {fault}")))
    };
    fields.iter().enumerate().map(path).collect()
}

/// Reads a list of names, or a single name.
pub(crate) fn names<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Names {
        Many(Vec<String>),
        One(String),
    }
    Ok(match Names::deserialize(source)? {
        Names::Many(names) => names,
        Names::One(name) => vec![name],
    })
}

/// The schema of what [`names`] reads, where the names are fields of the records. `field` is
/// `true`, or `"order"` if a minus before the field is allowed; `least` is the least number of
/// names.
pub(crate) fn names_schema(title: &str, description: &str, field: &Value, least: usize, example: Value) -> Value {
    let name = json!({ "type": "string", "minLength": 1, "field": field });
    json!({
        "title": title,
        "description": description,
        "anyOf": [{ "type": "array", "items": name.clone(), "minItems": least }, name],
        "examples": [example]
    })
}

/// The schema of the keys that records are sorted by.
pub(crate) fn keys_schema() -> Value {
    let description = "Fields, the most important first; a single field needs no list. A minus before a field sorts it in descending order. Numbers sort before dates, dates before texts; missing and null values come last.";
    names_schema("By", description, &json!("order"), 1, json!(["-rating", "title"]))
}

/// The variables of templates about the whole set, in addition to the records: the dates, `args`,
/// `since`, `now` and `organization`.
pub(crate) fn known(context: &Context) -> Map<String, Value> {
    let mut known = context.dates.clone();
    known.insert("now".to_owned(), context.now.clone().into());
    known.insert("since".to_owned(), context.since.clone().into());
    known.insert("args".to_owned(), Value::Object(context.arguments.clone()));
    known.insert("organization".to_owned(), context.organization.clone().into());
    known
}
