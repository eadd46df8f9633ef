use ropewalk_sdk::http::{Error, Response};
use ropewalk_sdk::testing::{Host, Report, context, host, run, run_in};
use ropewalk_sdk::{Severity, json};

use super::*;

const URL: &str = "https://api.example.com/orders";

fn with_url(parameters: Value) -> Value {
    let mut all = json!({"url": URL});
    all.as_object_mut().expect("an object").extend(parameters.as_object().cloned().expect("an object"));
    all
}

fn sends(parameters: Value, batches: &[Value]) -> Report {
    run::<Request>(with_url(parameters), batches).expect("runs")
}

fn fails(parameters: Value, batches: &[Value]) -> Failure {
    run::<Request>(with_url(parameters), batches).expect_err("fails")
}

/// What was sent: method, URL, body.
fn sent(host: &Host) -> Vec<(String, String, Value)> {
    let body = |request: &http::Request| {
        let body = request.body.as_deref().unwrap_or(b"null");
        serde_json::from_slice(body).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(body)))
    };
    host.requests().iter().map(|request| (request.method.clone(), request.url.clone(), body(request))).collect()
}

fn answers(response: Response) -> Host {
    let host = host();
    host.answer(move |_| Ok(response.clone()));
    host
}

fn json_answer(body: Value) -> Response {
    Response::new(200).with_header("content-type", "application/json; charset=utf-8").with_body(body.to_string())
}

#[test]
fn batches_are_posted_as_they_come() {
    let host = answers(Response::new(204));
    let batches = [json!([{"id": 1}, {"id": 2}]), json!([{"id": 3}])];
    let report = sends(json!({"method": "POST", "headers": {"X-Key": "k"}, "timeout": "1500ms"}), &batches);
    let expected = [json!([{"id": 1}, {"id": 2}]), json!([{"id": 3}])];
    assert_eq!(sent(&host), expected.map(|body| ("POST".to_owned(), URL.to_owned(), body)));
    assert_eq!(report.message(), "Sent 2 requests to api.example.com.");
    assert_eq!(report.records, json!([{"id": 1}, {"id": 2}, {"id": 3}]));
    let first = &host.requests()[0];
    assert_eq!(first.headers[0], ("X-Key".to_owned(), "k".to_owned()));
    assert_eq!(first.headers[1].1, "application/json");
    assert_eq!(first.timeout, Some(Duration::from_millis(1500)));
}

#[test]
fn records_can_be_in_a_field_of_the_body() {
    let host = answers(Response::new(200));
    sends(json!({"body": {"source": "x"}, "recordsIn": "items"}), &[json!([{"id": 1}])]);
    sends(json!({"recordsIn": "items"}), &[json!([{"id": 2}])]);
    let bodies: Vec<Value> = sent(&host).into_iter().map(|(_, _, body)| body).collect();
    assert_eq!(bodies, [json!({"source": "x", "items": [{"id": 1}]}), json!({"items": [{"id": 2}]})]);
}

#[test]
fn a_request_without_records_is_sent_once() {
    let host = answers(json_answer(json!({"data": {"items": [{"id": 7}, {"id": 8}]}})));
    let fetch = json!({"response": "records", "pointer": "/data/items"});
    let from_nothing = sends(fetch.clone(), &[]);
    assert_eq!(from_nothing.records, json!([{"id": 7}, {"id": 8}]));
    assert_eq!(from_nothing.message(), "Sent 1 request to api.example.com.");
    let instead = sends(fetch, &[json!([{"a": 1}]), json!([{"a": 2}])]);
    assert_eq!(instead.records, json!([{"id": 7}, {"id": 8}]));
    let with_field = sends(json!({"response": "field", "field": "all"}), &[json!([{"a": 1}]), json!([{"a": 2}])]);
    assert_eq!(with_field.records[1], json!({"a": 2, "all": {"data": {"items": [{"id": 7}, {"id": 8}]}}}));
    assert_eq!(sent(&host).len(), 3);
    assert_eq!(sent(&host)[0].0, "GET");
    assert!(host.requests()[0].has_header("accept"));
    sends(json!({"body": {"go": true}}), &[json!([{}]), json!([{}])]);
    assert_eq!(sent(&host)[3..], [("POST".to_owned(), URL.to_owned(), json!({"go": true}))]);
}

#[test]
fn without_records_nothing_is_sent() {
    let host = host();
    let report = sends(json!({"method": "PUT"}), &[]);
    assert_eq!((report.message(), host.requests().len()), ("", 0));
    sends(json!({}), &[]);
    sends(json!({"per": "record"}), &[]);
    sends(json!({"per": "record", "method": "GET"}), &[]);
    assert!(host.requests().is_empty());
}

