use ropewalk_sdk::jobs::{Ended, Error};
use ropewalk_sdk::testing::{context, host, run, run_in};

use super::*;

#[test]
fn starts_once_whatever_the_set() {
    let host = host();
    let parameters = json!({"job": "other", "arguments": {"n": 5}, "title": "Again"});
    let report = run::<Start>(parameters.clone(), &[json!([{"a": 1}]), json!([{"a": 2}])]).expect("runs");
    assert_eq!(report.message(), "Started `other`; its result is result-1.");
    assert_eq!(report.records, json!([{"a": 1}, {"a": 2}]));
    run::<Start>(parameters, &[]).expect("runs");
    let started = host.started();
    assert_eq!(started.len(), 2);
    assert_eq!((started[0].title.as_deref(), started[0].arguments.get("n")), (Some("Again"), Some(&json!(5))));
    assert!(started[0].records.is_none());
}

#[test]
fn hands_the_whole_set_over() {
    let host = host();
    let parameters = json!({"job": "other", "records": "set"});
    let report = run::<Start>(parameters.clone(), &[json!([{"a": 1}]), json!([{"a": 2}])]).expect("runs");
    assert_eq!(report.message(), "Started `other` with 2 records; its result is result-1.");
    assert_eq!(host.started()[0].records.as_ref().map(Records::text), Some("[{\"a\":1},{\"a\":2}]"));
    let empty = run::<Start>(parameters.clone(), &[]).expect("runs");
    assert_eq!(empty.message(), "There are no records, so `other` was not started.");
    assert_eq!(empty.outcomes[0].severity, Severity::Info);
    assert_eq!(host.started().len(), 1);
    let dry = Context { dry_run: true, ..context() };
    let dry = run_in::<Start>(parameters, &[json!([{}])], &dry).expect("runs");
    assert_eq!(dry.message(), "Would start `other` with 1 record.");
}

#[test]
fn faults_are_reported() {
    let host = host();
    for (error, temporary) in
        [(Error::Invalid("no such job".to_owned()), false), (Error::Unavailable("away".to_owned()), true)]
    {
        host.refuse_starts(error);
        assert_eq!(run::<Start>(json!({"job": "x"}), &[]).expect_err("refused").temporary, temporary);
    }
}

fn ended(status: &str, records: Option<Value>) -> Ended {
    let records = records.map(|records| Records::from_text(records.to_string()));
    Ended { id: "1".into(), job: "other".into(), status: status.into(), message: "It is done.".into(), records }
}

#[test]
fn waits_until_the_job_has_ended_and_takes_its_outcome() {
    let host = host();
    let parameters = json!({"job": "other", "records": "set", "wait": true, "response": "records"});
    let batches = [json!([{"a": 1}])];
    assert_eq!(
        run::<Start>(parameters.clone(), &batches).expect_err("waits").message,
        "The line waits for `other` to end."
    );
    host.end_jobs(vec![ended("warning", Some(json!([{"b": 2}])))]);
    let report = run::<Start>(parameters.clone(), &batches).expect("runs");
    assert_eq!(report.message(), "`other` ended as warning: It is done.");
    assert_eq!(report.outcomes.last().expect("closed").severity, Severity::Warning);
    assert_eq!(report.records, json!([{"b": 2}]));
    for status in ["error", "killed"] {
        host.end_jobs(vec![ended(status, None)]);
        let failure = run::<Start>(parameters.clone(), &batches).expect_err("failed");
        assert_eq!((failure.temporary, failure.message), (false, format!("`other` ended as {status}: It is done.")));
    }
}

#[test]
fn starts_a_job_for_each_record_and_rejects_those_that_failed() {
    let host = host();
    let parameters = json!({"job": "other", "records": "each", "wait": true});
    host.end_jobs(vec![ended("success", None), ended("error", None), ended("info", None)]);
    let report = run::<Start>(parameters, &[json!([{"a": 1}, {"a": 2}, {"a": 3}])]).expect("runs");
    assert_eq!(report.rejected(), [(1, "`other` ended as error: It is done.")]);
    assert_eq!(report.records, json!([{"a": 1}, {"a": 3}]));
    assert_eq!(report.message(), "Started `other` 3 times.");
    assert_eq!(host.started()[2].records.as_ref().map(Records::text), Some("[{\"a\":3}]"));
    let failure = run::<Start>(json!({"job": "x", "response": "records"}), &[]).expect_err("no wait");
    assert!(failure.message.contains("write wait: true"), "{}", failure.message);
}
