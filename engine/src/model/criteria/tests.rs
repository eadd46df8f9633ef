use chrono_tz::Tz;
use serde_json::{Value, json};

use super::{Reading, close, parse};

fn holds(criteria: Value, record: Value) -> bool {
    parse(&criteria, "where", Reading::Rendered, Tz::UTC).unwrap().matches(&record)
}

fn faults(criteria: Value) -> Vec<String> {
    parse(&criteria, "where", Reading::Written, Tz::UTC).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn every_operator_holds_and_fails() {
    let cases = [
        (json!({"eq": 5}), json!(5.0), json!(6)),
        (json!({"ne": 5}), json!("5"), json!(5)),
        (json!({"lt": 5}), json!(4.9), json!(5)),
        (json!({"lte": 5}), json!(5), json!(5.1)),
        (json!({"gt": "b"}), json!("c"), json!("b")),
        (json!({"gte": "2026-01-01"}), json!("2026-01-01T00:00:00Z"), json!("2025-12-31T23:59:59Z")),
        (json!({"in": [1, "a"]}), json!("a"), json!("b")),
        (json!({"notIn": [1, "a"]}), json!(null), json!(1)),
        (json!({"between": [1, 3]}), json!(3), json!(4)),
        (json!({"contains": "ell"}), json!("hello"), json!("help")),
        (json!({"contains": 2}), json!([1, 2]), json!([1])),
        (json!({"startsWith": "he"}), json!("hello"), json!("the")),
        (json!({"endsWith": "lo"}), json!("hello"), json!("loh")),
        (json!({"like": "h_l%"}), json!("hello"), json!("Hello")),
        (json!({"like": "100\\%"}), json!("100%"), json!("1000")),
        (json!({"ilike": "H%O"}), json!("hello"), json!("hell")),
        (json!({"matches": "^h.*o$"}), json!("hello"), json!("oh")),
        (json!({"isEmpty": true}), json!(""), json!(0)),
        (json!({"any": {"gt": 2}}), json!([1, 3]), json!([1, 2])),
        (json!({"any": {"price": {"gt": 2}}}), json!([{"price": 3}]), json!([{"price": 1}, {}])),
        (json!({"all": {"gt": 2}}), json!([3, 4]), json!([3, 1])),
        (json!({"gt": 1, "lt": 3}), json!(2), json!(3)),
    ];
    for (test, good, bad) in cases {
        assert!(holds(json!({"f": test}), json!({"f": good})), "{test} should hold for {good}");
        assert!(!holds(json!({"f": test}), json!({"f": bad})), "{test} should fail for {bad}");
    }
}

#[test]
fn a_missing_field_is_not_null_and_matches_only_two_tests() {
    assert!(holds(json!({"f": {"exists": false}}), json!({})));
    assert!(holds(json!({"f": {"isNull": true}}), json!({})));
    assert!(holds(json!({"f": {"exists": true}, "g": {"isNull": true}}), json!({"f": null, "g": null})));
    assert!(holds(json!({"f": null}), json!({"f": null})));
    for test in [
        json!(null),
        json!({"ne": 1}),
        json!({"notIn": [1]}),
        json!({"isEmpty": true}),
        json!({"all": {"gt": 1}}),
        json!({"lt": 5}),
    ] {
        assert!(!holds(json!({"f": test}), json!({})), "{test} must not hold for a missing field");
    }
}

#[test]
fn different_types_are_unequal_and_unordered() {
    assert!(!holds(json!({"f": 5}), json!({"f": "5"})));
    for operator in ["lt", "lte", "gt", "gte"] {
        assert!(!holds(json!({"f": {operator: 5}}), json!({"f": "5"})), "{operator}");
    }
}

#[test]
fn a_date_and_a_text_that_is_not_a_date_leave_the_record_out_even_below_not() {
    let record = json!({"released": "Dec 07 1998", "n": "12 €"});
    for test in [json!({"released": {"gt": "2000-01-01"}}), json!({"n": {"lt": 5}})] {
        assert!(!holds(test.clone(), record.clone()), "{test}");
        assert!(!holds(json!({"not": test}), record.clone()), "not {test}");
        assert!(holds(json!({"or": [test, {"n": {"exists": true}}]}), record.clone()), "{test} does not matter here");
        assert!(!holds(json!({"not": {"or": [test, {"x": 1}]}}), record.clone()), "not {test}");
    }
    assert!(holds(json!({"not": {"released": "2000-01-01"}}), record.clone()), "equality is always decided");
    assert!(holds(json!({"released": {"gt": "Dec 06"}}), record), "plain texts compare as texts");
}

#[test]
fn large_integers_keep_their_precision() {
    assert!(!holds(json!({"id": 9_007_199_254_740_993_u64}), json!({"id": 9_007_199_254_740_992_u64})));
    assert!(holds(json!({"id": {"gt": 9_007_199_254_740_992_u64}}), json!({"id": 9_007_199_254_740_993_u64})));
    assert!(holds(json!({"id": {"gt": -1}}), json!({"id": u64::MAX})));
}

#[test]
fn fields_compare_with_fields_and_trees_combine() {
    assert!(holds(json!({"spent": {"gt": {"field": "budget.total"}}}), json!({"spent": 5, "budget": {"total": 4}})));
    assert!(!holds(json!({"spent": {"gt": {"field": "absent"}}}), json!({"spent": 5})));
    let tree = json!({"status": "open", "or": [{"a": 1}, {"b": 2}], "not": {"c": 3}});
    assert!(holds(tree.clone(), json!({"status": "open", "b": 2})));
    assert!(!holds(tree.clone(), json!({"status": "open", "b": 2, "c": 3})));
    assert!(!holds(tree, json!({"status": "open"})));
}

#[test]
fn every_fault_is_reported_with_its_path() {
    let written = json!({"a": {"grt": 5}, "or": [{"b": {"in": 3}}], "c": {"matches": "("}, "d": {}});
    let messages = faults(written);
    assert_eq!(messages.len(), 4, "{messages:?}");
    assert!(messages[0].starts_with("where.a.grt: there is no operator `grt`; did you mean `gt`?"), "{messages:?}");
    assert_eq!(messages[1], "where.or[0].b.in: must be a list of values");
    assert!(messages[2].starts_with("where.c.matches: `(` is not a valid pattern"), "{messages:?}");
    assert!(messages[3].starts_with("where.d: has no operator"), "{messages:?}");
}

#[test]
fn a_placeholder_can_become_any_value() {
    let open = json!({"a": {"in": "$<args.list>", "matches": "$<args.re>"}, "b": {"between": "$<args.pair>"}, "or": "$<args.or>"});
    assert!(parse(&open, "where", Reading::Written, Tz::UTC).is_ok());
    assert!(parse(&open, "where", Reading::Rendered, Tz::UTC).is_err());
}

#[test]
fn a_placeholder_brings_a_value_and_never_operators() {
    let mut tree =
        json!({"owner": "$<args.o>", "n": {"gt": "$<args.n>"}, "or": [{"a": "${b}"}], "not": {"c": "{{d}}"}, "e": 1});
    close(&mut tree);
    let closed = json!({
        "owner": {"eq": "$<args.o>"},
        "n": {"gt": "$<args.n>"},
        "or": [{"a": {"eq": "${b}"}}],
        "not": {"c": {"eq": "{{d}}"}},
        "e": 1,
    });
    assert_eq!(tree, closed);
    assert!(!holds(json!({"owner": {"eq": {"ne": null}}}), json!({"owner": "me"})));
}

#[test]
fn too_many_patterns_are_refused() {
    let many: Vec<_> = (0..101).map(|n| json!({"a": {"matches": format!("x{n}")}})).collect();
    assert!(faults(json!({"or": many}))[0].contains("more than 100 patterns"));
}

#[test]
fn a_hostile_pattern_is_refused() {
    assert!(faults(json!({"a": {"matches": "(a{1000}){1000}"}}))[0].contains("size limit"));
}
