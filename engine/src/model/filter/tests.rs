use serde_json::json;

use super::*;

#[test]
fn a_rendered_definition_is_checked_again() {
    let faults =
        Filter::read(&json!({"limit": "five", "where": {"a": {"in": 1}}}), "lines[0].filter", Tz::UTC).unwrap_err();
    assert_eq!(faults[0].to_string(), "lines[0].filter.limit: \"five\" is not an integer");
    let faults = Filter::read(&json!({"where": {"a": {"in": 1}}, "orderBy": ["a..b"]}), "f", Tz::UTC).unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(Filter::read(&json!({"distinct": []}), "f", Tz::UTC).is_err());
}

#[test]
fn a_limit_suffices_unless_every_record_has_to_be_seen() {
    for (definition, expected) in [
        (json!({"limit": 5}), Some(5)),
        (json!({"limit": 5, "offset": 2, "select": ["a"], "where": {"a": 1}}), Some(7)),
        (json!({"offset": 2}), None),
        (json!({"limit": 5, "orderBy": "a"}), None),
        (json!({"limit": 5, "distinct": true}), None),
        (json!({"limit": 5, "script": "r => r.a"}), None),
        (json!({"limit": 5, "distinct": false}), Some(5)),
    ] {
        assert_eq!(Filter::read(&definition, "f", Tz::UTC).unwrap().stop_after(), expected, "{definition}");
    }
}

#[test]
fn types_are_checked_even_where_the_source_holds_placeholders() {
    let source = json!({"file": "$<args.file>", "types": {"due": {"date": "%d/%Q"}}});
    let faults = Filter::check(&json!({"source": source}), "f");
    assert!(faults.len() == 1 && faults[0].path == "f.source.types.due", "{faults:?}");
    let source = json!({"inline": [], "types": {"a": "nmber", "b": {"dates": "%d/%m/%Y"}}});
    let faults = Filter::read(&json!({"source": source}), "f", Tz::UTC).unwrap_err();
    let messages: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert!(
        messages.iter().any(|fault| fault.starts_with("f.source.types.a: \"nmber\" is not one of \"number\"")),
        "{messages:?}"
    );
    assert!(
        messages.contains(&"f.source.types.b.dates: there is no field `dates` here; did you mean `date`?".to_owned()),
        "{messages:?}"
    );
}

#[test]
fn every_part_that_relies_on_a_field_names_it() {
    let definition = json!({
        "where": {"a": {"gt": {"field": "b"}}, "c": {"exists": true}},
        "orderBy": ["-d", "a"], "distinct": ["e.f"], "select": {"shown": "g"},
    });
    let fields = Filter::read(&definition, "f", Tz::UTC).unwrap().fields();
    let fields: Vec<_> = fields.iter().map(Path::as_str).collect();
    assert_eq!(fields, ["a", "b", "d", "a", "e.f", "g"]);
    assert!(Filter::read(&json!({"distinct": true}), "f", Tz::UTC).unwrap().fields().is_empty());
}

#[test]
fn forms_of_other_tools_are_refused_before_anything_runs() {
    let cases = [
        (json!({"orderBy": "n desc"}), "f.orderBy: \"n desc\" is not a key to sort by; write \"-n\""),
        (json!({"orderBy": ["a", "n ASC"]}), "f.orderBy[1]: \"n ASC\" is not a key to sort by; write \"n\""),
        (json!({"orderBy": "-n, c"}), "f.orderBy: \"-n, c\" is one text; write a list, [\"-n\",\"c\"]"),
        (json!({"where": {"$or": [{"a": 1}]}}), "f.where.$or: `$or` is not known here; write `or`"),
        (json!({"where": {"n": {"$gt": 5}}}), "f.where.n.$gt: `$gt` is not known here; write `gt`"),
        (
            json!({"where": {"n": ">5"}}),
            "f.where.n: \">5\" is a text here; write {gt: 5}, or {eq: \">5\"} for the text",
        ),
        (
            json!({"where": {"b": "yes"}}),
            "f.where.b: \"yes\" is a text here; write true, or {eq: \"yes\"} for the text",
        ),
    ];
    for (definition, expected) in cases {
        let faults: Vec<_> = Filter::check(&definition, "f").iter().map(ToString::to_string).collect();
        assert_eq!(faults, [expected]);
    }
    let literal =
        json!({"where": {"n": {"eq": ">5"}, "b": {"eq": "yes"}, "c": {"in": ["no"]}}, "orderBy": ["Last, First"]});
    assert_eq!(Filter::check(&literal, "f"), []);
}

#[test]
fn a_bound_that_renders_to_null_is_an_error() {
    for test in [json!({"gte": null}), json!({"lt": null}), json!({"between": [1, null]})] {
        let faults = Filter::read(&json!({"where": {"updated": test}}), "f", Tz::UTC).unwrap_err();
        assert_eq!(faults.len(), 1, "{test}");
        assert!(faults[0].message.starts_with("the value is null; it must be"), "{test}");
    }
    let by_name = json!({"where": {"a": null, "b": {"eq": null}, "c": {"in": [null]}}});
    assert!(Filter::read(&by_name, "f", Tz::UTC).is_ok());
}

#[test]
fn a_bare_date_is_midnight_in_the_zone_of_the_filter() {
    let definition = json!({"where": {"at": {"gte": "2026-11-20"}}});
    let filter = |zone| Filter::read(&definition, "f", zone).unwrap();
    let record = json!({"at": "2026-11-19T23:30:00Z"});
    assert!(filter(chrono_tz::Europe::Madrid).keeps(&record));
    assert!(!filter(Tz::UTC).keeps(&record));
}

#[test]
fn placeholders_pass_the_check() {
    let written =
        json!({"limit": "$<args.top>", "where": {"d": {"lt": "$<today>"}}, "source": {"file": "$<args.file>"}});
    assert_eq!(Filter::check(&written, "f"), []);
}
