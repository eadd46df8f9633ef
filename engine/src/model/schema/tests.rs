use serde_json::{Map, json};

use super::*;

fn faults(instance: Value, reading: Reading) -> Vec<String> {
    let schema = json!({
        "type": "object",
        "required": ["by"],
        "additionalProperties": false,
        "properties": {
            "by": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            "count": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]},
            "mode": {"enum": ["a", "b"]},
        },
    });
    let schema = Schema::compile(&schema).unwrap();
    schema.faults(&instance, "lines[0].parameters", reading).iter().map(ToString::to_string).collect()
}

#[test]
fn every_fault_is_reported_with_its_path() {
    let faults = faults(json!({"by": ["a", 3], "count": "x", "mode": "c", "cuont": 1}), Reading::Rendered);
    let expected = [
        "lines[0].parameters.by[1]: 3 is not a string",
        "lines[0].parameters.count: \"x\" is not an integer",
        "lines[0].parameters.mode: \"c\" is not one of \"a\", \"b\"",
        "lines[0].parameters.cuont: there is no field `cuont` here; did you mean `count`?",
    ];
    for sentence in expected {
        assert!(faults.contains(&sentence.to_owned()), "{sentence} is not in {faults:?}");
    }
    assert_eq!(faults.len(), expected.len(), "{faults:?}");
}

#[test]
fn a_placeholder_is_judged_once_it_is_rendered() {
    let written = json!({"by": "$<args.by>", "count": "${args.count}"});
    assert_eq!(faults(written.clone(), Reading::Written), Vec::<String>::new());
    assert_eq!(faults(written, Reading::Rendered).len(), 2);
    assert_eq!(faults(json!({"count": "$<x>"}), Reading::Written), ["lines[0].parameters: `by` is missing"]);
}

#[test]
fn a_schema_that_would_take_long_to_compile_is_refused() {
    let patterns: Map<_, _> = (0..101).map(|no| (format!("p{no}"), json!({"pattern": format!("a{no}")}))).collect();
    let message = Schema::compile(&json!({"properties": patterns})).unwrap_err();
    assert_eq!(message, "the schema has more than 100 patterns");
    let many: Vec<_> = (0..20_000).collect();
    assert_eq!(Schema::compile(&json!({"enum": many})).unwrap_err(), "the schema has more than 20000 parts");
}

#[test]
fn a_schema_that_multiplies_itself_is_refused_when_it_is_read() {
    let level = |no: usize| json!({"anyOf": [{"$ref": format!("#/$defs/d{no}")}, {"$ref": format!("#/$defs/d{no}")}]});
    let mut defs: Map<_, _> = (0..24).map(|no| (format!("d{no}"), level(no + 1))).collect();
    defs.insert("d24".to_owned(), json!({"type": "integer"}));
    let message = Schema::compile_foreign(&json!({"$ref": "#/$defs/d0", "$defs": defs})).unwrap_err();
    assert!(message.starts_with("the schema takes more than 10000 steps to check"), "{message}");
}

#[test]
fn a_value_that_multiplies_a_schema_is_not_checked() {
    let item = json!({"items": {"$ref": "#/$defs/node"}});
    let schema = json!({"$ref": "#/$defs/node", "$defs": {"node": {"anyOf": [item, item, {"const": 1}]}}});
    let schema = Schema::compile_foreign(&schema).unwrap();
    let nested = (0..60).fold(json!("x"), |inner, _| json!([inner]));
    let faults = schema.faults(&nested, "arguments", Reading::Rendered);
    assert!(faults[0].to_string().starts_with("arguments: cannot be checked: the schema takes more"), "{faults:?}");
}

#[test]
fn a_large_value_is_judged_without_its_faults() {
    let schema = json!({"items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}});
    let schema = Schema::compile_foreign(&schema).unwrap();
    let mut large = json!(vec![1; 50_000]);
    assert_eq!(schema.faults(&large, "arguments", Reading::Rendered), []);
    large[49_999] = json!("x");
    let faults = schema.faults(&large, "arguments", Reading::Rendered);
    assert_eq!(faults.len(), 1);
    assert!(faults[0].to_string().contains("too large to say where"), "{faults:?}");
}

#[test]
fn a_schema_that_reaches_outside_is_refused() {
    assert!(Schema::compile(&json!({"$ref": "http://127.0.0.1:1/x.json"})).is_err());
    assert!(Schema::compile(&json!({"$ref": "file:///etc/passwd"})).is_err());
    assert!(Schema::compile(&json!({"type": "nonsense"})).is_err());
}

#[test]
fn an_integer_may_be_written_as_json_schema_allows() {
    for (written, read) in
        [("5", Some(5)), ("5.0", Some(5)), ("5e0", Some(5)), ("5.5", None), ("-1", None), ("1e9", None)]
    {
        assert_eq!(integer::<u8>(&serde_json::from_str(written).unwrap()), read, "{written}");
    }
}
