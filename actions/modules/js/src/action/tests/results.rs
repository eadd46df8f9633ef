//! Results of scripts that JSON or the host would change.

use ropewalk_sdk::testing::run;
use ropewalk_sdk::{Severity, json};

use super::super::Js;
use super::{fails, gives, js};

#[test]
fn values_that_json_cannot_represent_are_reported_with_their_place() {
    fails(
        "return [{ a: 1 }, { b: { c: [1, NaN] } }]",
        "at position 1, whose field b.c[1] is NaN, which JSON cannot represent",
    );
    fails("return records.map(r => ({ a: r.a / 0 }))", "at position 0, whose field a is Infinity");
    fails("return [{ a: new Date(NaN) }]", "whose field a is an invalid date");
    fails("return [{ a: '\\ud83d' }]", "whose field a contains half a surrogate pair");
    fails("return [{ x: { '\\udc00': 1 } }]", "whose field x has a name that contains half a surrogate pair");
    gives(
        "return [{ a: null, b: '\u{1F600}', c: '\\\\ud800' }]",
        json!([]),
        json!([{"a": null, "b": "\u{1F600}", "c": "\\ud800"}]),
    );
}

#[test]
fn depth_has_the_same_bound_as_in_the_host() {
    let nested = |levels: usize| format!("let a = 1; for (let i = 0; i < {levels}; i++) a = {{ a }}; return [a]");
    assert!(js(&nested(63), json!([])).is_ok());
    let message = js(&nested(64), json!([])).expect_err("too deep");
    assert!(message.contains("a.a.a is nested more than 64 levels deep"), "{message}");
    for levels in [1_000, 5_000, 100_000] {
        let message = js(&nested(levels), json!([])).expect_err("too deep");
        assert!(message.contains("nested more than 64 levels deep"), "{message}");
    }
}

#[test]
fn large_floats_stay_floats() {
    let report = js("return [{ a: 1e20, b: -(2 ** 70), c: 2 ** 63, d: 123 }]", json!([])).expect("runs");
    assert_eq!(
        report.outcomes[0].records.as_ref().map(|records| records.text().to_owned()).as_deref(),
        Some("[{\"a\":100000000000000000000.0,\"b\":-1.1805916207174113e+21,\"c\":9223372036854776000,\"d\":123}]")
    );
}

#[test]
fn lost_changes_are_reported() {
    let lost = |script: &str| {
        let report = js(script, json!([{"a": 1.0}, {"a": 1e25, "b": "x"}])).expect(script);
        let severity = report.outcomes[0].severity;
        assert_eq!(report.message().contains("changed records but returned none"), severity == Severity::Warning);
        severity == Severity::Warning
    };
    assert!(lost("records[0].a = 5"));
    assert!(lost("records.reverse()"));
    assert!(lost("records.forEach(r => delete r.b); return { message: 'Done.' }"));
    assert!(lost("records[1].self = records"));
    assert!(!lost("records.forEach(r => r.a); return"));
    assert!(!lost("records[0].a = 1; return"));
    assert!(!lost("records[0].a = 5; return records"));
    assert!(!lost("return { rejected: [{ index: 0, reason: 'x' }] }"));
}

#[test]
fn half_a_surrogate_pair_in_messages_is_replaced() {
    let report = js(
        "console.log('\\ud83d'); return { rejected: [{ index: 0, reason: 'a\\ud83d' }], message: '\\udc00b' }",
        json!([{}]),
    );
    let report = report.expect("runs");
    assert_eq!((report.rejected()[0].1, report.message()), ("a\u{FFFD}", "\u{FFFD}b"));
}

#[test]
fn batches_share_what_the_module_keeps() {
    let script = "let sum = 0;\nlet calls = 0;\nexport default (records, ctx) => {\n  calls++;\n  ctx.note = (ctx.note ?? '') + calls;\n  return records.map(r => ({ sum: sum += r.a, note: ctx.note }));\n}";
    let parameters = json!({"script": script, "perBatch": true});
    let report = run::<Js>(parameters, &[json!([{"a": 1}, {"a": 2}]), json!([{"a": 3}])]).expect("runs");
    assert_eq!(report.records, json!([{"sum": 1, "note": "1"}, {"sum": 3, "note": "1"}, {"sum": 6, "note": "12"}]));
    assert_eq!(report.message(), "The script made 3 records of 3 records.");
    let random = json!({"script": "return [{ n: Math.random() }]", "perBatch": true});
    let report = run::<Js>(random, &[json!([{}]), json!([{}])]).expect("runs");
    assert_ne!(report.records[0], report.records[1]);
    let with_parameter = json!({"script": "return [{ p: ctx.parameters }]", "perBatch": true, "x": 1});
    assert_eq!(run::<Js>(with_parameter, &[json!([])]).expect("runs").records, json!([{"p": {"x": 1}}]));
}

#[test]
fn a_failure_in_a_later_batch_names_its_place() {
    let parameters =
        json!({"script": "export default rs => {\n  rs.forEach(r => r.a.b)\n  return rs\n}", "perBatch": true});
    let failure = run::<Js>(parameters, &[json!([{"a": 1}]), json!([{}])]).expect_err("throws");
    assert!(failure.message.contains("(script line 2, column "), "{failure}");
}
