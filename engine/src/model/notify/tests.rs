use std::sync::Arc;

use chrono_tz::Tz;
use uuid::Uuid;

use super::*;
use crate::model::Instant;
use crate::model::action::{ActionSpec, Intake};
use crate::model::catalogue::Offering;
use crate::model::line::Work;
use crate::model::module::Installed;
use crate::model::record::Sample;
use crate::model::result::{Counters, JobResult, LineKind, LineResult, ResultId};
use crate::model::status::Status;
use crate::model::variables::{FIELDS_OF_RESULT, Setting};

fn catalogue() -> Catalogue {
    let texts = |names: &[&str]| -> Map<String, Value> {
        names.iter().map(|name| ((*name).to_owned(), json!({"type": "string"}))).collect()
    };
    let action = |module: &str, name: &str, properties: Map<String, Value>, required: &str| ActionSpec {
        module: module.into(),
        name: name.into(),
        title: String::new(),
        summary: String::new(),
        parameters: json!({"required": [required], "additionalProperties": false, "properties": properties}),
        intake: Intake::Batches,
    };
    let mut request = texts(&["url", "method", "per"]);
    request.insert("headers".to_owned(), json!({"additionalProperties": {"type": "string"}}));
    let modules = [
        Installed::sample("http", "1.0.0", vec![action("http", "http.request", request, "url")]),
        Installed::sample("mail", "1.0.0", vec![action("mail", "send", texts(&["to"]), "to")]),
    ];
    Catalogue::new(modules.map(|module| Arc::new(Offering::new(module).unwrap())))
}

