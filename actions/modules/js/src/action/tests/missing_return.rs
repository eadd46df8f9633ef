//! Scripts without a `return` that need one, and scripts that need none.

use ropewalk_sdk::testing::{host, run};
use ropewalk_sdk::{Severity, json};

use super::super::Js;
use super::{fails, gives, js};

#[test]
fn a_script_without_any_effect_is_an_error() {
    let expected = "The script returned nothing and did nothing: write `return`";
    for script in [
        "records.map(r => ({ ...r, b: 1 }))",
        "records.filter(r => { return r.a > 1 });",
        "const pick = records => records.filter(r => r.a > 1)",
        "function pick(rs) { return rs }\nconst chosen = pick(records);",
        "records => { records.filter(r => { return r.a > 1 }) }",
        "async ({ length }, { today } = {}) => { const late = { today, length }; }",
        "export default function (records, ctx) {\n  const made = records.map(r => ({ ...r, on: ctx.today }));\n}",
        "export default () => {}",
        "records => records.forEach(r => ({ ...r, b: 1 }))",
        "const known = await ctx.collection('c').find();\nrecords.map(r => ({ ...r, known: known.length }))",
        "records.map(r => { const copy = { ...r }; delete copy.a; return copy })",
        "// nothing yet",
    ] {
        let _host = host();
        fails(script, expected);
    }
}

#[test]
fn a_script_that_acts_needs_no_return() {
    let records = json!([{"a": 1}, {"a": 2}]);
    for script in [
        "records.forEach(r => ctx.log.info(r.a))",
        "console.log(records.length)",
        "for (const r of records) if (r.a > 5) await fetch('https://example.com/' + r.a)",
        "await ctx.collection('c').upsert('k', { n: 1 })",
        "records => { if (records.length > 5) ctx.startJob('other') }",
        "if (records.some(r => r.a > 5)) throw new Error('too many')",
        "for (const r of records) if (r.a > 5) await ctx.collection('c').delete(r.a)",
    ] {
        let _host = host();
        gives(script, records.clone(), records.clone());
    }
}

#[test]
fn a_script_with_a_conditional_return_is_no_error() {
    let records = json!([{"a": 1}]);
    for script in [
        "if (records.length > 5) return records.slice(0, 5)",
        "records => { if (records.length > 5) return records.slice(0, 5) }",
        "export default async function pick(records, { since } = {}) { for (const r of records) { if (r.a > 5) { return [r] } } }",
    ] {
        gives(script, records.clone(), records.clone());
    }
    gives("records.map(r => r)", json!([]), json!([]));
}

#[test]
fn a_change_without_a_return_stays_a_warning() {
    let report = js("records => { records.forEach(r => { r.b = 1 }) }", json!([{"a": 1}])).expect("runs");
    assert_eq!(report.outcomes[0].severity, Severity::Warning);
    assert_eq!(report.records, json!([{"a": 1}]));
}

#[test]
fn a_temporary_error_is_retried() {
    for script in [
        "const busy = Object.assign(new Error('Busy'), { temporary: true, retryAfter: 30 });\nthrow busy",
        "export default async () => { throw Object.assign(new Error('Busy'), { temporary: true, retryAfter: 30 }) }",
        "throw Object.assign(new Error('Busy'), { temporary: true, retryAfter: 29.2 })",
    ] {
        let failure = run::<Js>(json!({"script": script}), &[json!([{}])]).expect_err(script);
        assert_eq!((failure.temporary, failure.after), (true, Some(30)), "{script}");
        assert!(failure.message.starts_with("Error: Busy (script line "), "{failure}");
    }
    let plain = run::<Js>(json!({"script": "throw new Error('Broken')"}), &[json!([{}])]).expect_err("throws");
    assert!(!plain.temporary);
}
