//! `docs/guide/reference.md` is what the schemas of the program say. `UPDATE_REFERENCE=1` writes it.

use std::fs;

use serde_json::{Map, Value, json};

use crate::served::Server;
use crate::support::{folder, root, run};

const PAGE: &str = "docs/guide/reference.md";

const INTRODUCTION: &str = "# Reference

Every field of a job file, and every parameter of the bundled actions. A test writes this page from the JSON Schemas of the
program: change the descriptions there, and run `UPDATE_REFERENCE=1 cargo test reference`. The schemas themselves are
printed by `ropewalk schema job` and given by the query `actions`.

A name such as `a.b` is the field `b` of the object `a`; `NAME` is a name of your own, and `[]` each element of a list. A
*placeholder* is a text such as `$<today>` ([Templates](templates.md)). The operators of `where` and `when` are in
[Filters](filters.md#criteria).
";

/// The title of each section, and the definition in the schema of job files that it shows; the first is the job itself.
const SECTIONS: [(&str, &str); 13] = [
    ("Job", ""),
    ("Line", "line"),
    ("Filter", "filter"),
    ("Source", "source"),
    ("File", "file"),
    ("Collection", "collection"),
    ("Result", "result"),
    ("Type", "fieldType"),
    ("Lookup", "lookup"),
    ("Filter template", "filterTemplate"),
    ("Schedule", "schedule"),
    ("Retry", "retry"),
    ("Notification", "notify"),
];

#[test]
fn the_reference_is_what_the_schemas_say() {
    let job = run(&["schema", "job"]).json();
    let folder = folder();
    let server = Server::start(folder.path());
    let asked = server.ask(server.token(), "{ actions { name summary parameters } }", json!({}));
    let text = page(&job, asked["actions"].as_array().expect("actions"));
    let path = root().join(PAGE);
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(&path, &text).expect("the page");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let differing = text.lines().zip(written.lines()).find(|(new, old)| new != old);
    assert!(text == written, "{PAGE} is not up to date: run UPDATE_REFERENCE=1 cargo test reference\n{differing:#?}");
}

#[test]
fn every_definition_of_a_job_file_has_a_section() {
    let job = run(&["schema", "job"]).json();
    for (name, definition) in job["$defs"].as_object().expect("definitions") {
        let shown = name == "job" || SECTIONS.iter().any(|(_, section)| section == name);
        assert!(shown || properties(definition).is_none(), "`{name}` has no section in the reference");
    }
}

fn page(job: &Value, actions: &[Value]) -> String {
    let mut text = INTRODUCTION.to_owned();
    // A file that holds several jobs requires other fields.
    let mut alone = job.clone();
    alone["required"] = job["$defs"]["job"]["required"].clone();
    for (title, name) in SECTIONS {
        let schema = if name.is_empty() { &alone } else { &job["$defs"][name] };
        text += &format!("\n## {title}\n\n{}\n\n", escaped(word(schema, "description")));
        if let Some(words) = schema.pointer("/then/enum") {
            text += &format!("The words are {}.\n\n", codes(words));
        }
        text += &table(job, schema);
    }
    text += "\n## Actions\n";
    for action in actions {
        let parameters = &action["parameters"];
        let (name, summary) = (word(action, "name"), escaped(word(action, "summary")));
        text += &format!("\n### {name}\n\n{summary}\n\n{}", table(parameters, parameters));
        let others = escaped(word(&parameters["additionalProperties"], "description"));
        if !others.is_empty() {
            text += &format!("\n{others}\n");
        }
    }
    text
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    let own = schema.get("properties").or_else(|| schema.get("else")?.get("properties"));
    own.and_then(Value::as_object)
}

fn table(root: &Value, schema: &Value) -> String {
    let mut rows = Vec::new();
    add_rows(root, schema, "", &mut rows);
    if rows.is_empty() {
        return "It has no parameters.\n".to_owned();
    }
    format!("| field | type | required | default | meaning |\n|---|---|---|---|---|\n{}", rows.concat())
}

/// A row for each field, and for the fields of each that is an object itself.
fn add_rows(root: &Value, schema: &Value, prefix: &str, rows: &mut Vec<String>) {
    let required = |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|one| one == name));
    for (name, field) in properties(schema).into_iter().flatten() {
        if field["deprecated"] == json!(true) {
            continue;
        }
        let about = |what: &str| annotation(root, field, what);
        let described = about("description").or_else(|| about("title")).and_then(Value::as_str).unwrap_or_default();
        let mut meaning = escaped(described);
        if !meaning.is_empty() && !meaning.ends_with(['.', '!', '?']) {
            meaning.push('.');
        }
        if let Some(example) = about("examples").and_then(|examples| examples.get(0)) {
            meaning += &format!(" For example {}.", code(example));
        }
        let cells = [
            format!("`{prefix}{name}`"),
            kind(root, field),
            if required(name) { "yes".to_owned() } else { String::new() },
            about("default").map(code).unwrap_or_default(),
            meaning,
        ];
        rows.push(format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|").replace('\n', " ")).join(" | ")));
        for (inner, place) in objects(field, &format!("{prefix}{name}")) {
            add_rows(root, inner, &format!("{place}."), rows);
        }
    }
}