#[test]
fn without_a_method_records_are_posted() {
    let host = answers(json_answer(json!({"score": 1})));
    let batch = [json!([{"id": 1}, {"id": 2}])];
    let list = json!([{"id": 1}, {"id": 2}]);
    let each = [json!({"id": 1}), json!({"id": 2})];
    let cases = [
        (json!({}), "POST", vec![list]),
        (json!({"per": "record"}), "POST", each.to_vec()),
        (json!({"per": "record", "response": "field", "field": "f"}), "POST", each.to_vec()),
        (json!({"perRecord": {"headers": {"X-Id": "{{id}}"}}}), "POST", each.to_vec()),
        (json!({"perRecord": {"url": "/{{id}}"}, "response": "field", "field": "f"}), "GET", vec![Value::Null; 2]),
        (json!({"response": "field", "field": "f"}), "GET", vec![Value::Null]),
        (json!({"method": "GET"}), "GET", vec![Value::Null]),
        (json!({"method": "GET", "per": "record"}), "GET", vec![Value::Null; 2]),
    ];
    for (parameters, method, bodies) in cases {
        let before = host.requests().len();
        sends(parameters.clone(), &batch);
        let sent: Vec<_> = sent(&host).split_off(before).into_iter().map(|(method, _, body)| (method, body)).collect();
        let expected: Vec<_> = bodies.into_iter().map(|body| (method.to_owned(), body)).collect();
        assert_eq!(sent, expected, "{parameters}");
    }
}

#[test]
fn each_record_has_its_own_request() {
    let host = answers(json_answer(json!({"state": "ok"})));
    let parameters = json!({
        "method": "PUT",
        "perRecord": {"url": "/{{id}}?n={{name}}", "headers": {"If-Match": "{{id}}"}, "body": {"total": "{{mul id 2}}"}},
        "response": "field", "field": "answer", "pointer": "/state"
    });
    let report = sends(parameters, &[json!([{"id": 1, "name": "a b"}, {"id": 2}, {"id": 3, "name": "c"}])]);
    let expected = [(1, "a%20b", 2), (3, "c", 6)]
        .map(|(id, name, total)| ("PUT".to_owned(), format!("{URL}/{id}?n={name}"), json!({"total": total})));
    assert_eq!(sent(&host), expected);
    assert_eq!(host.requests()[1].headers[1], ("If-Match".to_owned(), "3".to_owned()));
    assert_eq!(report.records[0], json!({"id": 1, "name": "a b", "answer": "ok"}));
    assert_eq!(report.rejected()[0].0, 1);
    assert!(report.rejected()[0].1.starts_with("perRecord.url: There is no variable `name`"));
}

#[test]
fn a_record_may_name_the_whole_address() {
    let host = answers(Response::new(200));
    let parameters = json!({"perRecord": {"url": "{{{callback}}}"}, "method": "POST"});
    let batch = json!([{"callback": "https://a.example/x?y=1"}, {"callback": "https://b.example/"}]);
    let report = run::<Request>(parameters, &[batch]).expect("runs");
    assert_eq!(sent(&host)[0].1, "https://a.example/x?y=1");
    assert_eq!(sent(&host)[0].2, json!({"callback": "https://a.example/x?y=1"}));
    assert_eq!(report.message(), "Sent 2 requests to 2 servers.");
}

#[test]
fn each_answer_may_give_records() {
    let host = host();
    host.answer(|request| match request.url.rsplit('/').next() {
        Some("1") => Ok(json_answer(json!([{"a": 1}, {"a": 2}]))),
        Some("2") => Ok(Response::new(204)),
        _ => Ok(json_answer(json!({"a": 3}))),
    });
    let parameters = json!({"perRecord": {"url": "/{{id}}"}, "response": "records"});
    let report = sends(parameters, &[json!([{"id": 1}, {"id": 2}, {"id": 3}])]);
    assert_eq!(report.records, json!([{"a": 1}, {"a": 2}, {"a": 3}]));
}

#[test]
fn a_batch_that_is_refused_fails_the_line() {
    let _host = answers(Response::new(429).with_header("retry-after", "9").with_body("slow down"));
    let failure = fails(json!({"method": "POST"}), &[json!([{}])]);
    assert_eq!((failure.temporary, failure.after), (true, Some(9)));
    assert_eq!(failure.message, format!("{URL} answered 429 Too Many Requests: slow down"));
    let _host = answers(Response::new(404));
    assert!(!fails(json!({"method": "POST"}), &[json!([{}])]).temporary);
    sends(json!({"method": "DELETE", "expect": [200, 404]}), &[json!([{}])]);
}

#[test]
fn a_record_that_is_refused_is_rejected() {
    let host = host();
    host.answer(|request| match request.body.as_deref() {
        Some(b"{\"id\":2}") => Ok(Response::new(422).with_body("no name")),
        Some(b"{\"id\":3}") => Err(Error::Invalid("The URL is invalid".to_owned())),
        Some(b"{\"id\":4}") => Ok(Response::new(503).with_header("retry-after", "60")),
        _ => Ok(Response::new(200)),
    });
    let parameters = json!({"method": "POST", "per": "record"});
    let report = sends(parameters.clone(), &[json!([{"id": 1}, {"id": 2}, {"id": 3}])]);
    let refused = format!("{URL} answered 422 Unprocessable Content: no name");
    assert_eq!(report.rejected(), [(1, refused.as_str()), (2, "The URL is invalid")]);
    assert_eq!(report.records, json!([{"id": 1}]));
    let busy = fails(parameters, &[json!([{"id": 1}, {"id": 4}, {"id": 1}])]);
    assert_eq!((busy.temporary, busy.after), (true, Some(60)));
    assert!(busy.message.ends_with("503 Service Unavailable (1 request before it got a response)"), "{busy}");
}

