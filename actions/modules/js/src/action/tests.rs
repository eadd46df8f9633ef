use ropewalk_sdk::testing::{Report, context, run, run_in};

use super::*;

mod host;
mod missing_return;
mod results;
mod web;

pub(super) fn js(script: &str, records: Value) -> Result<Report, String> {
    run::<Js>(json!({"script": script, "limit": 3}), &[records]).map_err(|failure| failure.message)
}

#[track_caller]
pub(super) fn gives(script: &str, records: Value, expected: Value) {
    let report = js(script, records).expect(script);
    assert_eq!(report.records, expected, "{script}");
}

#[track_caller]
pub(super) fn fails(script: &str, expected: &str) {
    let message = js(script, json!([{"a": 1}, {"a": 2}])).expect_err(script);
    assert!(message.contains(expected), "{script}\n{message}");
    assert!(!message.contains('\n'));
}

fn opens(script: &str) -> Result<Js, String> {
    let parameters = serde_json::from_value(json!({"script": script})).expect("parameters");
    Js::open(parameters, &context()).map_err(|failure| failure.message)
}

#[test]
fn every_form_of_script_runs() {
    let records = json!([{"a": 1}, {"a": 2}]);
    let second = json!([{"a": 2}]);
    for script in [
        "export default (records, ctx) => records.filter(r => r.a > 1)",
        "export default function (records) { return records.filter(r => r.a > 1) }",
        "export default async records => { await null; return records.filter(r => r.a > 1) }",
        "const keep = await Promise.resolve(1);\nexport { pick as default };\nfunction pick(rs) { return rs.filter(r => r.a > keep) }",
        "records => records.filter(r => r.a > 1)",
        "async (records, ctx) => { await null; return records.filter(r => r.a > 1) };",
        "function (records) { return records.filter(r => r.a > 1) }",
        "// Keeps the large ones.\nfunction pick(records, ctx) {\n  return records.filter(r => r.a >= ctx.parameters.limit - 1);\n}\n",
        "(() => { const least = 1; return rs => rs.filter(r => r.a > least) })()",
        "records => records.filter(r => r.a > 1 && r.kind !== 'export')",
        "return records.filter(r => r.a > 1)",
        "// export nothing\nawait null\nreturn records.filter(r => r.a > 1) // done",
        "const word = 'export default'; return records.filter(r => r.a > 1)",
        "return { records: records.filter(r => r.a > 1) }",
        "return { rejected: [{ index: 0, reason: 'too small' }] }",
    ] {
        gives(script, records.clone(), second.clone());
    }
    for script in ["return", "return null", "return undefined", "return {}", "() => null", "ctx => { return }"] {
        gives(script, records.clone(), records.clone());
    }
}

#[test]
fn the_outcome_has_message_and_rejections() {
    let report =
        js("return { rejected: [{ index: 1, reason: 'no' }], message: 'Looked.' }", json!([{}, {}])).expect("runs");
    assert_eq!(report.message(), "Looked.");
    assert_eq!(report.rejected(), [(1, "no")]);
    assert_eq!(js("return [{}]", json!([{}, {}])).expect("runs").message(), "The script made 1 record of 2 records.");
}

#[test]
fn the_context_is_complete() {
    gives(
        "return [{ args: ctx.args.top, limit: ctx.parameters.limit, script: 'script' in ctx.parameters, today: ctx.today, \
         since: ctx.since, org: ctx.organization, key: ctx.idempotencyKey, line: ctx.lineNo, attempt: ctx.attempt, dry: ctx.dryRun, now: ctx.now }]",
        json!([]),
        json!([{"args": 5, "limit": 3, "script": false, "today": "2026-03-02", "since": null, "org": "acme",
                "key": "0198/10", "line": 10, "attempt": 1, "dry": false, "now": "2026-03-02T12:00:00+01:00"}]),
    );
    gives(
        "console.log('a', {b: 1n}, new Error('x')); ctx.log.warn(new Map([[1, 2]])); return []",
        json!([{}]),
        json!([]),
    );
}

#[test]
fn random_numbers_are_seeded_from_the_line() {
    let script = json!({"script": "return [{ n: Math.random() }, { n: Math.random() }]"});
    let draw = |key: &str| {
        let context = Context { idempotency_key: key.to_owned(), ..context() };
        run_in::<Js>(script.clone(), &[json!([])], &context).expect("runs").records
    };
    assert_eq!(draw("a"), draw("a"));
    assert_ne!(draw("a"), draw("b"));
    let numbers = draw("a");
    assert_ne!(numbers[0], numbers[1]);
    assert!(numbers[0]["n"].as_f64().is_some_and(|n| (0.0..1.0).contains(&n)));
}

