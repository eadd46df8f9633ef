//! Lines that start jobs and wait for them.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::harness::{Harness, all, harness_with, statuses};
use engine::execution::outcome::{Ending, Performed};
use engine::execution::retry::Retry;
use engine::model::grant::Grants;
use engine::model::result::{JobResult, ResultId};
use engine::model::status::Status::{Error, Killed, Skipped, Success, Warning};
use engine::ports::actions::{Failure, FailureKind, Outcome};
use engine::ports::results::ResultRelation;
use memory::functions::Function;

fn numbers(upto: i64) -> Value {
    (1..=upto).map(|n| json!({"n": n})).collect()
}

/// A job that starts `child` for each record, and a child whose one line is `own`.
async fn starting(own: Function, child: Value) -> Harness {
    let harness = harness_with(own).await;
    let grants = Grants::read(&json!({"jobs": {"keys": ["*"]}})).unwrap();
    harness.stores.grants.grant(harness.access.scope(), "test", &grants).await.unwrap();
    let lines = json!([{"name": "each", "action": "pass", "parameters": {"start": "child"}}, {"action": "count"}]);
    harness.save(json!({"key": "job", "batchSize": 2, "lines": lines})).await;
    harness.save(child).await;
    harness
}

fn child() -> Value {
    json!({"key": "child", "overlap": "allow", "lines": [{"action": "own"}]})
}

impl Harness {
    /// Performs what waits until this result has ended.
    async fn perform_to_the_end(&self, id: ResultId) -> Performed {
        let worker = self.engine.worker(1);
        loop {
            let performed = worker.step().await.unwrap().expect("something waits");
            if performed.result.id == id {
                return performed;
            }
        }
    }

    async fn children(&self, id: ResultId) -> Vec<JobResult> {
        let mut children = Vec::new();
        let started = self.stores.history.related(self.access.scope(), id, ResultRelation::Started);
        for id in started.await.unwrap() {
            children.push(self.stores.history.find(self.access.scope(), id).await.unwrap().unwrap());
        }
        children
    }
}

#[tokio::test]
async fn a_line_waits_for_the_jobs_it_started_and_takes_their_records() {
    let double: Function = |_, batch| {
        let records = batch.iter().map(|record| json!({"n": record["n"].as_i64().unwrap_or(0) * 2})).collect();
        Ok(Outcome { records: Some(records), ..Outcome::default() })
    };
    let harness = starting(double, child()).await;
    let started = harness.start(json!({}), numbers(5)).await.unwrap();
    let performed = harness.perform_to_the_end(started.id).await;
    assert_eq!(statuses(&performed), [(10, Success), (20, Success)]);
    assert_eq!(all(&performed).iter().map(|one| one["n"].as_i64().unwrap()).collect::<Vec<_>>(), [2, 2, 1]);
    let doubled: Vec<_> = performed.lines[0].sample.records.iter().map(|one| one["n"].as_i64().unwrap()).collect();
    assert_eq!(doubled, [2, 4, 6, 8, 10], "in the order of the records");
    assert_eq!(harness.children(started.id).await.len(), 5, "each was started once");
    assert_eq!(performed.lines[0].attempt, 1, "waiting is no try");
}

#[tokio::test]
async fn while_it_waits_no_worker_is_held_and_progress_is_shown() {
    let harness = starting(|_, _| Ok(Outcome::default()), child()).await;
    let started = harness.start(json!({}), numbers(2)).await.unwrap();
    let claimed = harness.claim().await;
    let ending = harness.engine.perform(claimed).await.unwrap();
    assert!(matches!(ending, Ending::Postponed), "{ending:?}");
    let lines = harness.engine.results().lines(harness.access.scope(), &[started.id]).await.unwrap();
    assert_eq!(lines[0].1.message, "Waits for 2 of 2 jobs that it started.");
    let progress = harness.engine.results().progress(started.id).unwrap();
    assert_eq!((progress.line_no, progress.taken, progress.of), (10, 0, 2));
    let child = harness.step().await.unwrap();
    assert_eq!(child.result.job, "child");
    let progress = harness.engine.results().progress(started.id).unwrap();
    assert_eq!((progress.taken, progress.of), (1, 2));
}

#[tokio::test]
async fn a_job_that_fails_is_the_outcome_of_its_record() {
    let fail: Function = |_, batch| match batch[0]["n"].as_i64() {
        Some(2) => Err(Failure::new(FailureKind::Final, "Two is bad.")),
        _ => Ok(Outcome::default()),
    };
    let harness = starting(fail, child()).await;
    let started = harness.start(json!({}), numbers(3)).await.unwrap();
    let performed = harness.perform_to_the_end(started.id).await;
    assert_eq!(statuses(&performed), [(10, Warning), (20, Success)]);
    assert_eq!(performed.lines[0].rejected[0].reason, "Stopped at line 10 (test/own) after 1 record: Two is bad.");
    assert_eq!(performed.lines[0].counters.records_out, 2);
}

