use ropewalk_sdk::testing::{Report, context, run};

use super::*;

fn keep(script: &str, batches: &[Value]) -> Result<Report, String> {
    run::<Keep>(json!({"script": script, "limit": 2}), batches).map_err(|failure| failure.message)
}

#[track_caller]
fn fails(script: &str, expected: &str) {
    let message = keep(script, &[json!([{"a": 1}, {"a": 2}])]).expect_err(script);
    assert!(message.contains(expected), "{script}\n{message}");
}

#[test]
fn every_form_of_predicate_runs() {
    let batches = [json!([{"a": 1}, {"a": 2.0}]), json!([{"a": 3, "b": "]},"}])];
    let expected = r#"[{"a":2.0},{"a":3,"b":"]},"}]"#;
    for script in [
        "record.a > 1",
        "record.a > 1;",
        "r => r.a > 1",
        "(record, ctx) => record.a >= ctx.parameters.limit // at least the limit",
        "async r => { await null; return r.a > 1 }",
        "await Promise.resolve(record.a > 1)",
        "function (r) { return r.a > 1 }",
        "return record.a > 1",
        "const least = 1; return record.a > least;",
        "const a = await record.a; return a > 1",
        "export default r => r.a > 1",
        "const least = 1;\nexport default async function (record, ctx) { return record.a > least }",
        "record.a - 1",
        "{ return record.a > 1 }",
        "record.a > 1 && record.kind !== 'export'",
    ] {
        let report = keep(script, &batches).expect(script);
        assert_eq!(report.records.to_string(), expected, "{script}");
        assert_eq!(report.message(), "Kept 2 of 3 records.");
    }
}

#[test]
fn records_stay_as_they_were() {
    let batch = json!([{"a": 1.0, "id": 9007199254740993_i64}, {"a": 2}]);
    let report = keep("record.a = 5, record.id === 9007199254740993n", std::slice::from_ref(&batch)).expect("runs");
    assert_eq!(report.records.to_string(), r#"[{"a":1.0,"id":9007199254740993}]"#);
    let all = keep("delete record.a, true", std::slice::from_ref(&batch)).expect("runs");
    assert_eq!(all.records, batch);
    assert_eq!(keep("false", &[batch]).expect("runs").records, json!([]));
}

#[test]
fn variables_of_a_module_keep_their_values_between_batches() {
    let script = "const seen = new Set();\nexport default r => !seen.has(r.a) && seen.add(r.a)";
    let report = keep(script, &[json!([{"a": 1}, {"a": 1}]), json!([{"a": 1}, {"a": 2}])]).expect("runs");
    assert_eq!(report.records, json!([{"a": 1}, {"a": 2}]));
}

#[test]
fn a_throw_names_line_and_record() {
    fails("record.x.y > 1", "(script line 1, column ");
    fails("r => {\n  return r.a < 2 || r.b.c\n}", "(script line 2, column ");
    fails("r => r.a < 2 || r.b.c", ", for the record at position 1");
    fails(
        "export default async r => { await null; if (r.a > 1) throw new Error('no') }",
        "Error: no (script line 1, column ",
    );
    fails("if (record.a > 1) throw 'text'; return true", "The script threw text, for the record at position 1");
    let late = keep("record.b.c", &[json!([])])
        .and_then(|_| keep("r => r.a < 3 || r.b.c", &[json!([{"a": 1}]), json!([{"a": 2}, {"a": 3}])]));
    assert!(late.expect_err("throws").ends_with("for the record at position 2"));
    fails("new Promise(() => {})", "never settled");
    fails("export default 5", "default export is a number, not a function");
}

#[test]
fn a_predicate_without_a_return_is_an_error() {
    let expected = "The script returned nothing for any record: write `return` before the condition";
    fails("r => { r.a > 1 }", expected);
    fails("export default async function (r) { [r].filter(r => { return r.a > 1 }) }", expected);
    for script in ["r => r.missing", "record.missing", "r => { if (r.a > 5) return true }", "return record.missing"] {
        assert_eq!(keep(script, &[json!([{"a": 1}])]).expect(script).records, json!([]));
    }
}

#[test]
fn a_wrong_predicate_fails_when_it_is_opened() {
    let fails = |script: &str, expected: &str| {
        let parameters = Parameters { script: script.to_owned(), rest: Map::new() };
        let message = Keep::open(parameters, &context()).err().expect(script).message;
        assert!(message.contains(expected), "{script}\n{message}");
    };
    fails("record.total >", "SyntaxError: the script ends too early (script line 1, column 15)");
    fails("r => {\n  return r.a", "SyntaxError: the script ends too early (script line 2, column 13)");
    fails("record.total > = 5", "(script line 1, column 16)");
    fails("const a = 1;\nreturn record.a > = a", "(script line 2, column 19)");
    fails("  ", "The script is empty");
    fails("export const a = 1", "has no default export: write export default (record, ctx) => …");
    // Without `return`, the body of a function would silently keep nothing.
    fails("const ok = record.a > 1; ok", "SyntaxError");
    fails("record.a\0", "NUL");
}
