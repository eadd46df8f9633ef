//! Checks the list of a module's actions. Menus and forms are made from it, so its texts are bounded.

use std::collections::BTreeSet;

use ::engine::model::action::{ActionSpec, Intake};
use ::engine::model::text::is_printable;
use serde_json::Value;
use values::json::{Bounds, parse};

use super::contract::wit;
use super::limits::{Limits, in_words};

const LONGEST_NAME: usize = 60;
const LONGEST_TITLE: usize = 100;
const LONGEST_SUMMARY: usize = 1000;
/// Most faults that are reported for one module.
const MOST_FAULTS: usize = 20;

/// Reads what `list` returned.
///
/// # Errors
/// Everything that is wrong with it, one sentence each.
pub(super) fn read(
    module: &str,
    listed: Vec<wit::ActionSpec>,
    limits: &Limits,
) -> Result<Vec<ActionSpec>, Vec<String>> {
    if listed.is_empty() {
        return Err(vec!["lists no actions".to_owned()]);
    }
    if listed.len() > limits.actions {
        return Err(vec![format!("lists {} actions; at most {} are allowed", listed.len(), limits.actions)]);
    }
    let (mut specs, mut faults, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (position, listed) in listed.into_iter().enumerate() {
        if !names.insert(listed.name.clone()) {
            faults.push(format!("lists two actions with the name `{}`", display_name(&listed.name)));
        }
        match read_spec(module, position, listed, limits) {
            Ok(spec) => specs.push(spec),
            Err(found) => faults.extend(found),
        }
    }
    if faults.len() > MOST_FAULTS {
        let more = faults.len() - MOST_FAULTS;
        faults.truncate(MOST_FAULTS);
        faults.push(format!("has {more} more faults in its list of actions"));
    }
    if faults.is_empty() { Ok(specs) } else { Err(faults) }
}

fn read_spec(module: &str, position: usize, spec: wit::ActionSpec, limits: &Limits) -> Result<ActionSpec, Vec<String>> {
    let mut faults = Vec::new();
    let named = format!("action `{}`", display_name(&spec.name));
    if !is_name(&spec.name) {
        faults.push(format!(
            "lists {named} (position {position}), which is not a valid name; use lower-case words joined by `.` or `-`, \
             at most {LONGEST_NAME} characters"
        ));
    }
    faults.extend(text_fault(&named, "title", &spec.title, LONGEST_TITLE));
    faults.extend(text_fault(&named, "summary", &spec.summary, LONGEST_SUMMARY));
    let parameters = read_schema(&named, &spec.parameters, limits).map_err(|fault| faults.push(fault)).ok();
    let intake = match spec.intake {
        wit::Intake::Batches => Intake::Batches,
        wit::Intake::Whole => Intake::Whole,
        wit::Intake::None => Intake::None,
    };
    match parameters {
        Some(parameters) if faults.is_empty() => Ok(ActionSpec {
            module: module.to_owned(),
            name: spec.name,
            title: spec.title,
            summary: spec.summary,
            parameters,
            intake,
        }),
        _ => Err(faults),
    }
}

/// Checks that the schema is JSON and describes an object. The engine checks whether it is a valid
/// JSON Schema.
fn read_schema(named: &str, text: &str, limits: &Limits) -> Result<Value, String> {
    if text.len() > limits.schema {
        let (size, most) = (in_words(text.len()), in_words(limits.schema));
        return Err(format!("gives {named} a schema of {size}; at most {most} are allowed"));
    }
    let schema = parse(text.as_bytes(), Bounds::default())
        .map_err(|fault| format!("gives {named} a schema that is not JSON: {fault}"))?;
    let object = match schema.get("type") {
        None => schema.is_object(),
        Some(Value::Array(types)) => types.iter().any(|kind| kind == "object"),
        Some(kind) => kind == "object",
    };
    match object {
        true => Ok(schema),
        false => {
            Err(format!("gives {named} a schema that does not describe an object; parameters are always an object"))
        }
    }
}

fn text_fault(named: &str, what: &str, text: &str, longest: usize) -> Option<String> {
    let length = text.chars().count();
    match length {
        _ if text.trim().is_empty() => Some(format!("gives {named} no {what}")),
        _ if length > longest => {
            Some(format!("gives {named} a {what} of {length} characters; at most {longest} are allowed"))
        }
        _ if text.chars().any(|letter| !is_printable(letter)) => {
            Some(format!("gives {named} a {what} with control characters"))
        }
        _ => None,
    }
}

fn is_name(name: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty() && word.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
    };
    name.len() <= LONGEST_NAME && name.split(['.', '-']).all(word)
}

