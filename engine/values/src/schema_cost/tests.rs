use serde_json::{Map, Value, json};

use super::pattern::{MOST_STATES, states};
use super::*;

/// Definitions, each of which is `anyOf` the next one twice.
fn doubling(levels: usize) -> Value {
    let mut defs = Map::new();
    for level in 0..levels {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        defs.insert(format!("d{level}"), json!({"anyOf": [next, next]}));
    }
    defs.insert(format!("d{levels}"), json!({"type": "integer"}));
    json!({"$ref": "#/$defs/d0", "$defs": defs})
}

#[test]
fn doubling_definitions_are_counted_and_not_built() {
    assert!(cost(&doubling(8), &json!("x"), 1_000_000).expect("a count") > 256);
    assert_eq!(cost(&doubling(64), &json!("x"), 1_000_000), Err(TooCostly::Steps(1_000_000)));
    assert_eq!(check_expansion(&doubling(24), 10_000), Err(TooCostly::Steps(10_000)));
    assert_eq!(check_expansion(&doubling(8), 10_000), Ok(()));
}

#[test]
fn doubling_from_level_to_level_of_the_value_is_counted_too() {
    let item = json!({"items": {"$ref": "#/$defs/node"}});
    let schema = json!({"$ref": "#/$defs/node", "$defs": {"node": {"allOf": [item, item]}}});
    assert_eq!(check_expansion(&schema, 10_000), Ok(()));
    let nested = |levels| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    assert!(cost(&schema, &nested(5), 10_000).is_ok());
    assert_eq!(cost(&schema, &nested(60), 1_000_000), Err(TooCostly::Steps(1_000_000)));
}

#[test]
fn the_schema_of_a_tree_is_cheap() {
    let schema = json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}},
    });
    assert_eq!(check_expansion(&schema, 10_000), Ok(()));
    let tree = (0..20).fold(json!({"name": "leaf"}), |child, _| json!({"name": "n", "children": [child]}));
    assert!(cost(&schema, &tree, 10_000).expect("a count") < 1_000);
}

#[test]
fn what_cannot_be_counted_is_refused() {
    let refused = |schema: Value| check_expansion(&schema, 10_000).expect_err("a refusal").to_string();
    let cure = "refer only to its own definitions, as in `\"$ref\": \"#/$defs/name\"`";
    assert_eq!(refused(json!({"$ref": "#"})), "has a `$ref` to `#` that leads back to itself");
    assert_eq!(refused(json!({"properties": {"a": {"$ref": "#name"}}})), format!("uses `#name`; {cure}"));
    assert_eq!(refused(json!({"$ref": "https://example.org/x"})), format!("uses `https://example.org/x`; {cure}"));
    assert_eq!(
        refused(json!({"items": {"$id": "https://example.org/y"}})),
        format!("uses `https://example.org/y`; {cure}")
    );
    assert_eq!(refused(json!({"$dynamicRef": "#a"})), format!("uses `\"$dynamicRef\": \"#a\"`; {cure}"));
    assert_eq!(check_expansion(&json!({"$id": "https://example.org/z", "properties": {"$id": {}}}), 100), Ok(()));
    let chain: Map<_, _> =
        (0..1000).map(|no| (format!("d{no}"), json!({"$ref": format!("#/$defs/d{}", no + 1)}))).collect();
    let mut chain = json!({"$ref": "#/$defs/d0", "$defs": chain});
    chain["$defs"]["d1000"] = json!(true);
    assert_eq!(check_expansion(&chain, 100_000), Err(TooCostly::Depth));
}

#[test]
fn nested_unevaluated_properties_multiply() {
    let nested =
        (0..40).fold(json!({"type": "object"}), |inner, _| json!({"allOf": [inner], "unevaluatedProperties": false}));
    assert!(matches!(check_expansion(&nested, 10_000), Err(TooCostly::Steps(_))));
    let usual = json!({"allOf": [{"properties": {"a": true}}], "unevaluatedProperties": false});
    assert_eq!(check_expansion(&usual, 10_000), Ok(()));
}

#[test]
fn a_part_that_changes_what_references_mean_is_refused() {
    let bomb = doubling(24)["$defs"].clone();
    let inside = json!({"$id": "https://e/", "$ref": "#/$defs/d0", "$defs": bomb});
    let schema = json!({
        "properties": {"a": {"$ref": "#/contentSchema"}},
        "contentSchema": inside,
        "$defs": {"d0": {"type": "string"}},
    });
    assert!(matches!(check_expansion(&schema, 10_000), Err(TooCostly::Reference(_))));
    let draft4 = "http://json-schema.org/draft-04/schema#";
    let nested =
        json!({"properties": {"a": {"$schema": draft4, "id": "https://e/", "allOf": [{"$ref": "#/d0"}]}}, "d0": {}});
    assert!(matches!(check_expansion(&nested, 10_000), Err(TooCostly::Reference(_))));
    assert!(matches!(check_expansion(&json!({"$schema": draft4}), 10_000), Err(TooCostly::Reference(_))));
}

#[test]
fn patterns_cost_by_their_states_and_the_length_of_the_text() {
    assert_eq!(states("abc"), 3);
    assert_eq!(states("^(ab){10}c$"), 23);
    assert!((200..3_000).contains(&states("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{12}$")));
    assert_eq!(states("((a{1000}){1000})"), MOST_STATES);
    assert_eq!(states("("), 0, "what does not compile is refused elsewhere");
    let schema = json!({"pattern": "[ab]*a[ab]{5000}c"});
    assert!(cost(&schema, &json!("x".repeat(100_000)), 2_000_000).is_err());
    assert!(cost(&json!({"pattern": "^[a-z]+$"}), &json!("x".repeat(100_000)), 2_000_000).is_ok());
    assert!(cost(&json!({"format": "regex"}), &json!("x".repeat(100_000)), 2_000_000).is_err());
}

#[test]
fn many_small_values_and_long_enumerations_are_cheap() {
    let items = json!({"items": {"allOf": [{"minimum": 0}, {"type": "integer"}]}});
    assert!(cost(&items, &json!(vec![1; 300_000]), 2_000_000).expect("a count") < 1_500_000);
    let options: Vec<_> = (0..15_000).collect();
    assert_eq!(check_expansion(&json!({"enum": options}), 10_000), Ok(()));
}
