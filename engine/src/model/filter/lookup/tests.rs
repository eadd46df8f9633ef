use chrono_tz::Tz;
use serde_json::{Value, json};

use super::*;
use crate::model::fault::Fault;
use crate::model::filter::{Filter, lines_named};
use crate::model::source::LineRef;

fn filter(lookup: Value) -> Result<Filter, Vec<String>> {
    Filter::read(&json!({"lookup": {"customer": lookup}}), "f", Tz::UTC)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

#[test]
fn a_lookup_says_where_it_looks_and_what_it_joins() {
    let read = filter(json!({"line": "customers", "on": "c.id", "key": "id", "fields": ["name"], "missing": "drop"}));
    let [lookup] = read.as_ref().unwrap().lookups() else { panic!("one lookup") };
    assert_eq!(lookup.source, Source::Line(LineRef::Name("customers".to_owned())));
    assert_eq!((lookup.name.as_str(), lookup.missing), ("customer", Missing::Drop));
    assert_eq!(lookup.wanted(&json!({"c": {"id": 7}})), Key::from_value(&json!(7.0)));
    assert_eq!(lookup.key_of(None, &json!({"id": 7})), Key::from_value(&json!(7)));
    assert_eq!(lookup.joined(json!({"id": 7, "name": "Ada"})), json!({"name": "Ada"}));
}

#[test]
fn without_key_the_key_of_the_collection_is_meant() {
    let read = filter(json!({"collection": "customers", "on": "c"}));
    let [lookup] = read.as_ref().unwrap().lookups() else { panic!("one lookup") };
    assert_eq!(lookup.wanted(&json!({"c": 7})), lookup.key_of(Some("7"), &json!({"c": "not this"})));
    assert_eq!((lookup.joined(json!({"a": 1})), lookup.missing), (json!({"a": 1}), Missing::Keep));
}

#[test]
fn what_a_lookup_cannot_do_is_refused_with_the_cure() {
    for (lookup, expected) in [
        (json!({"on": "c"}), "f.lookup.customer: does not say where to look; write `collection`, `file` or `line`"),
        (
            json!({"on": "c", "collection": "a", "line": "b"}),
            "f.lookup.customer: names more than one place to look; keep one of `collection`, `file` and `line`",
        ),
        (
            json!({"on": "c", "line": "b"}),
            "f.lookup.customer.key: is missing; name the field that holds the key in the line",
        ),
        (json!({"on": "a..b", "collection": "a"}), "f.lookup.customer.on: "),
        (json!({"on": "a", "collection": "a", "fields": ["a..b"]}), "f.lookup.customer.fields[0]: "),
        (
            json!({"on": "a", "collection": "Not This"}),
            "f.lookup.customer.collection: `Not This` cannot be the name of a collection",
        ),
        (json!({"on": "a", "collection": "a", "missing": "skip"}), "f.lookup.customer.missing: "),
        (json!({"collection": "a"}), "f.lookup.customer: `on` is missing"),
    ] {
        let faults = filter(lookup.clone()).map(drop).unwrap_err();
        assert_eq!(faults.len(), 1, "{lookup}: {faults:?}");
        assert!(faults[0].starts_with(expected), "{lookup}: {faults:?}");
    }
    let dotted = json!({"lookup": {"a.b": {"collection": "a", "on": "c"}}});
    assert!(Filter::read(&dotted, "f", Tz::UTC).unwrap_err()[0].message.contains("cannot be the name of a field"));
}

#[test]
fn placeholders_may_stand_anywhere_but_in_the_name_of_a_line() {
    let lookup = |more: Value| {
        let mut lookup = json!({"on": "$<args.on>", "key": "$<args.key>", "fields": ["$<args.field>"]});
        lookup.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"lookup": {"customer": lookup}})
    };
    for fine in [json!({"file": "$<args.file>"}), json!({"collection": "$<args.name>"}), json!({"line": "a"})] {
        assert_eq!(Filter::check(&lookup(fine.clone()), "f"), [], "{fine}");
    }
    let faults = Filter::check(&lookup(json!({"line": "$<args.line>"})), "f");
    assert_eq!(faults, [Fault::at("f.lookup.customer.line", BY_PLACEHOLDER)]);
    let faults = Filter::check(&json!({"source": {"line": "$<args.line>"}}), "f");
    assert_eq!(faults, [Fault::at("f.source", BY_PLACEHOLDER)]);
}

const BY_PLACEHOLDER: &str = "the name of a line must not be a placeholder; write the name itself";

#[test]
fn a_definition_tells_which_lines_it_reads() {
    let definition = json!({
        "source": {"line": 10},
        "lookup": {"a": {"line": "b", "on": "x", "key": "y"}, "c": {"collection": "d", "on": "x"}},
        "where": {"line": "not this"},
    });
    let named = lines_named(&definition, "f");
    let expected = [
        ("f.source.line".to_owned(), LineRef::Number(10)),
        ("f.lookup.a.line".to_owned(), LineRef::Name("b".to_owned())),
    ];
    assert_eq!(named, expected);
    assert_eq!(lines_named(&json!({"source": {"file": "a.csv"}}), "f"), []);
}

#[test]
fn a_limit_does_not_suffice_where_a_lookup_may_drop_records() {
    let definition = json!({"limit": 5, "lookup": {"a": {"collection": "b", "on": "c", "missing": "drop"}}});
    assert_eq!(Filter::read(&definition, "f", Tz::UTC).unwrap().stop_after(), None);
}

#[test]
fn criteria_before_lookups_say_nothing_of_what_is_joined() {
    let definition = json!({
        "where": {"open": true, "customer.country": "ES", "or": [{"customer": null}, {"n": 1}]},
        "lookup": {"customer": {"collection": "b", "on": "c"}},
    });
    let filter = Filter::read(&definition, "f", Tz::UTC).unwrap();
    let before = filter.criteria_before_lookups();
    assert!(before.matches(&json!({"open": true})) && !before.matches(&json!({"open": false})));
}