/// The objects that a field can be, where they have no section of their own, and what their fields are called below.
fn objects<'a>(field: &'a Value, name: &str) -> Vec<(&'a Value, String)> {
    let mut found = Vec::new();
    if field.get("properties").is_some() {
        found.push((field, name.to_owned()));
    }
    if field["additionalProperties"].get("properties").is_some() {
        found.push((&field["additionalProperties"], format!("{name}.NAME")));
    }
    for alternative in alternatives(field).filter(|one| one.get("properties").is_some()) {
        found.push((alternative, name.to_owned()));
    }
    if let Some(items) = field.get("items") {
        found.extend(objects(items, &format!("{name}[]")));
    }
    found
}

fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    ["anyOf", "oneOf"].into_iter().filter_map(|name| schema.get(name)?.as_array()).flatten()
}

/// What a field says of itself, or else the definition that it refers to.
fn annotation<'a>(root: &'a Value, field: &'a Value, what: &str) -> Option<&'a Value> {
    field.get(what).or_else(|| annotation(root, referred(root, field)?, what))
}

fn referred<'a>(root: &'a Value, schema: &Value) -> Option<&'a Value> {
    root.pointer(schema.get("$ref")?.as_str()?.strip_prefix('#')?)
}

/// Text in which `<` does not begin a tag.
fn escaped(text: &str) -> String {
    text.replace('<', "\\<")
}

/// A value as code.
fn code(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("`{}`", text.replace('\n', "\\n").replace('\t', "\\t"))
}

fn codes(values: &Value) -> String {
    values.as_array().into_iter().flatten().map(code).collect::<Vec<_>>().join(", ")
}

/// What a value can be, in a few words.
fn kind(root: &Value, schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.strip_prefix("#/$defs/").unwrap_or_default();
        let name = if name == "job" { "" } else { name };
        return match SECTIONS.iter().find(|(_, section)| *section == name) {
            Some((title, _)) => format!("[{0}](#{1})", title.to_lowercase(), title.to_lowercase().replace(' ', "-")),
            None if name == "placeholder" => "placeholder".to_owned(),
            None => referred(root, schema).map(|schema| kind(root, schema)).unwrap_or_default(),
        };
    }
    if schema.get("enum").is_some() {
        return codes(&schema["enum"]);
    }
    if let Some(only) = schema.get("const") {
        return code(only);
    }
    let kinds: Vec<_> = alternatives(schema).map(|one| kind(root, one)).collect();
    if !kinds.is_empty() {
        return kinds.join(" or ");
    }
    match &schema["type"] {
        Value::String(name) => of_type(root, schema, name),
        Value::Array(names) => {
            let names = names.iter().filter_map(Value::as_str);
            names.map(|name| of_type(root, schema, name)).collect::<Vec<_>>().join(" or ")
        }
        _ if schema.get("properties").is_some() => "object".to_owned(),
        _ => "anything".to_owned(),
    }
}

fn of_type(root: &Value, schema: &Value, name: &str) -> String {
    let fields = &schema["additionalProperties"];
    match name {
        "string" => "text".to_owned(),
        "integer" | "number" => match (schema.get("minimum"), schema.get("maximum")) {
            (Some(least), Some(most)) => format!("{name}, {least} to {most}"),
            (Some(least), None) => format!("{name}, at least {least}"),
            _ => name.to_owned(),
        },
        "array" if schema.get("items").is_some() => format!("list of {}", kind(root, &schema["items"])),
        "array" => "list".to_owned(),
        "object" if fields.is_object() && fields.get("properties").is_none() => {
            format!("object of {}", kind(root, fields))
        }
        _ => name.to_owned(),
    }
}
