use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::{Failure, testing};

#[test]
fn a_request_is_sent_as_it_was_built() {
    let host = testing::host();
    host.answer(|_| Ok(Response::new(201).with_body("{\"id\": 7}")));
    let request = Request::post("https://example.com/orders").header("X-Key", "k").json(&json!({"n": 1}));
    let request = request.expect("JSON").timeout(Duration::from_secs(3));
    let response = request.send().expect("a response").success().expect("a success");
    assert_eq!(response.json::<Value>().expect("JSON"), json!({"id": 7}));
    assert_eq!(response.url, "https://example.com/orders");
    assert_eq!(host.requests(), [request]);
    let headers = &host.requests()[0].headers;
    assert_eq!(headers[1], ("content-type".to_owned(), "application/json".to_owned()));
    let typed = Request::put("https://example.com").header("Content-Type", "text/csv").text("a,b");
    assert_eq!(typed.headers.len(), 1);
}

#[test]
fn errors_become_failures_of_the_right_kind() {
    let sentence = || "one sentence".to_owned();
    let kinds = [
        (Error::Denied(sentence()), false),
        (Error::Invalid(sentence()), false),
        (Error::Unreachable(sentence()), true),
        (Error::TimedOut(sentence()), true),
        (Error::Limit(sentence()), false),
    ];
    for (error, temporary) in kinds {
        let failure = Failure::from(error);
        assert_eq!((failure.temporary, failure.message.as_str()), (temporary, "one sentence"));
    }
}

#[test]
fn a_status_says_whether_to_try_again_and_when() {
    let failure = |response: Response| response.success().expect_err("no success");
    for status in [408, 425, 429, 500, 502, 503, 504] {
        assert!(failure(Response::new(status)).temporary, "{status}");
    }
    for status in [100, 302, 400, 404, 422, 501, 505, 511, 600] {
        assert!(!failure(Response::new(status)).temporary, "{status}");
    }
    let busy = Response::new(429).with_header("Retry-After", "17");
    assert_eq!(failure(busy).after, Some(17));
    let dated = Response::new(503)
        .with_header("Date", "Sun, 28 Feb 2027 23:59:30 GMT")
        .with_header("Retry-After", "Mon, 01 Mar 2027 00:01:00 GMT");
    assert_eq!(dated.retry_after(), Some(90));
    assert_eq!(Response::new(503).with_header("Retry-After", "soon").retry_after(), None);
}

#[test]
fn a_failure_quotes_the_explanation_of_the_server() {
    let explained = Response { url: "https://x.org/a".to_owned(), ..Response::new(422) };
    let message = explained.clone().with_body("{\"error\":\n \"no name\"}").failure().message;
    assert_eq!(message, "https://x.org/a answered 422 Unprocessable Content: {\"error\": \"no name\"}");
    let long = explained.clone().with_body("é".repeat(1000)).failure().message;
    assert!(long.ends_with("é…") && long.chars().count() < 300);
    assert!(explained.with_body("<html>").failure().message.ends_with("Content"));
}

#[test]
fn without_a_response_of_the_test_a_request_fails() {
    let _host = testing::host();
    assert!(matches!(Request::get("https://example.com").send(), Err(Error::Unreachable(_))));
}

#[test]
fn dates_are_counted_from_1970() {
    assert_eq!(moment::seconds("Thu, 01 Jan 1970 00:00:01 GMT"), Some(1));
    assert_eq!(moment::seconds("Tue, 29 Feb 2028 12:30:15 GMT"), Some(1_835_440_215));
    assert_eq!(moment::seconds("2028-02-29"), None);
}