/// A name in a form that a message can show: short and on one line.
fn display_name(name: &str) -> String {
    let visible = |letter: char| if letter.is_control() || !is_printable(letter) { '�' } else { letter };
    name.chars().take(LONGEST_NAME).map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(name: &str) -> wit::ActionSpec {
        let text = |text: &str| text.to_owned();
        wit::ActionSpec {
            name: text(name),
            title: text("A title"),
            summary: text("What it does."),
            parameters: text("{}"),
            intake: wit::Intake::Batches,
        }
    }

    fn faults(listed: Vec<wit::ActionSpec>) -> Vec<String> {
        read("m", listed, &Limits::default()).unwrap_err()
    }

    #[test]
    fn a_valid_list_is_read() {
        let specs = read("m", vec![action("collection.write"), action("a-2")], &Limits::default()).unwrap();
        assert_eq!(specs[0].full_name(), "m/collection.write");
    }

    #[test]
    fn names_are_checked_and_unique() {
        for name in ["", "Upper", "two words", "a..b", "-a", "ü", &"a".repeat(61), "line\nbreak"] {
            let faults = faults(vec![action(name)]);
            assert!(faults[0].contains("not a valid name") && !faults[0].contains('\n'), "{name}: {faults:?}");
        }
        assert_eq!(faults(vec![action("a"), action("a")]), ["lists two actions with the name `a`"]);
    }

    #[test]
    fn every_fault_of_every_action_is_reported_up_to_a_bound() {
        let bad =
            wit::ActionSpec { title: " ".into(), summary: "x".repeat(1001), parameters: "[]".into(), ..action("a") };
        assert_eq!(
            faults(vec![bad, wit::ActionSpec { parameters: "{\"a\": 1, \"a\": 2}".into(), ..action("b") }]),
            [
                "gives action `a` no title",
                "gives action `a` a summary of 1001 characters; at most 1000 are allowed",
                "gives action `a` a schema that does not describe an object; parameters are always an object",
                "gives action `b` a schema that is not JSON: The name \"a\" occurs twice in one object (line 1, column 12)",
            ]
        );
        let many = (0..30).map(|_| wit::ActionSpec { title: String::new(), ..action("a") }).collect();
        assert_eq!(faults(many).len(), MOST_FAULTS + 1);
    }

    #[test]
    fn the_schema_must_describe_an_object() {
        for schema in [r#"{"type": "array"}"#, r#"{"type": ["array", "null"]}"#, "true", "3"] {
            let faults = faults(vec![wit::ActionSpec { parameters: schema.into(), ..action("a") }]);
            assert!(faults[0].contains("does not describe an object"), "{schema}: {faults:?}");
        }
        let both = wit::ActionSpec { parameters: r#"{"type": ["object", "null"]}"#.into(), ..action("a") };
        assert!(read("m", vec![both], &Limits::default()).is_ok());
    }

    #[test]
    fn a_module_has_some_actions_but_not_too_many() {
        assert_eq!(faults(Vec::new()), ["lists no actions"]);
        let many = (0..201).map(|no| action(&format!("a{no}"))).collect();
        assert_eq!(faults(many), ["lists 201 actions; at most 200 are allowed"]);
        let long = wit::ActionSpec { parameters: format!("{{\"a\": \"{}\"}}", "x".repeat(300_000)), ..action("a") };
        assert_eq!(faults(vec![long]), ["gives action `a` a schema of 292 KiB; at most 256 KiB are allowed"]);
    }
}
