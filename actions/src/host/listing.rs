//! What a module says of its actions, held to its bounds: a menu is made of it.

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
/// Faults that are told of one module: enough to mend it, and no book.
const TOLD: usize = 20;

/// Reads what `list` answered.
///
/// # Errors
/// Everything that is wrong with it, one sentence each.
pub(super) fn read(
    module: &str,
    listed: Vec<wit::ActionSpec>,
    limits: &Limits,
) -> Result<Vec<ActionSpec>, Vec<String>> {
    if listed.is_empty() {
        return Err(vec!["lists no action".to_owned()]);
    }
    if listed.len() > limits.actions {
        return Err(vec![format!("lists {} actions; at most {} are allowed", listed.len(), limits.actions)]);
    }
    let (mut specs, mut faults, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (position, listed) in listed.into_iter().enumerate() {
        if !names.insert(listed.name.clone()) {
            faults.push(format!("lists two actions of the name `{}`", shown(&listed.name)));
        }
        match spec(module, position, listed, limits) {
            Ok(spec) => specs.push(spec),
            Err(found) => faults.extend(found),
        }
    }
    if faults.len() > TOLD {
        let more = faults.len() - TOLD;
        faults.truncate(TOLD);
        faults.push(format!("has {more} more faults like these"));
    }
    if faults.is_empty() { Ok(specs) } else { Err(faults) }
}

fn spec(module: &str, position: usize, spec: wit::ActionSpec, limits: &Limits) -> Result<ActionSpec, Vec<String>> {
    let mut faults = Vec::new();
    let named = format!("action `{}`", shown(&spec.name));
    if !is_name(&spec.name) {
        faults.push(format!(
            "lists {named} (position {position}), which cannot be a name; write lower-case words joined by `.` or `-`, \
             at most {LONGEST_NAME} characters"
        ));
    }
    faults.extend(text_fault(&named, "title", &spec.title, LONGEST_TITLE));
    faults.extend(text_fault(&named, "summary", &spec.summary, LONGEST_SUMMARY));
    let parameters = schema(&named, &spec.parameters, limits).map_err(|fault| faults.push(fault)).ok();
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

/// Whether it is JSON and an object; whether it is a JSON Schema is for the engine to say.
fn schema(named: &str, text: &str, limits: &Limits) -> Result<Value, String> {
    if text.len() > limits.schema {
        let (is, most) = (in_words(text.len()), in_words(limits.schema));
        return Err(format!("gives {named} a schema of {is}; at most {most} are allowed"));
    }
    let schema = parse(text.as_bytes(), Bounds::default())
        .map_err(|fault| format!("gives {named} a schema that is not JSON: {fault}"))?;
    let object = match schema.get("type") {
        None => schema.is_object(),
        Some(Value::Array(types)) => types.iter().any(|one| one == "object"),
        Some(one) => one == "object",
    };
    match object {
        true => Ok(schema),
        false => Err(format!("gives {named} a schema that is not that of an object: parameters always are one")),
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

/// A name as a fault may show it: short, and on one line.
fn shown(name: &str) -> String {
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
    fn what_is_well_said_is_taken() {
        let specs = read("m", vec![action("collection.write"), action("a-2")], &Limits::default()).unwrap();
        assert_eq!(specs[0].full_name(), "m/collection.write");
    }

    #[test]
    fn names_are_checked_and_stand_once() {
        for name in ["", "Upper", "two words", "a..b", "-a", "ü", &"a".repeat(61), "line\nbreak"] {
            let faults = faults(vec![action(name)]);
            assert!(faults[0].contains("cannot be a name") && !faults[0].contains('\n'), "{name}: {faults:?}");
        }
        assert_eq!(faults(vec![action("a"), action("a")]), ["lists two actions of the name `a`"]);
    }

    #[test]
    fn every_fault_of_every_action_is_told_until_it_is_a_book() {
        let bad =
            wit::ActionSpec { title: " ".into(), summary: "x".repeat(1001), parameters: "[]".into(), ..action("a") };
        assert_eq!(
            faults(vec![bad, wit::ActionSpec { parameters: "{\"a\": 1, \"a\": 2}".into(), ..action("b") }]),
            [
                "gives action `a` no title",
                "gives action `a` a summary of 1001 characters; at most 1000 are allowed",
                "gives action `a` a schema that is not that of an object: parameters always are one",
                "gives action `b` a schema that is not JSON: The name \"a\" stands twice in one object (line 1, column 12)",
            ]
        );
        let many = (0..30).map(|_| wit::ActionSpec { title: String::new(), ..action("a") }).collect();
        assert_eq!(faults(many).len(), TOLD + 1);
    }

    #[test]
    fn the_schema_is_that_of_an_object() {
        for schema in [r#"{"type": "array"}"#, r#"{"type": ["array", "null"]}"#, "true", "3"] {
            let faults = faults(vec![wit::ActionSpec { parameters: schema.into(), ..action("a") }]);
            assert!(faults[0].contains("not that of an object"), "{schema}: {faults:?}");
        }
        let both = wit::ActionSpec { parameters: r#"{"type": ["object", "null"]}"#.into(), ..action("a") };
        assert!(read("m", vec![both], &Limits::default()).is_ok());
    }

    #[test]
    fn there_are_neither_none_nor_too_many() {
        assert_eq!(faults(Vec::new()), ["lists no action"]);
        let many = (0..201).map(|no| action(&format!("a{no}"))).collect();
        assert_eq!(faults(many), ["lists 201 actions; at most 200 are allowed"]);
        let long = wit::ActionSpec { parameters: format!("{{\"a\": \"{}\"}}", "x".repeat(300_000)), ..action("a") };
        assert_eq!(faults(vec![long]), ["gives action `a` a schema of 292 KiB; at most 256 KiB are allowed"]);
    }
}
