//! The limits, one by one.

use super::*;

const SMALL: DocumentLimits = DocumentLimits {
    bytes: 200,
    tokens: 40,
    brackets: 8,
    definitions: 3,
    selections: 6,
    expanded: 8,
    aliases: 1,
    directives: 1,
    depth: 3,
    schema_depth: 4,
    schema_lists: 1,
};

fn outcome(document: &str) -> String {
    match read(document, &SMALL) {
        Ok(_) => "inside".to_owned(),
        Err(error) => error.message,
    }
}

#[test]
fn every_limit_accepts_one_document_and_refuses_another() {
    let pairs = [
        (
            "tokens",
            "{ a(b: [1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6]) }",
            "{ a(b: [1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4]) }",
        ),
        ("nested brackets", "{ a(b: [[[[[1]]]]]) }", "{ a(b: [[[[[[[1]]]]]]]) }"),
        (
            "operations and fragments",
            "query A { a } query B { a } query C { a }",
            "query A { a } query B { a } query C { a } query D { a }",
        ),
        ("fields and spreads", "{ a b c d e f }", "{ a b c d e f g }"),
        ("aliases", "{ a: b }", "{ a: b c: d }"),
        ("directives", "{ a @x }", "{ a @x @y }"),
        (
            "fields, with all fragments expanded,",
            "{ ...A ...A } fragment A on Q { a b }",
            "{ ...A ...A ...A } fragment A on Q { a b }",
        ),
        ("nested fields", "{ a { b { c } } }", "{ a { b { c { d } } } }"),
        ("nested fields of the schema", "{ __schema { a { b { c } } } }", "{ __schema { a { b { c { d } } } } }"),
        ("nested lists of the schema", "{ __schema { fields } }", "{ __schema { fields { fields } } }"),
    ];
    for (what, inside, outside) in pairs {
        assert_eq!(outcome(inside), "inside", "{what}");
        assert!(outcome(outside).contains(what), "{what}: {}", outcome(outside));
    }
    assert!(outcome(&format!("{{ a }} #{}", "x".repeat(200))).contains("bytes"));
}

#[test]
fn depth_is_counted_through_fragments() {
    assert!(outcome("{ a { ...A } } fragment A on Q { b { c { d } } }").contains("nested fields"));
    assert_eq!(outcome("{ a { ...A } } fragment A on Q { b { c } }"), "inside");
}

#[test]
fn an_unknown_fragment_is_left_to_validation_and_a_syntax_error_has_its_position() {
    assert_eq!(outcome("{ ...Nowhere }"), "inside");
    let error = read("{ a(", &SMALL).unwrap_err();
    assert_eq!(error.locations.len(), 1);
}