#[tokio::test]
async fn a_retry_starts_what_failed_again_and_nothing_else() {
    static FAILS: AtomicBool = AtomicBool::new(true);
    let own: Function = |_, batch| match batch[0]["n"].as_i64() {
        Some(2) if FAILS.load(Ordering::SeqCst) => Err(Failure::new(FailureKind::Final, "Two is bad.")),
        _ => Ok(Outcome::default()),
    };
    let harness = starting(own, child()).await;
    // The line itself fails if one of its jobs does.
    let lines = json!([{"action": "pass", "parameters": {"start": "child", "strict": true}}]);
    harness.save(json!({"key": "job", "lines": lines})).await;
    let started = harness.start(json!({}), numbers(3)).await.unwrap();
    let failed = harness.perform_to_the_end(started.id).await;
    assert_eq!((failed.result.status, failed.result.failed_line), (Error, Some(10)));
    FAILS.store(false, Ordering::SeqCst);
    let retried = harness.engine.results().retry(&harness.access, started.id, Retry::default()).await.unwrap();
    let performed = harness.perform_to_the_end(retried.id).await;
    assert_eq!(performed.result.status, Success, "{}", performed.result.message);
    let again = harness.children(retried.id).await;
    assert_eq!(again.len(), 1, "one job was started again");
    assert_eq!(harness.children(started.id).await.len(), 3);
}

#[tokio::test]
async fn a_kill_reaches_the_jobs_that_are_waited_for() {
    let harness = starting(|_, _| Ok(Outcome::default()), child()).await;
    let started = harness.start(json!({}), numbers(2)).await.unwrap();
    let claimed = harness.claim().await;
    harness.engine.perform(claimed).await.unwrap();
    harness.engine.results().kill(&harness.access, started.id, None).await.unwrap();
    let children = harness.children(started.id).await;
    let ends: Vec<_> = children.iter().map(|child| child.status).collect();
    assert_eq!(ends, [Killed, Killed]);
    let message = &children[0].message;
    assert!(message.contains("the job result that waits for it was killed"), "{message}");
    assert!(harness.step().await.is_none(), "nothing waits any more");
}

#[tokio::test]
async fn a_job_that_is_killed_ends_the_wait() {
    let harness = starting(|_, _| Ok(Outcome::default()), child()).await;
    let started = harness.start(json!({}), numbers(1)).await.unwrap();
    let claimed = harness.claim().await;
    harness.engine.perform(claimed).await.unwrap();
    let child = harness.children(started.id).await.remove(0);
    harness.engine.results().kill(&harness.access, child.id, None).await.unwrap();
    let performed = harness.perform_to_the_end(started.id).await;
    assert_eq!(performed.result.id, started.id);
}

#[tokio::test]
async fn the_time_of_a_job_is_over_for_the_jobs_it_waits_for_too() {
    let harness = starting(|_, _| Ok(Outcome::default()), child()).await;
    let lines = json!([{"action": "pass", "parameters": {"start": "child"}}, {"action": "pass"}]);
    harness.save(json!({"key": "job", "timeout": "50ms", "lines": lines})).await;
    let started = harness.start(json!({}), numbers(1)).await.unwrap();
    let claimed = harness.claim().await;
    harness.engine.perform(claimed).await.unwrap();
    harness.clock.advance(chrono::TimeDelta::milliseconds(60));
    harness.stores.queue.end_wait(harness.access.organization.id, started.id).await.unwrap();
    let Some(claimed) = harness.claim_of(started.id).await else { panic!("it is ready") };
    let Ending::Ended(performed) = harness.engine.perform(claimed).await.unwrap() else { panic!("it ends") };
    assert_eq!(statuses(&performed), [(10, Skipped), (20, Skipped)]);
    assert_eq!(performed.result.status, Error);
    assert_eq!(harness.children(started.id).await[0].status, Killed);
}

#[tokio::test]
async fn a_job_does_not_wait_for_itself() {
    let harness = starting(|_, _| Ok(Outcome::default()), child()).await;
    let lines = json!([{"action": "pass", "parameters": {"start": "job"}}]);
    harness.save(json!({"key": "job", "lines": lines})).await;
    let started = harness.start(json!({}), numbers(1)).await.unwrap();
    let performed = harness.perform_to_the_end(started.id).await;
    assert_eq!(performed.result.status, Error);
    let message = &performed.lines[0].message;
    assert!(message.contains("`job` would wait until its job result"), "{message}");
    assert!(message.contains("give the job `overlap: allow`"), "{message}");
    assert!(harness.children(started.id).await.is_empty());
}

#[tokio::test]
async fn a_node_that_is_lost_while_a_line_waits_goes_on_waiting() {
    let harness = starting(|_, _| Ok(Outcome::default()), child()).await;
    let started = harness.start(json!({}), numbers(2)).await.unwrap();
    let claimed = harness.claim().await;
    harness.engine.perform(claimed).await.unwrap();
    // What this node remembered is gone with it.
    let harness = harness.restarted();
    harness.crash().await;
    let performed = harness.perform_to_the_end(started.id).await;
    assert_eq!(performed.result.status, Success);
    assert_eq!(harness.children(started.id).await.len(), 2);
}
