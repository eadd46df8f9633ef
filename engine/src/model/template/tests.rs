use serde_json::{Value, json};
use values::template::Context;

use super::Template;
use crate::model::dates;

fn variables() -> Context {
    let now = "2026-11-20T09:30:00Z".parse().unwrap();
    let mut all = dates::variables(now, chrono_tz::Europe::Madrid);
    let more = json!({
        "timeZone": "Europe/Madrid",
        "since": null,
        "args": {"top": 5, "list": [1, 2], "absent": null, "text": "a<b"},
        "records": [{"title": "$<today> {{now}}"}],
    });
    all.extend(more.as_object().unwrap().clone());
    Context::wraps(Value::Object(all)).unwrap()
}

fn rendered(written: Value) -> Value {
    Template::parse(&written, "p", |_| false).unwrap().render(&variables(), "p").unwrap()
}

fn refused(written: Value) -> String {
    match Template::parse(&written, "p", |_| false) {
        Ok(template) => template.render(&variables(), "p").unwrap_err().to_string(),
        Err(faults) => faults[0].to_string(),
    }
}

#[test]
fn a_lone_placeholder_keeps_its_type_and_mixed_text_is_text() {
    assert_eq!(rendered(json!("$<args.top>")), json!(5));
    assert_eq!(rendered(json!("${args.list}")), json!([1, 2]));
    assert_eq!(rendered(json!("{{args.absent}}")), json!(null));
    assert_eq!(rendered(json!("top ${args.top}")), json!("top 5"));
    assert_eq!(rendered(json!({"a": [{"b": "$<args.top>"}], "c": 1.5})), json!({"a": [{"b": 5}], "c": 1.5}));
}

#[test]
fn dates_move_by_offsets_anywhere_in_an_expression() {
    assert_eq!(rendered(json!("$<today+7d>")), json!("2026-11-27"));
    assert_eq!(rendered(json!("due ${endOfMonth-1M}!")), json!("due 2026-10-31!"));
    assert_eq!(rendered(json!("${shift endOfMonth \"-1w\"}")), json!("2026-11-23"));
    assert_eq!(rendered(json!("$<date today+1M \"%d/%m/%Y\">")), json!("20/12/2026"));
    assert_eq!(rendered(json!("$<now+2h>")), json!("2026-11-20T12:30:00+01:00"));
    assert_eq!(rendered(json!("$<default since \"never\">")), json!("never"));
}

#[test]
fn nothing_is_escaped_and_escapes_write_themselves() {
    assert_eq!(rendered(json!("x ${args.text}")), json!("x a<b"));
    assert_eq!(rendered(json!("$$<today> costs $5")), json!("$<today> costs $5"));
    assert_eq!(rendered(json!("{$<args.top>}")), json!("{5}"));
}

#[test]
fn what_a_record_holds_is_never_a_template() {
    assert_eq!(rendered(json!("${records.0.title}")), json!("$<today> {{now}}"));
}

#[test]
fn a_missing_variable_is_an_error_with_its_path_and_never_empty() {
    assert!(
        refused(json!({"to": ["x", "$<args.tpo>"]})).starts_with("p.to[1]: "),
        "{}",
        refused(json!({"to": ["x", "$<args.tpo>"]}))
    );
    assert!(refused(json!("a $<args.tpo> b")).contains("args.tpo"));
}

#[test]
fn raw_fields_are_left_alone() {
    let written = json!({"script": "`${x}` {{", "to": "$<args.top>"});
    let template = Template::parse(&written, "p", |name| name == "script").unwrap();
    assert_eq!(template.render(&variables(), "p").unwrap(), json!({"script": "`${x}` {{", "to": 5}));
}

#[test]
fn hostile_templates_are_refused() {
    for written in ["{{> x}}", "{{#*inline \"x\"}}{{> x}}{{/inline}}", "{{#each records}}", "$<nosuchhelper 1 2>", "{{"]
    {
        assert!(!refused(json!(written)).is_empty(), "{written}");
    }
    let nested = format!("{}{}", "{{#if today}}".repeat(20_000), "{{/if}}".repeat(20_000));
    assert!(!refused(json!(nested)).is_empty());
}

#[test]
fn variables_are_listed_with_the_text_that_uses_them() {
    let template = Template::parse(
        &json!({"a": "$<today+1d>", "b": ["{{args.x}} {{#each records}}{{title}}{{/each}}"]}),
        "p",
        |_| false,
    )
    .unwrap();
    let read: Vec<_> = template.variables("p").iter().map(|(path, variable)| format!("{path} {variable}")).collect();
    assert_eq!(read, ["p.a today", "p.b[0] args.x", "p.b[0] records"]);
}
