use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::Job;
use crate::model::action::{ActionSpec, Intake};
use crate::model::catalogue::{Catalogue, Choice, Offering};
use crate::model::module::{Installed, MAX_JOB_KEY_CHARACTERS, MAX_KEY_CHARACTERS, is_key};
use crate::model::notify::Occasion;
use crate::model::overlap::Overlap;
use crate::model::status::Status;

fn catalogue() -> Catalogue {
    let send = ActionSpec {
        module: "mail".into(),
        name: "send".into(),
        title: String::new(),
        summary: String::new(),
        parameters: json!({
            "type": "object",
            "required": ["to"],
            "additionalProperties": false,
            "properties": {"to": {"type": "string"}, "copies": {"type": "integer"}, "body": {"type": "string", "raw": true}},
        }),
        intake: Intake::Batches,
    };
    Catalogue::new([Arc::new(Offering::new(Installed::sample("mail", "1.0.0", vec![send])).unwrap())])
}

fn faults(document: Value) -> Vec<String> {
    Job::read(&document, &catalogue(), Choice::Newest(&[]))
        .map(|_| ())
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn with_lines(lines: Value) -> Value {
    json!({"key": "a-job", "lines": lines})
}

#[test]
fn a_valid_job_is_read_with_its_defaults_and_sorted() {
    let document = json!({
        "key": "weekly",
        "timeZone": "Europe/Madrid",
        "lines": [
            {"lineNo": 20, "action": "send", "parameters": {"to": "a", "copies": "$<args.n>", "body": "{{not ours"}},
            {"lineNo": 10, "name": "open", "filter": {"limit": "$<args.top>", "where": {"a": {"lt": "$<today>"}}}},
            {"action": "mail/send", "active": false, "timeout": "30s", "parameters": {"to": "$<lines.open.count> ${lines.20.status}"}},
        ],
    });
    let job = Job::read(&document, &catalogue(), Choice::Newest(&[])).unwrap();
    assert_eq!((job.name.as_str(), job.batch_size, job.stops_on_error), ("weekly", 1000, true));
    let numbers: Vec<_> = job.lines.iter().map(|line| (line.line_no, line.title())).collect();
    assert_eq!(numbers, [(10, "open"), (20, "mail/send"), (30, "mail/send")]);
    assert_eq!(job.lines[2].timeout.as_secs(), 30);
}

#[test]
fn all_faults_are_reported_at_once_with_their_paths() {
    let messages = faults(json!({
        "key": "a-job",
        "timeZone": "Europe/Madird",
        "arguments": {"properties": {"top": {"type": "integer"}}},
        "lines": [
            {"lineNo": 10, "action": "sendd"},
            {"lineNo": 10, "action": "send", "parameters": {"to": "$<tody> $<args.tpo>"}},
            {"name": "x", "filter": {"where": {"a": {"grt": 1}}}},
            {"name": "x", "action": "send", "parameters": {"to": "{{#if today}}"}},
        ],
    }));
    let expected = [
        "timeZone: `Europe/Madird` is not a time zone",
        "lines[0].action: there is no action `sendd`; did you mean `send`?",
        "lines[1].lineNo: 10 is already the number of lines[0]",
        "lines[1].parameters.to: there is no variable `tody`; did you mean `today`?",
        "lines[1].parameters.to: the job declares no argument `tpo`; did you mean `top`?",
        "lines[2].filter.where.a.grt: there is no operator `grt`",
        "lines[3].name: `x` is already the name of lines[2]",
        "lines[3].parameters.to: ",
    ];
    for beginning in expected {
        assert!(messages.iter().any(|fault| fault.starts_with(beginning)), "{beginning} is not in {messages:#?}");
    }
    assert_eq!(messages.len(), expected.len(), "{messages:#?}");
}

#[test]
fn faults_of_shape_are_reported_at_once_too() {
    let messages = faults(
        json!({"key": "A Job", "stopsOnEror": true, "lines": [{"action": 5}, {"filter": {"limit": -1, "wher": {}}}]}),
    );
    let expected = [
        "key: ",
        "stopsOnEror: there is no field `stopsOnEror` here; did you mean `stopsOnError`?",
        "lines[0].action: 5 is not a string",
    ];
    let in_filter =
        ["lines[1].filter.limit: ", "lines[1].filter.wher: there is no field `wher` here; did you mean `where`?"];
    for beginning in expected.into_iter().chain(in_filter) {
        assert!(messages.iter().any(|fault| fault.starts_with(beginning)), "{beginning} is not in {messages:#?}");
    }
}

#[test]
fn faults_of_shape_and_of_meaning_are_reported_together() {
    let messages = faults(json!({
        "key": "a-job",
        "stopsOnEror": true,
        "timeZone": "Mars/Base",
        "lines": [
            {"name": "first", "filter": {"limit": -1}},
            {"action": "sendd"},
            {"action": "send", "parameters": {"to": "$<lines.first.count> $<tody>"}},
            {"lineNo": 18446744073709551615_u64, "action": "send", "parameters": {"to": "x"}},
            {"action": "send", "parameters": {"to": "x"}},
        ],
    }));
    for beginning in [
        "stopsOnEror: ",
        "timeZone: ",
        "lines[0].filter.limit: ",
        "lines[1].action: ",
        "lines[2].parameters.to: there is no variable `tody`",
        "lines[3].lineNo: ",
    ] {
        assert!(messages.iter().any(|fault| fault.starts_with(beginning)), "{beginning} is not in {messages:#?}");
    }
    assert!(!messages.iter().any(|fault| fault.contains("`first`")), "a line with a fault is a line: {messages:#?}");
}

#[test]
fn a_misspelt_field_hides_no_other_fault_of_its_line() {
    let messages = faults(with_lines(json!([
        {"filter": {"wher": {}, "limit": -1, "where": {"a": {"grt": 1}, "b": "$<tody>"}, "orderBy": ["a..b"]}},
        {"filter": {"limt": 5, "template": 5, "values": {"x": 1}, "where": {"a": {"grt": 1}}}},
        {"nmae": "x", "action": "send", "timeout": "2d", "parameters": {"to": 5, "copies": "$<tody>"}},
        {"action": 5, "parameters": {}},
        {"action": "send", "parameters": 5},
        {"filter": 5},
    ])));
    let expected = [
        "lines[0].filter.wher: there is no field `wher` here; did you mean `where`?",
        "lines[0].filter.limit: ",
        "lines[0].filter.where.a.grt: there is no operator `grt`",
        "lines[0].filter.orderBy[0]: ",
        "lines[1].filter.limt: there is no field `limt` here; did you mean `limit`?",
        "lines[1].filter.template: 5 is not a string",
        "lines[1].filter.where.a.grt: there is no operator `grt`",
        "lines[2].nmae: there is no field `nmae` here; did you mean `name`?",
        "lines[2].timeout: 2d is longer than 1d",
        "lines[2].parameters.to: 5 is not a string",
        "lines[3].action: 5 is not a string",
        "lines[4].parameters: 5 is not an object",
        "lines[5].filter: 5 is not an object",
    ];
    for beginning in expected {
        assert!(messages.iter().any(|fault| fault.starts_with(beginning)), "{beginning} is not in {messages:#?}");
    }
    assert_eq!(messages.len(), expected.len(), "{messages:#?}");
}

#[test]
fn a_fault_of_the_tenth_line_hides_none_of_the_first() {
    let mut lines = vec![json!({"filter": {}}); 11];
    lines[1] = json!({"filter": {"where": {"a": {"grt": 1}}}});
    lines[10] = json!({"action": 5});
    let messages = faults(with_lines(json!(lines)));
    assert!(messages.iter().any(|fault| fault.starts_with("lines[1].filter.where.a.grt: ")), "{messages:#?}");
    assert_eq!(messages.len(), 2, "{messages:#?}");
}

#[test]
fn variables_are_checked_beside_faults_of_shape() {
    let messages = faults(with_lines(json!([{"nmae": "x", "action": "send", "parameters": {"to": "$<tody>"}}])));
    assert!(messages.iter().any(|fault| fault.contains("there is no variable `tody`")), "{messages:#?}");
    assert_eq!(messages.len(), 2, "{messages:#?}");
}

#[test]
fn parameters_are_checked_as_far_as_is_certain() {
    let messages =
        faults(with_lines(json!([{"action": "send", "parameters": {"to": 5, "copies": "$<args.n>", "boddy": "x"}}])));
    assert!(messages.iter().any(|fault| fault == "lines[0].parameters.to: 5 is not a string"), "{messages:#?}");
    assert!(messages.iter().any(|fault| fault.starts_with("lines[0].parameters.boddy: ")), "{messages:#?}");
    assert_eq!(messages.len(), 2, "{messages:#?}");
}

#[test]
fn a_line_is_one_thing() {
    let messages = faults(with_lines(json!([{}, {"filter": {}, "action": "send"}, {"filter": {}, "parameters": {}}])));
    assert_eq!(messages.len(), 3, "{messages:#?}");
}

#[test]
fn words_of_later_versions_are_refused_with_what_to_do() {
    let messages = faults(json!({"key": "a", "module": "x", "lines": [{"action": "send", "parameters": {"to": "x"}}]}));
    assert_eq!(messages.len(), 1, "{messages:#?}");
    assert!(messages[0].starts_with("module: this version cannot keep jobs in modules"), "{messages:#?}");
}

#[test]
fn policies_are_read_and_have_defaults() {
    let line = json!({"action": "send", "parameters": {"to": "x"}});
    let read = |document: Value| Job::read(&document, &catalogue(), Choice::Newest(&[])).unwrap();
    let plain = read(json!({"key": "a", "lines": [line]}));
    assert_eq!((plain.queue.as_deref(), plain.priority, plain.overlap, plain.timeout), (None, 0, None, None));
    assert_eq!((plain.lines[0].retry, plain.lines[0].keep, plain.notify.len()), (None, false, 0));
    let job = read(json!({
        "key": "a", "queue": "erp-slow", "priority": -5, "overlap": "replace", "timeout": "3d",
        "notify": [{"on": ["error"], "action": "mail@1.0/send", "parameters": {"to": "$<result.message>"}}],
        "lines": [{"action": "send", "parameters": {"to": "x"}, "retry": {"attempts": 7}, "keep": true, "timeout": "24h"}],
    }));
    assert_eq!((job.queue.as_deref(), job.priority), (Some("erp-slow"), -5));
    assert_eq!((job.overlap, job.timeout), (Some(Overlap::Replace), Some(Duration::from_secs(3 * 86400))));
    assert_eq!((job.lines[0].retry.unwrap().attempts, job.lines[0].keep), (7, true));
    assert_eq!(job.notify[0].on, [Occasion::Ended(Status::Error)]);
    let pins: Vec<_> = job.pins().into_iter().map(|pin| pin.requirement).collect();
    assert_eq!(pins, [None, Some("1.0".to_owned())], "rules are pinned as lines are");
}

#[test]
fn faults_of_policies_are_reported_with_their_paths() {
    let messages = faults(json!({
        "key": "a", "queue": "ERP", "priority": 1001, "overlap": "wait", "timeout": "31d",
        "notify": [{"on": ["done"], "action": "send"}, {"on": ["error"], "action": "sned"}],
        "lines": [
            {"action": "send", "parameters": {"to": "x"}, "retry": {"attempts": 0, "dealy": "1s"}},
            {"action": "send", "parameters": {"to": "x"}, "timeout": "25h", "retry": {"jitter": 2}},
            {"action": "send", "parameters": {"to": "x"}, "timeout": "2d", "retry": {"delay": "2d"}, "keep": true},
            {"filter": {}, "retry": {}},
        ],
    }));
    let expected = [
        "queue: \"ERP\" does not fit. The queue",
        "priority: 1001 is ",
        "overlap: \"wait\" is not one of",
        "timeout: 31d is longer than 30d",
        "notify[0].on[0]: \"done\" is not one of",
        "notify[1].action: there is no action `sned`",
        "lines[0].retry.attempts: 0 is ",
        "lines[0].retry.dealy: there is no field `dealy` here; did you mean `delay`?",
        "lines[1].retry.jitter: 2 is ",
        "lines[1].timeout: 25h is longer than 1d",
        "lines[2].timeout: 2d is longer than 1d",
        "lines[2].retry.delay: 2d is longer than 1d",
        "lines[3].retry: belongs to an action",
    ];
    for beginning in expected {
        assert!(messages.iter().any(|fault| fault.starts_with(beginning)), "{beginning} is not in {messages:#?}");
    }
    assert_eq!(messages.len(), expected.len(), "{messages:#?}");
}

#[test]
fn a_template_may_read_only_lines_before_it() {
    let messages = faults(with_lines(json!([
        {"name": "first", "action": "send", "parameters": {"to": "$<lines.second.count>"}},
        {"name": "second", "action": "send", "parameters": {"to": "$<lines.first.cuont> $<lines.fist.count>"}},
    ])));
    assert_eq!(messages[0], "lines[0].parameters.to: line `second` has no result yet; use an earlier line");
    assert_eq!(messages[1], "lines[1].parameters.to: `lines.first` has no field `cuont`; did you mean `count`?");
    assert_eq!(messages[2], "lines[1].parameters.to: there is no earlier line `fist`; did you mean `first`?");
}

#[test]
fn what_is_no_job_at_all_is_refused() {
    for document in
        [json!(null), json!([]), json!({}), json!({"key": "a", "lines": []}), json!({"key": "a", "lines": [5]})]
    {
        assert!(!faults(document).is_empty());
    }
}

#[test]
fn keys_are_as_long_as_they_may_be() {
    let job = |key: usize, queue: usize, schedule: usize| {
        let word = |length: usize| "k".repeat(length);
        let schedules = json!([{"key": word(schedule), "interval": "1h"}]);
        let lines = json!([{"filter": {"source": {"inline": []}}}]);
        let job = json!({"key": word(key), "queue": word(queue), "schedules": schedules, "lines": lines});
        Job::read(&job, &catalogue(), Choice::Newest(&[])).map(drop).map_err(|faults| faults[0].path.clone())
    };
    let (most, most_of_job) = (MAX_KEY_CHARACTERS, MAX_JOB_KEY_CHARACTERS);
    assert_eq!(job(most_of_job, most, most), Ok(()));
    assert_eq!(job(most_of_job + 1, most, most), Err("key".to_owned()));
    assert_eq!(job(most_of_job, most + 1, most), Err("queue".to_owned()));
    assert_eq!(job(most_of_job, most, most + 1), Err("schedules[0].key".to_owned()));
    assert!(is_key(&"k".repeat(most)) && !is_key(&"k".repeat(most + 1)));
}
