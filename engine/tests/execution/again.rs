//! Lines that are tried again, results that go on after a crash, and retries.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::harness::{Harness, all, harness, harness_with, refusal, statuses};
use engine::execution::outcome::Ending;
use engine::execution::retry::{Retry, RetryMode};
use engine::model::fairness::Capacity;
use engine::model::lifecycle::isolation::{CRASHES_ALONE, CRASHES_BESIDE_OTHERS};
use engine::model::lifecycle::waiting::Waiting;
use engine::model::refusal::RefusalCode;
use engine::model::result::{JobResult, ResultId};
use engine::model::status::Status;
use engine::ports::actions::{Failure, FailureKind, Outcome};
use engine::ports::collections::Find;
use engine::ports::queue::{Claim, Claimed, NodeId};

fn numbers(upto: i64) -> Value {
    (1..=upto).map(|n| json!({"n": n})).collect()
}

impl Harness {
    pub(super) async fn claim(&self) -> Claimed {
        self.claim_up_to(1).await.into_iter().next().expect("something waits")
    }

    /// Claims whatever waits, and gives one of it.
    pub(super) async fn claim_of(&self, id: ResultId) -> Option<Claimed> {
        self.claim_up_to(9).await.into_iter().find(|claimed| claimed.result.id == id)
    }

    async fn claim_up_to(&self, slots: u32) -> Vec<Claimed> {
        let (node, capacity) = (self.engine.node_id(), Capacity { slots, spare: 0 });
        let claim = Claim { node, capacity, now: self.engine.now() };
        self.stores.queue.claim(claim).await.unwrap().claimed
    }

    /// Performs what waits, and loses the node in the middle of it.
    pub(super) async fn lose(&self) {
        let (engine, claimed) = (self.engine.clone(), self.claim().await);
        assert!(tokio::spawn(async move { engine.perform_and_lose(claimed).await }).await.is_err());
        self.crash().await;
    }

    /// What a crash of the node leaves behind.
    pub(super) async fn crash(&self) {
        let other = NodeId(uuid::Uuid::now_v7());
        self.stores.queue.recover(other, self.engine.now(), None).await.unwrap();
    }

    async fn found(&self, id: ResultId) -> JobResult {
        self.stores.history.find(self.access.scope(), id).await.unwrap().unwrap()
    }

    /// What lines with the parameter `effect` have done: keys and records.
    async fn effects(&self) -> Vec<(String, Value)> {
        let find = Find { criteria: engine::model::criteria::Criteria::All(Vec::new()), after: None, limit: 100 };
        let found = self.stores.collections.find(self.access.scope(), "effects", &find).await.unwrap();
        found.entries.into_iter().map(|entry| (entry.key, entry.data)).collect()
    }

    pub(super) async fn granted(self) -> Self {
        let grants = engine::model::grant::Grants::read(&json!({"collections": {"names": ["effects"]}})).unwrap();
        self.stores.grants.grant(self.access.scope(), "test", &grants).await.unwrap();
        self
    }
}

/// Fails as often as it is told by the records before it works: a count for each test.
fn passing(failures: &AtomicU32, upto: u32) -> Result<Outcome, Failure> {
    if failures.fetch_add(1, Ordering::SeqCst) < upto {
        return Err(Failure::new(FailureKind::Temporary { retry_after: None }, "The far side is busy."));
    }
    Ok(Outcome::default())
}

#[tokio::test]
async fn a_line_that_fails_for_the_time_being_is_tried_again_and_holds_no_worker() {
    static FAILURES: AtomicU32 = AtomicU32::new(0);
    let harness = harness_with(|_, _| passing(&FAILURES, 2)).await;
    let retry = json!({"attempts": 3, "delay": "20ms", "jitter": 0});
    harness.save(json!({"key": "job", "lines": [{"action": "own", "retry": retry}, {"action": "pass"}]})).await;
    let started = harness.start(json!({}), numbers(3)).await.unwrap();
    let claimed = harness.claim().await;
    assert!(matches!(harness.engine.perform(claimed).await.unwrap(), Ending::Postponed));
    let waits = harness.stores.history.waiting(harness.access.scope(), &[started.id]).await.unwrap();
    assert!(matches!(waits[..], [(id, Waiting::Until(_))] if id == started.id), "{waits:?}");
    let lines = harness.engine.results().lines(harness.access.scope(), &[started.id]).await.unwrap();
    assert_eq!((lines[0].1.status, lines[0].1.attempt), (Status::Running, 1));
    assert_eq!(lines[0].1.message, "Attempt 1 failed: The far side is busy.");
    assert!(lines[0].1.retry_at.is_some());
    let performed = harness.step().await.expect("it goes on by itself");
    assert_eq!(statuses(&performed), [(10, Status::Success), (20, Status::Success)]);
    assert_eq!((performed.lines[0].attempt, FAILURES.load(Ordering::SeqCst)), (3, 3));
    assert_eq!(Value::Array(all(&performed)), numbers(3), "with the records that it had");
}