#[test]
fn long_integers_stay_exact() {
    let long = json!([{"id": 9007199254740993_i64, "max": u64::MAX, "min": i64::MIN, "small": 5, "float": 1234567890.1234567}]);
    gives("return records", long.clone(), long.clone());
    gives(
        "return [{ big: typeof records[0].id, small: typeof records[0].small, next: records[0].id + 1n }]",
        long,
        json!([{"big": "bigint", "small": "number", "next": 9007199254740994_i64}]),
    );
    gives(
        "return [{ n: 2n ** 64n - 1n, text: JSON.stringify({ a: 1 }) }]",
        json!([]),
        json!([{"n": u64::MAX, "text": "{\"a\":1}"}]),
    );
    fails("return [{ n: 2n ** 64n }]", "18446744073709551616, which has more than 64 bits");
    gives(
        "return records",
        json!([{"text": "1234567890123456789 é \u{1F600}"}]),
        json!([{"text": "1234567890123456789 é \u{1F600}"}]),
    );
}

#[test]
fn a_throw_names_its_place() {
    fails("\n\n  throw new TypeError('bad total')", "TypeError: bad total (script line 3, column ");
    fails("throw new Error('x')", "Error: x (script line 1, column 1");
    fails("const f = r => r.a.b.c;\nreturn records.map(f)", "(script line 1, column ");
    fails("export default rs => {\n  return rs.map(r => r.x.y)\n}", "(script line 2, column ");
    fails(
        "export const x = 1;\nmissing();\nexport default () => {}",
        "ReferenceError: missing is not defined (script line 2, column 1)",
    );
    fails("throw 'just\\ntext'", "The script threw just text");
    fails("throw { code: 5 }", "The script threw an object");
    fails("await Promise.reject(new RangeError('far'))", "RangeError: far (script line 1");
    fails("const f = () => f() + 1; return f()", "call stack size exceeded");
    fails("await new Promise(() => {})", "never settled");
    fails("export default await new Promise(() => {})", "never settled");
}

#[test]
fn a_wrong_script_fails_when_it_is_opened() {
    let fails = |script: &str, expected: &str| {
        let message = opens(script).err().expect(script);
        assert!(message.contains(expected), "{script}\n{message}");
    };
    fails("return records.filter(", "SyntaxError: the script ends too early (script line 1, column 23)");
    fails("let a = 1\nlet b = = 2", "(script line 2, column 9)");
    fails("let a = = 1", "(script line 1, column 9)");
    fails("export default (records) => {\n  retrun records\n}", "(script line 2, column ");
    fails("export const a = 1", "has no default export");
    fails("import x from 'fs'; export default x", "fs");
    fails("return 1\0", "NUL");
    assert!(opens("return records").is_ok());
}

#[test]
fn a_wrong_result_is_reported() {
    fails("return rs => rs", "The script returned a function, not records: call it");
    fails("() => rs => rs", "The script returned a function, not records: call it");
    fails("return 5", "The script returned a number: return an array of records");
    fails("return 'x'", "returned a string");
    fails("return [1]", "returned a number at position 0 of its result, not an object");
    fails("return [{}, null]", "returned null at position 1");
    fails("return records.map(async r => r)", "await Promise.all");
    fails("return { title: 'x' }", "an object with \"title\"");
    fails("return new Map()", "an object (Map)");
    fails("return { records: 5 }", "returned a number as \"records\"");
    fails("return { message: 5 }", "as \"message\", not a text");
    fails("return { rejected: [{ index: 2, reason: 'x' }] }", "the index 2, but the records go from 0 to 1");
    fails("return { rejected: [{ index: 0 }] }", "needs {index, reason} at position 0");
    fails("export default 5", "default export is a number, not a function");
    fails("const a = {}; a.a = a; return [a]", "circular");
}

#[test]
fn a_failure_that_is_not_awaited_is_reported() {
    let report = js("records.forEach(async r => { throw new Error('lost') }); return []", json!([{}])).expect("runs");
    assert!(
        report.message().ends_with("A promise that was not awaited failed: Error: lost (script line 1, column 40)"),
        "{}",
        report.message()
    );
    assert_eq!(report.outcomes[0].severity, Severity::Warning);
    let heard = "const p = Promise.reject(new Error('x')); await null; try { await p } catch {} return []";
    assert_eq!(js(heard, json!([])).expect("runs").outcomes[0].severity, Severity::Success);
}