fn read(written: Value) -> Result<NotifyRule, Vec<String>> {
    NotifyRule::read(&written, 2, (&catalogue(), Choice::Newest(&[])))
        .map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

fn parameters(rule: &NotifyRule) -> Value {
    let Work::Action(work) = &rule.line.work else { panic!("an action") };
    work.parameters.constant().unwrap()
}

#[test]
fn a_webhook_is_a_request_for_each_record_that_is_tried_five_times() {
    let rule = read(json!({"on": ["error", "recovered"], "webhook": "https://x.example/hook"})).unwrap();
    assert_eq!(rule.on, [Occasion::Ended(Status::Error), Occasion::Recovered]);
    assert_eq!(rule.line.action(), Some("http/http.request"));
    let plain = json!({"url": "https://x.example/hook", "method": "POST", "per": "record"});
    assert_eq!(parameters(&rule), plain);
    assert_eq!(rule.line.retry.map(|retry| retry.attempts), Some(5));
    assert_eq!((rule.line.line_no, rule.line.path.as_str()), (1_000_000_003, "notify[2]"));
    let more = json!({"slowerThan": "10m", "webhook": {"url": "https://x.example", "headers": {"X-Key": "1"}}});
    let rule = read(more).unwrap();
    assert_eq!(rule.slower_than, Some(Duration::from_secs(600)));
    assert_eq!(parameters(&rule)["headers"], json!({"X-Key": "1"}));
    let rule = read(
        json!({"on": ["info"], "action": "send", "parameters": {"to": "a"}, "retry": {"delay": "2s"}, "timeout": "9s"}),
    );
    let line = rule.unwrap().line;
    let retry = line.retry.unwrap();
    assert_eq!((retry.attempts, retry.delay.as_secs(), line.timeout.as_secs()), (5, 2, 9));
}

#[test]
fn faults_are_reported_where_the_rule_was_written() {
    let expected = [
        (json!({"webhook": "https://x"}), "notify[2]: has neither `on` nor `slowerThan`"),
        (json!({"on": ["error"]}), "notify[2]: has neither `webhook` nor `action`"),
        (json!({"on": ["error"], "webhook": "https://u", "action": "send"}), "notify[2]: has both"),
        (
            json!({"on": ["error"], "webhook": "https://u", "parameters": {}}),
            "notify[2].parameters: belong to an action",
        ),
        (json!({"on": ["error"], "webhook": "u"}), "notify[2].webhook: `u` is not an address; it must begin"),
        (json!({"on": ["error"], "webhook": {"url": "ftp://u"}}), "notify[2].webhook.url: `ftp://u` is not an address"),
        (json!({"on": ["error"], "action": "sned"}), "notify[2].action: there is no action `sned`"),
        (json!({"on": ["error"], "action": "send", "parameters": {"to": 5}}), "notify[2].parameters.to: 5 is not"),
        (json!({"on": ["error"], "webhook": "$<args.url>"}), "notify[2].webhook: `args` is known only in lines"),
        (
            json!({"on": ["error"], "webhook": {"url": "https://u", "headers": {"a": "$<tody>"}}}),
            "notify[2].webhook.headers.a: there is no variable `tody`; did you mean `today`?",
        ),
        (
            json!({"on": ["error"], "webhook": "$<result.sattus>"}),
            "notify[2].webhook: `result` has no field `sattus`; did you mean `status`?",
        ),
        (json!({"slowerThan": "31d", "webhook": "https://u"}), "notify[2].slowerThan: 31d is longer than 30d"),
        (
            json!({"on": ["error"], "webhook": "https://u", "retry": {"delay": "25h"}}),
            "notify[2].retry.delay: 25h is longer",
        ),
    ];
    for (written, beginning) in expected {
        let messages = read(written).unwrap_err();
        assert_eq!(messages.len(), 1, "{messages:#?}");
        assert!(messages[0].starts_with(beginning), "{beginning} is not {}", messages[0]);
    }
}

#[test]
fn a_rule_applies_to_what_it_names_and_reports_the_rarest() {
    let rule = |on: Value, slow: Option<&str>| {
        let mut written = json!({"on": on, "webhook": "https://u"});
        if let Some(slow) = slow {
            written["slowerThan"] = json!(slow);
        }
        read(written).unwrap()
    };
    let ended =
        |status, previous, seconds: u64| Ended { status, previous, duration: Some(Duration::from_secs(seconds)) };
    let bad = rule(json!(["error", "killed"]), None);
    assert_eq!(bad.applies(&ended(Status::Error, None, 1)), Some(Occasion::Ended(Status::Error)));
    assert_eq!(bad.applies(&ended(Status::Killed, None, 1)), Some(Occasion::Ended(Status::Killed)));
    assert_eq!(bad.applies(&ended(Status::Warning, Some(Status::Error), 1)), None);
    let well = rule(json!(["success", "recovered"]), Some("10s"));
    assert_eq!(well.applies(&ended(Status::Success, Some(Status::Killed), 99)), Some(Occasion::Recovered));
    assert_eq!(
        well.applies(&ended(Status::Success, Some(Status::Success), 99)),
        Some(Occasion::Ended(Status::Success))
    );
    assert_eq!(well.applies(&ended(Status::Info, Some(Status::Error), 1)), Some(Occasion::Recovered));
    assert_eq!(well.applies(&ended(Status::Info, None, 10)), None);
    assert_eq!(well.applies(&ended(Status::Error, Some(Status::Error), 1)), None, "it has not recovered");
    assert_eq!(well.applies(&ended(Status::Info, None, 11)), Some(Occasion::Slow));
    assert_eq!(well.applies(&Ended { status: Status::Killed, previous: None, duration: None }), None);
}

fn variable(name: &str) -> values::template::Variable {
    values::template::Variable { path: vec![name.to_owned()], optional: false }
}

fn result() -> JobResult {
    let at = |text: &str| text.parse::<Instant>().unwrap();
    JobResult {
        id: ResultId(Uuid::nil()),
        job: "weekly".to_owned(),
        version: 3,
        title: None,
        status: Status::Error,
        message: "Stopped.".to_owned(),
        started_by: "ana".to_owned(),
        dry_run: false,
        queue: "default".into(),
        priority: 0,
        retry_of: None,
        root: ResultId(Uuid::nil()),
        notification_of: None,
        scheduled: None,
        started_from: None,
        depth: 0,
        now: at("2026-11-20T07:00:00Z"),
        templates: Vec::new(),
        failed_line: None,
        arguments: Map::new(),
        since: None,
        created_at: at("2026-11-20T07:00:00Z"),
        started_at: Some(at("2026-11-20T07:00:01Z")),
        finished_at: Some(at("2026-11-20T07:00:02.500Z")),
        attempt: 1,
        counters: Counters { records_in: 3, records_out: 2, records_rejected: 1 },
        modules: Vec::new(),
    }
}

fn line(line_no: u32) -> LineResult {
    LineResult {
        line_no,
        name: None,
        kind: LineKind::Action,
        action: None,
        status: Status::Error,
        message: "No.".to_owned(),
        started_at: None,
        finished_at: None,
        attempt: 1,
        retry_at: None,
        counters: Counters::default(),
        parameters: Default::default(),
        sample: Sample::default(),
        rejected: Vec::new(),
        log: Vec::new(),
        effects: Vec::new(),
    }
}

#[test]
fn the_record_describes_the_result_and_its_first_lines() {
    let result = result();
    let setting = Setting {
        result: &result,
        job_name: "Weekly",
        organization: ("acme", "Acme"),
        now: result.created_at,
        zone: Tz::UTC,
    };
    let lines: Vec<_> = (1..=101).map(line).collect();
    let record = summary(Occasion::Recovered, &setting, &lines);
    let of_result = json!({
        "id": "00000000-0000-0000-0000-000000000000", "status": "error", "message": "Stopped.", "title": null,
        "startedBy": "ana", "dryRun": false, "attempt": 1, "createdAt": "2026-11-20T07:00:00Z",
        "startedAt": "2026-11-20T07:00:01Z", "finishedAt": "2026-11-20T07:00:02.500Z", "durationMs": 1500,
        "counters": {"in": 3, "out": 2, "rejected": 1},
    });
    assert_eq!(record["result"], of_result);
    assert_eq!(record["occasion"], "recovered");
    assert_eq!(record["organization"], json!({"key": "acme", "name": "Acme"}));
    assert_eq!(record["job"], json!({"key": "weekly", "name": "Weekly", "version": 3}));
    assert_eq!(record["lines"][0], json!({"lineNo": 1, "name": null, "status": "error", "message": "No."}));
    assert_eq!((record["lines"].as_array().unwrap().len(), &record["linesLeftOut"]), (100, &json!(1)));
    let known: Vec<_> = of_result.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(known, FIELDS_OF_RESULT);
    // The names that a rule may use are exactly the variables it gets.
    let names = Names { location: TemplateLocation::Notification, ..Names::default() };
    let got = variables(&setting, &record);
    assert!(got.keys().all(|name| names.fault(&variable(name)).is_none()), "{:?}", got.keys());
    for name in ["today", "job", "result", "organization", "startedBy", "timeZone", "records"] {
        assert!(got.contains_key(name), "{name}");
    }
}
