use std::sync::Arc;

use super::*;
use crate::model::catalogue::{Catalogue, Choice};
use crate::model::job::Job;

fn open_orders() -> Value {
    json!({
        "key": "open-orders",
        "values": {
            "required": ["region"],
            "properties": {
                "region": {"enum": ["north", "south"]},
                "top": {"type": "integer", "minimum": 1, "default": 10},
                "note": {"type": "string"},
            },
        },
        "source": {"collection": "orders"},
        "where": {"open": true, "region": "$<values.region>", "due": {"lte": "$<today+7d>"}},
        "orderBy": ["-total"],
        "limit": "$<values.top>",
    })
}

fn messages(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

fn faults(document: Value) -> Vec<String> {
    messages(&FilterTemplate::read(&document, 1).map(drop).unwrap_err())
}

fn read_job(templates: &[Value], lines: Value) -> Result<Job, Vec<String>> {
    let templates = templates.iter().map(|document| Arc::new(FilterTemplate::read(document, 3).unwrap()));
    let catalogue = Catalogue::default().with_templates(Templates::new(templates));
    let job = json!({"key": "a", "arguments": {"properties": {"region": {}, "object": {}}}, "lines": lines});
    Job::read(&job, &catalogue, Choice::Newest(&[])).map_err(|faults| messages(&faults))
}

fn rendered(template: Value, filter: Value) -> Result<Value, Vec<String>> {
    let job = read_job(&[template], json!([{"filter": filter}])).unwrap();
    let variables = json!({"args": {"region": "north", "object": {"ne": 1}}, "today": "2026-11-20", "timeZone": "UTC"});
    job.lines[0]
        .render(&Context::wraps(variables).unwrap())
        .map(|rendered| rendered.as_ref().clone())
        .map_err(|faults| messages(&faults))
}

#[test]
fn a_line_fills_in_values_and_is_joined() {
    let filter = json!({"template": "open-orders", "values": {"region": "$<args.region>"}, "where": {"total": {"gt": 5}}, "limit": 3});
    let definition = json!({
        "source": {"collection": "orders"},
        "where": {"and": [
            {"open": true, "region": {"eq": "north"}, "due": {"lte": "2026-11-27"}},
            {"total": {"gt": 5}},
        ]},
        "orderBy": ["-total"],
        "limit": 3,
    });
    assert_eq!(rendered(open_orders(), filter), Ok(definition));
    let plain = rendered(open_orders(), json!({"template": "open-orders", "values": {"region": "south"}})).unwrap();
    assert_eq!(plain["limit"], json!(10), "a default is a value");
    let job =
        read_job(&[open_orders()], json!([{"filter": {"template": "open-orders", "values": {"region": "south"}}}]));
    assert_eq!(job.unwrap().templates(), [TemplateVersion { key: "open-orders".to_owned(), version: 3 }]);
}

#[test]
fn a_value_brings_no_operators() {
    let template = json!({"key": "t", "values": {"properties": {"who": {}}}, "where": {"owner": "$<values.who>"}});
    let filter = json!({"template": "t", "values": {"who": "$<args.object>"}});
    assert_eq!(rendered(template, filter), Ok(json!({"where": {"owner": {"eq": {"ne": 1}}}})));
}

#[test]
fn rendered_values_are_checked_again() {
    let filter = json!({"template": "open-orders", "values": {"region": "$<args.object>"}});
    let messages = rendered(open_orders(), filter).unwrap_err();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(messages[0].starts_with("lines[0].filter.values.region: {\"ne\":1} is not one of"), "{messages:?}");
}

#[test]
fn faults_of_a_template_are_reported_at_once() {
    let messages = faults(json!({
        "key": "Open Orders",
        "script": "r => r.open",
        "template": "other",
        "nmae": "x",
        "values": {"properties": {"region": {}}},
        "where": {"a": {"grt": 1}, "b": "$<values.regoin>", "c": "$<tody>", "d": "$<secret.x>"},
        "limit": -1,
    }));
    let expected = [
        "key: \"Open Orders\" does not fit. The key by which lines name",
        "script: is not allowed in a filter template",
        "template: is not allowed in a filter template",
        "nmae: there is no field `nmae` here; did you mean `name`?",
        "limit: ",
        "where.b.eq: the template declares no value `regoin`; did you mean `region`?",
        "where.c.eq: there is no variable `tody`; did you mean `today`?",
        "where.d.eq: this version keeps no secrets",
    ];
    for beginning in expected {
        assert!(messages.iter().any(|fault| fault.starts_with(beginning)), "{beginning} is not in {messages:#?}");
    }
    let messages = faults(json!({"key": "a", "where": {"a": {"grt": 1}}}));
    assert!(messages[0].starts_with("where.a.grt: there is no operator `grt`; did you mean `gt`?"), "{messages:?}");
    assert_eq!(faults(json!({"key": "a", "values": {"type": 5}})).len(), 1);
    assert_eq!(
        faults(json!({"key": "a", "where": {"a": "$<values.b>"}})).len(),
        1,
        "what is not declared is not taken"
    );
    for no_template in [json!(null), json!([]), json!({}), json!("x")] {
        assert!(!faults(no_template).is_empty());
    }
}

#[test]
fn faults_of_a_use_are_reported_at_its_line() {
    let uses = |filter: Value| read_job(&[open_orders()], json!([{"filter": filter}])).map(drop).unwrap_err();
    let expected = [
        (
            json!({"template": "open-order"}),
            "lines[0].filter.template: there is no filter template `open-order`; did you mean `open-orders`?",
        ),
        (json!({"template": "$<args.region>"}), "lines[0].filter.template: must be a key and not a placeholder"),
        (json!({"values": {"a": 1}}), "lines[0].filter.values: belong to a filter template"),
        (json!({"template": "open-orders"}), "lines[0].filter.values: `region` is missing"),
        (
            json!({"template": "open-orders", "values": {"region": "east"}}),
            "lines[0].filter.values.region: \"east\" is not one of",
        ),
        (
            json!({"template": "open-orders", "values": {"region": "$<args.region>", "top": 0}}),
            "lines[0].filter.values.top: ",
        ),
        (
            json!({"template": "open-orders", "values": {"region": "$<args.region>", "tpo": 1}}),
            "lines[0].filter.values.tpo: there is no field `tpo` here; did you mean `top`?",
        ),
        (
            json!({"template": "open-orders", "values": {"region": "$<args.reigon>"}}),
            "lines[0].filter.values.region: the job declares no argument `reigon`",
        ),
        (
            json!({"template": "open-orders", "values": {"region": "north"}, "where": {"a": "$<values.region>"}}),
            "lines[0].filter.where.a.eq: `values` is known only in filter templates",
        ),
        (
            json!({"template": "open-orders", "values": {"region": "north"}, "source": {"inline": []}}),
            "lines[0].filter.source: the template has a source already",
        ),
    ];
    for (filter, beginning) in expected {
        let messages = uses(filter);
        assert_eq!(messages.len(), 1, "{messages:#?}");
        assert!(messages[0].starts_with(beginning), "{beginning} is not {}", messages[0]);
    }
}

#[test]
fn a_template_is_judged_with_the_job_that_uses_it() {
    let template = json!({"key": "t", "where": {"a": {"lt": "$<args.regoin>"}, "b": {"lt": "$<lines.first.count>"}}});
    let messages =
        read_job(std::slice::from_ref(&template), json!([{"filter": {"template": "t"}}])).map(drop).unwrap_err();
    let expected = [
        "lines[0].filter.template: in the filter template `t`: where.a.lt: the job declares no argument `regoin`; did you mean `region`?",
        "lines[0].filter.template: in the filter template `t`: where.b.lt: there is no earlier line `first`",
    ];
    assert_eq!(messages, expected);
    let constant = json!({"key": "t", "values": {"properties": {"top": {}}}, "limit": "$<values.top>"});
    let filter = json!([{"filter": {"template": "t", "values": {"top": "five"}}}]);
    let messages = read_job(&[constant], filter).map(drop).unwrap_err();
    assert_eq!(messages, ["lines[0].filter.template: in the filter template `t`: limit: \"five\" is not an integer"]);
}