#[tokio::test]
async fn a_line_that_runs_after_the_timeout_of_its_job_is_retried() {
    for run_on in ["error", "always"] {
        static FAILURES: AtomicU32 = AtomicU32::new(0);
        FAILURES.store(0, Ordering::SeqCst);
        let harness = harness_with(|_, _| passing(&FAILURES, 1)).await.on_the_systems_clock();
        let retry = json!({"attempts": 2, "delay": "20ms", "jitter": 0});
        let lines = json!([
            {"action": "fail", "onError": "continue"},
            {"action": "echo", "parameters": {"hang": true}},
            {"action": "pass"},
            {"runOn": run_on, "action": "own", "retry": retry, "parameters": {"said": "$<failed.lineNo>"}},
        ]);
        harness.save(json!({"key": "job", "timeout": "150ms", "lines": lines})).await;
        harness.start(json!({}), numbers(3)).await.unwrap();
        let claimed = harness.claim().await;
        assert!(matches!(harness.engine.perform(claimed).await.unwrap(), Ending::Postponed), "{run_on}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let performed = harness.step().await.expect("it goes on by itself");
        let ends = [(10, Status::Error), (20, Status::Error), (30, Status::Skipped), (40, Status::Success)];
        assert_eq!(statuses(&performed), ends, "{run_on}");
        assert_eq!((performed.result.status, performed.result.failed_line), (Status::Error, Some(10)), "{run_on}");
        assert_eq!((performed.lines[3].attempt, &performed.lines[3].parameters["said"]), (2, &json!(20)), "{run_on}");
        assert!(performed.result.message.starts_with("Stopped at line 20"), "{}", performed.result.message);
    }
}

#[tokio::test]
async fn a_line_after_the_timeout_is_retried_although_the_clock_stands_still() {
    static FAILURES: AtomicU32 = AtomicU32::new(0);
    let harness = harness_with(|_, _| passing(&FAILURES, 1)).await;
    let retry = json!({"attempts": 2, "delay": "20ms", "jitter": 0});
    let lines = json!([
        {"action": "echo", "onError": "continue", "parameters": {"hang": true}},
        {"action": "pass"},
        {"runOn": "error", "action": "own", "retry": retry},
    ]);
    harness.save(json!({"key": "job", "timeout": "50ms", "lines": lines})).await;
    harness.start(json!({}), numbers(3)).await.unwrap();
    let claimed = harness.claim().await;
    assert!(matches!(harness.engine.perform(claimed).await.unwrap(), Ending::Postponed));
    let performed = harness.step().await.expect("it goes on by itself");
    assert_eq!(statuses(&performed), [(10, Status::Error), (20, Status::Skipped), (30, Status::Success)]);
}

#[tokio::test]
async fn tries_that_are_used_up_are_an_error_that_says_so() {
    let harness = harness_with(|_, _| passing(&AtomicU32::new(0), 9)).await;
    let retry = json!({"attempts": 2, "delay": "1ms"});
    harness.save(json!({"key": "job", "lines": [{"action": "own", "retry": retry}]})).await;
    harness.start(json!({}), numbers(1)).await.unwrap();
    let performed = harness.step().await.unwrap();
    assert_eq!(performed.result.status, Status::Error);
    assert!(performed.result.message.contains("The far side is busy. It was tried 2 times."), "{performed:?}");
    let failed = harness_with(|_, _| Err(Failure::new(FailureKind::Final, "Never."))).await;
    failed.save(json!({"key": "job", "lines": [{"action": "own", "retry": retry}]})).await;
    failed.start(json!({}), numbers(1)).await.unwrap();
    assert_eq!(failed.step().await.unwrap().lines[0].attempt, 1, "what will not pass is not tried again");
}

#[tokio::test]
async fn the_jobs_own_time_ends_its_line_and_skips_the_rest() {
    let harness = harness().await;
    let lines = json!([{"action": "echo", "parameters": {"hang": true}}, {"action": "pass"}]);
    harness.save(json!({"key": "job", "timeout": "50ms", "lines": lines})).await;
    harness.start(json!({}), json!([])).await.unwrap();
    let performed = harness.step().await.unwrap();
    assert_eq!(statuses(&performed), [(10, Status::Error), (20, Status::Skipped)]);
    assert!(performed.result.message.contains("The job took longer than its timeout of 50ms"), "{performed:?}");
    assert_eq!(performed.lines[1].message, "The job had reached its timeout at line 10.");
}

#[tokio::test]
async fn after_a_crash_a_job_goes_on_at_the_first_batch_that_is_not_recorded() {
    static BATCHES: AtomicU32 = AtomicU32::new(0);
    // The third batch never comes back the first time: the node is lost there.
    let harness = harness_with(|_, _| {
        if BATCHES.fetch_add(1, Ordering::SeqCst) == 2 {
            panic!("the node is lost")
        }
        Ok(Outcome::default())
    });
    let harness = harness.await.granted().await;
    let lines = json!([
        {"filter": {"where": {"n": {"gt": 1}}}},
        {"action": "own", "parameters": {"effect": true}},
        {"action": "count"},
    ]);
    harness.save(json!({"key": "job", "batchSize": 2, "lines": lines})).await;
    let started = harness.start(json!({}), numbers(8)).await.unwrap();
    let claimed = harness.claim().await;
    let (engine, lease) = (harness.engine.clone(), claimed.lease);
    // Broken off as a crash would, before anything more is written.
    let lost = tokio::spawn(async move { engine.perform_and_lose(claimed).await }).await;
    assert!(lost.is_err());
    harness.crash().await;
    let effects = harness.effects().await;
    assert_eq!(effects.len(), 3, "three batches had changed something: {effects:?}");
    let again = harness.claim().await;
    assert!(again.lease.number > lease.number);
    let resume = again.resume.clone().expect("a place to go on from");
    assert_eq!((resume.at, resume.lines.len()), (Some(20), 1));
    let recorded: Vec<_> = resume.batches.iter().map(|batch| batch.batch).collect();
    assert_eq!(recorded, [0, 1], "the third was not recorded as done");
    let Ending::Ended(performed) = harness.engine.perform(again).await.unwrap() else { panic!("it ends") };
    assert_eq!(performed.result.status, Status::Success);
    assert_eq!(all(&performed), [json!({"n": 2}), json!({"n": 2}), json!({"n": 2}), json!({"n": 1})]);
    assert_eq!(BATCHES.load(Ordering::SeqCst), 5, "two batches were done once, the third twice, the fourth once");
    assert_eq!(harness.effects().await.len(), 4);
    assert_eq!(harness.found(started.id).await.attempt, 2);
}

#[tokio::test]
async fn pure_lines_make_no_checkpoint() {
    let harness = harness().await;
    harness.save(json!({"key": "job", "lines": [{"action": "pass"}, {"action": "count"}]})).await;
    harness.start(json!({}), numbers(3)).await.unwrap();
    let claimed = harness.claim().await;
    let (scope, id) = (harness.access.scope(), claimed.result.id);
    let Ending::Ended(_) = harness.engine.perform(claimed).await.unwrap() else { panic!("it ends") };
    for kind in engine::ports::parts::PartKind::ALL {
        assert!(harness.stores.history.parts(scope, id, (10, kind), 0, 9).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_line_that_takes_its_node_down_alone_three_times_is_in_error_and_the_next_go_on() {
    let harness = harness_with(|_, _| panic!("the node is lost")).await;
    let lines = json!([{"action": "pass"}, {"name": "bomb", "action": "own"}, {"action": "count"}]);
    harness.save(json!({"key": "job", "stopsOnError": false, "lines": lines})).await;
    harness.start(json!({}), numbers(3)).await.unwrap();
    for _ in 0..CRASHES_BESIDE_OTHERS + CRASHES_ALONE {
        harness.lose().await;
    }
    let performed = harness.step().await.expect("it ends");
    assert_eq!(statuses(&performed), [(10, Status::Success), (20, Status::Error), (30, Status::Success)]);
    assert!(performed.lines[1].message.contains("crashed 3 times"), "{}", performed.lines[1].message);
    assert_eq!(all(&performed), [json!({"n": 3})], "the failed line's input went on");
}

#[tokio::test]
async fn a_retry_goes_on_from_the_failed_line_with_the_records_that_it_had() {
    static FAILS: AtomicU32 = AtomicU32::new(1);
    let harness = harness_with(|_, _| match FAILS.swap(0, Ordering::SeqCst) {
        1 => Err(Failure::new(FailureKind::Final, "No.")),
        _ => Ok(Outcome::default()),
    });
    let harness = harness.await;
    let lines = json!([
        {"name": "some", "filter": {"where": {"n": {"gt": 1}}}},
        {"action": "own"},
        {"action": "echo", "parameters": {"seen": "$<lines.some.count>"}},
    ]);
    harness.save(json!({"key": "job", "stopsOnError": true, "lines": lines})).await;
    let old = harness.start(json!({}), numbers(4)).await.unwrap();
    let failed = harness.step().await.unwrap();
    assert_eq!(statuses(&failed), [(10, Status::Success), (20, Status::Error), (30, Status::Skipped)]);
    let retried = harness.engine.results().retry(&harness.access, old.id, Retry::default()).await.unwrap();
    assert_eq!((retried.retry_of, retried.root, retried.now), (Some(old.id), old.id, old.now));
    let performed = harness.step().await.unwrap();
    assert_eq!(performed.result.id, retried.id);
    assert_eq!(statuses(&performed), [(10, Status::Success), (20, Status::Success), (30, Status::Success)]);
    assert_eq!(all(&performed), [json!({"seen": 3})], "later lines know of the earlier ones");
    assert_eq!(performed.lines[1].counters.records_in, 3);
    assert_eq!(harness.found(old.id).await.status, Status::Error, "the old one stays as it was");
    let again = refusal(harness.engine.results().retry(&harness.access, retried.id, Retry::default()).await);
    assert_eq!((again.code, again.path.as_str()), (RefusalCode::Invalid, "jobResult"));
    assert_eq!(again.message, "Only a result that ended in error can be retried from its failed line.");
}

#[tokio::test]
async fn a_retry_of_the_rejected_begins_where_each_was_rejected() {
    let harness = harness_with(|_, batch| {
        let large = (0..).zip(batch).filter(|(_, record)| record["n"].as_i64().unwrap_or(0) > 7);
        Ok(Outcome { rejected: large.map(|(index, _)| (index, "too large".into())).collect(), ..Outcome::default() })
    });
    let harness = harness.await;
    let lines = json!([{"action": "reject-odd"}, {"action": "own"}, {"action": "pass"}]);
    harness.save(json!({"key": "job", "lines": lines})).await;
    let old = harness.start(json!({}), numbers(8)).await.unwrap();
    let first = harness.step().await.unwrap();
    assert_eq!((first.result.status, all(&first).len()), (Status::Warning, 3));
    // The job was mended meanwhile: nothing is odd or too large any more.
    harness.save(json!({"key": "job", "lines": [{"action": "pass"}, {"action": "pass"}, {"action": "pass"}]})).await;
    let retry = Retry { mode: RetryMode::Rejected, newest: true, ..Retry::default() };
    let retried = harness.engine.results().retry(&harness.access, old.id, retry).await.unwrap();
    assert_eq!(retried.root, retried.id, "other batches have other keys");
    let performed = harness.step().await.unwrap();
    let taken: Vec<_> = all(&performed).iter().map(|record| record["n"].as_i64().unwrap()).collect();
    assert_eq!(taken, [1, 3, 5, 7, 8], "8 joined at line 20");
    assert_eq!(performed.lines[0].counters.records_in, 4);
    assert_eq!(performed.lines[1].counters.records_in, 5);
}

#[tokio::test]
async fn what_joins_a_set_joins_it_once_whatever_happens_to_the_line() {
    static TRIES: AtomicU32 = AtomicU32::new(0);
    let harness = harness_with(|_, batch| match TRIES.fetch_add(1, Ordering::SeqCst) {
        0 => Ok(Outcome { rejected: vec![(0, "first".into())], ..Outcome::default() }),
        1 => Err(Failure::new(FailureKind::Temporary { retry_after: None }, "Busy.")),
        _ => Ok(Outcome { records: Some(batch.to_vec()), ..Outcome::default() }),
    });
    let harness = harness.await;
    let lines = json!([
        {"action": "reject-odd"},
        {"filter": {"where": {"n": {"gt": 0}}}},
        {"action": "own", "retry": {"delay": "1ms"}},
    ]);
    harness.save(json!({"key": "job", "stopsOnError": false, "lines": lines})).await;
    let old = harness.start(json!({}), numbers(4)).await.unwrap();
    assert_eq!(all(&harness.step().await.unwrap()), [json!({"n": 4})]);
    // The odd ones are all rejected again; 2 joins at line 30.
    let retry = Retry { mode: RetryMode::Rejected, ..Retry::default() };
    harness.engine.results().retry(&harness.access, old.id, retry).await.unwrap();
    let performed = harness.step().await.unwrap();
    let taken: Vec<_> = all(&performed).iter().map(|record| record["n"].as_i64().unwrap()).collect();
    assert_eq!(taken, [2], "once, though the line was tried twice");
    assert_eq!(performed.lines[2].attempt, 2);
}