#[test]
fn a_temporary_status_fails_the_line_for_a_record_as_for_a_batch() {
    for status in [408, 425, 429, 500, 502, 503, 504] {
        let _host = answers(Response::new(status).with_header("retry-after", "7"));
        for per in ["batch", "record"] {
            let failure = fails(json!({"per": per}), &[json!([{"id": 1}])]);
            assert_eq!((failure.temporary, failure.after), (true, Some(7)), "{status} per {per}");
            assert!(!failure.message.contains("before it"), "nothing went before it: {failure}");
        }
    }
    let host = host();
    host.answer(|request| Ok(Response::new(if request.body.as_deref() == Some(b"[3]") { 502 } else { 200 })));
    let failure = fails(json!({"method": "POST"}), &[json!([1]), json!([2]), json!([3])]);
    assert!(failure.message.ends_with("502 Bad Gateway (2 requests before it got a response)"), "{failure}");
}

#[test]
fn an_unreachable_server_fails_the_line() {
    for (error, temporary) in [
        (Error::Unreachable("away".to_owned()), true),
        (Error::TimedOut("slow".to_owned()), true),
        (Error::Denied("grant it".to_owned()), false),
        (Error::Limit("too many".to_owned()), false),
    ] {
        let host = host();
        host.answer(move |_| Err(error.clone()));
        for per in ["batch", "record"] {
            assert_eq!(fails(json!({"method": "POST", "per": per}), &[json!([{}])]).temporary, temporary);
        }
    }
}

#[test]
fn responses_without_records_are_reported() {
    let cases = [
        ("5", "contains a single value, not records"),
        ("[1]", "contains a list whose element 0 is not an object, not records"),
        ("<html>", "is not JSON: Expected value (line 1, column 1)"),
        ("{\"a\": 1, \"a\": 2}", "is not JSON: The name \"a\" occurs twice"),
    ];
    for (body, expected) in cases {
        let _host = answers(Response::new(200).with_body(body));
        let failure = fails(json!({"response": "records"}), &[]);
        assert!(failure.message.contains(expected), "{failure}");
    }
    let _host = answers(json_answer(json!({"data": "x"})));
    assert!(
        fails(json!({"response": "records", "pointer": "/items"}), &[]).message.ends_with("has nothing at `/items`")
    );
    let text = answers(Response::new(200).with_body("plain"));
    let report = sends(json!({"response": "field", "field": "f"}), &[json!([{}])]);
    assert_eq!(report.records, json!([{"f": "plain"}]));
    drop(text);
}

#[test]
fn a_dry_run_says_what_it_would_send() {
    let _host = answers(Response::new(202));
    let dry = Context { dry_run: true, ..context() };
    let parameters = with_url(json!({"method": "POST", "response": "records"}));
    let report = run_in::<Request>(parameters, &[json!([{"id": 1}])], &dry).expect("runs");
    assert_eq!(report.message(), "Would send 1 request to api.example.com.");
    assert_eq!(report.records, json!([{"id": 1}]));
    assert_eq!(report.outcomes[0].severity, Severity::Success);
    let each = with_url(json!({"method": "POST", "per": "record", "response": "field", "field": "f"}));
    assert_eq!(run_in::<Request>(each, &[json!([{"id": 1}])], &dry).expect("runs").records, json!([{"id": 1}]));
}

#[test]
fn contradictions_fail_at_once() {
    let cases = [
        (json!({"url": ""}), "url: write the URL"),
        (json!({"per": "batch", "perRecord": {"url": "/{{id}}"}}), "per: perRecord sends one request"),
        (json!({"method": "GET", "body": {}}), "method: a GET request has no body"),
        (json!({"body": {}, "perRecord": {"body": {}}}), "body: perRecord.body replaces it"),
        (json!({"per": "record", "recordsIn": "x"}), "recordsIn: each request has only one record"),
        (json!({"body": "text", "recordsIn": "x"}), "recordsIn: the body is not an object"),
        (json!({"response": "field"}), "field: name the field"),
        (json!({"pointer": "data"}), "pointer: \"data\" is not a JSON Pointer"),
        (json!({"timeout": "1 hour"}), "timeout: \"1 hour\" is not a duration"),
        (json!({"perRecord": {"headers": {"A": "{{uper x}}"}}}), "perRecord.headers.A: There is no helper"),
    ];
    for (parameters, expected) in cases {
        let failure = fails(parameters, &[]);
        assert!(failure.message.starts_with(expected), "{failure}");
    }
}
