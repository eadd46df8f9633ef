//! What an error does to the records and to the lines after it.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::harness::{Harness, all, faults, harness, harness_with, statuses, told};
use engine::execution::outcome::Performed;
use engine::execution::retry::{Retry, RetryMode};
use engine::model::result::ResultId;
use engine::model::status::Status::{self, Error, Info, Skipped, Success, Warning};
use engine::ports::actions::{Failure, FailureKind, Outcome};
use engine::ports::parts::PartKind;

fn numbers(upto: i64) -> Value {
    (1..=upto).map(|n| json!({"n": n})).collect()
}

fn going_on(lines: Value) -> Value {
    json!({"key": "job", "stopsOnError": false, "batchSize": 2, "lines": lines})
}

/// Rejects odd records, and fails at the third batch.
fn reject_odd_then_fail(batch: &[Value]) -> Result<Outcome, Failure> {
    if batch.iter().any(|record| record["n"].as_i64().unwrap_or(0) > 4) {
        return Err(Failure::new(FailureKind::Final, "The far side is gone."));
    }
    let odd = (0..).zip(batch).filter(|(_, record)| record["n"].as_i64().unwrap_or(0) % 2 == 1);
    Ok(Outcome { rejected: odd.map(|(index, _)| (index, "It is odd".into())).collect(), ..Outcome::default() })
}

#[tokio::test]
async fn a_filter_in_error_ends_the_job_whatever_the_job_says() {
    let lines = json!([
        {"name": "choose", "filter": {"limit": "$<args.most>"}},
        {"name": "delete", "action": "pass"},
    ]);
    let harness = harness().await;
    harness.save(going_on(lines)).await;
    harness.start(json!({"most": "all"}), numbers(3)).await.unwrap();
    let performed = harness.step().await.unwrap();
    assert_eq!(statuses(&performed), [(10, Error), (20, Skipped)]);
    assert_eq!(performed.records.len(), 0, "no record was chosen, so none goes on");
    assert!(performed.result.message.starts_with("Stopped at line 10 (choose)"), "{}", performed.result.message);
}

#[tokio::test]
async fn a_filter_that_is_to_be_passed_over_is_refused_when_it_is_saved() {
    let harness = harness().await;
    let job = going_on(json!([{"filter": {}, "onError": "continue"}]));
    let faults = faults(harness.engine.jobs().save(&harness.access, job, None).await);
    assert_eq!(faults[0].path, "lines[0].onError");
}

#[tokio::test]
async fn an_action_in_error_leaves_its_input_without_what_it_rejected() {
    let harness = harness_with(|_, batch| reject_odd_then_fail(batch)).await;
    let lines = json!([{"action": "own"}, {"action": "pass"}]);
    let performed = harness.perform(going_on(lines), numbers(6)).await;
    assert_eq!(statuses(&performed), [(10, Error), (20, Success)]);
    let left: Vec<_> = all(&performed).iter().map(|record| record["n"].as_i64().unwrap()).collect();
    assert_eq!(left, [2, 4, 5, 6]);
    assert_eq!(performed.lines[0].counters.records_rejected, 2);
    assert_eq!(performed.lines[0].rejected.len(), 2);
    assert_eq!(performed.result.counters.records_rejected, 2);
}

#[tokio::test]
async fn a_retry_of_the_failed_line_takes_all_of_its_input_again() {
    let harness = harness_with(|_, batch| reject_odd_then_fail(batch)).await;
    let performed = harness.perform(going_on(json!([{"action": "own"}])), numbers(6)).await;
    let (id, root) = (performed.result.id, performed.result.root);
    let kept = input_of(&harness, id, 10).await;
    assert_eq!(kept, 6, "batches that are recorded as done are found by their places");
    let retried = harness.engine.results().retry(&harness.access, id, Retry::default()).await.unwrap();
    assert_eq!(retried.root, root, "what the line did has the same keys");
}

async fn input_of(harness: &Harness, id: ResultId, line_no: u32) -> usize {
    let scope = harness.access.scope();
    let parts = harness.stores.history.parts(scope, id, (line_no, PartKind::Input), 0, 9).await.unwrap();
    parts.iter().map(|part| part.records.len()).sum()
}

#[tokio::test]
async fn rejected_records_that_are_run_again_and_rejected_again_go_nowhere() {
    let harness = harness().await;
    let lines = json!([{"action": "reject-odd"}, {"name": "write", "action": "pass"}]);
    let first = harness.perform(going_on(lines), json!([{"n": 1}, {"n": 3}, {"n": 4}])).await;
    assert_eq!(first.result.status, Warning);
    let retry = Retry { mode: RetryMode::Rejected, ..Retry::default() };
    harness.engine.results().retry(&harness.access, first.result.id, retry).await.unwrap();
    let again = harness.step().await.unwrap();
    assert_eq!(statuses(&again), [(10, Error), (20, Info)]);
    assert_eq!((again.records.len(), again.lines[1].counters.records_in), (0, 0));
}

#[tokio::test]
async fn a_retry_that_does_not_apply_says_why() {
    let lines = json!([{"action": "fail", "retry": {"attempts": 3}}]);
    let performed = harness().await.perform(json!({"key": "job", "lines": lines}), numbers(1)).await;
    let expected = "It fails on purpose. It was not retried: the action did not report this failure as temporary.";
    assert_eq!(performed.lines[0].message, expected);
}

#[tokio::test]
async fn lines_for_errors_run_after_a_stop_with_the_input_of_the_failed_line() {
    let lines = json!([
        {"name": "some", "filter": {"where": {"n": {"gt": 1}}}},
        {"name": "send", "action": "fail"},
        {"name": "next", "action": "pass"},
        {"name": "tell", "runOn": "error", "action": "echo", "parameters": {
            "said": "${failed.line} ${failed.lineNo} ${failed.status}: ${failed.message}", "count": "$<count>"}},
        {"name": "clean", "runOn": "always", "action": "count"},
    ]);
    let performed = harness().await.perform(json!({"key": "job", "lines": lines}), numbers(4)).await;
    assert_eq!(statuses(&performed), [(10, Success), (20, Error), (30, Skipped), (40, Success), (50, Success)]);
    assert_eq!(performed.lines[3].parameters["said"], "send 20 error: It fails on purpose.");
    assert_eq!(performed.lines[3].parameters["count"], 3);
    assert_eq!((performed.result.status, performed.result.failed_line), (Error, Some(20)));
    assert_eq!(performed.result.message, "Stopped at line 20 (send) after 3 records: It fails on purpose.");
}

#[tokio::test]
async fn lines_for_errors_are_skipped_without_one_and_always_lines_are_not() {
    let lines = json!([
        {"action": "pass"},
        {"runOn": "error", "action": "fail"},
        {"runOn": "always", "action": "echo", "parameters": {"failed": "$<failed.line>"}},
    ]);
    let performed = harness().await.perform(json!({"key": "job", "lines": lines}), numbers(1)).await;
    assert_eq!(statuses(&performed), [(10, Success), (20, Skipped), (30, Success)]);
    assert_eq!(performed.lines[1].message, "No error stopped the job before this line.");
    assert_eq!(performed.lines[2].parameters["failed"], Value::Null);
}

#[tokio::test]
async fn an_always_line_runs_after_an_empty_filter_and_the_job_is_still_info() {
    let lines = json!([{"filter": {"where": {"n": 9}}}, {"action": "pass"}, {"runOn": "always", "action": "echo"}]);
    let performed = harness().await.perform(json!({"key": "job", "lines": lines}), numbers(1)).await;
    assert_eq!(statuses(&performed), [(10, Info), (20, Skipped), (30, Success)]);
    assert_eq!((performed.result.status, performed.result.message.as_str()), (Info, "Nothing matched at line 10."));
}

#[tokio::test]
async fn after_a_filter_in_error_lines_for_errors_get_what_it_was_to_choose_from() {
    let lines = json!([
        {"filter": {"limit": "$<args.most>"}},
        {"runOn": "error", "action": "count"},
    ]);
    let harness = harness().await;
    harness.save(json!({"key": "job", "lines": lines})).await;
    harness.start(json!({"most": "all"}), numbers(3)).await.unwrap();
    let performed = harness.step().await.unwrap();
    assert_eq!(statuses(&performed), [(10, Error), (20, Success)]);
    assert_eq!(all(&performed), [json!({"n": 3})]);
}

#[tokio::test]
async fn what_fails_after_a_stop_is_said_and_changes_nothing_else() {
    let lines = json!([
        {"name": "send", "action": "fail"},
        {"name": "tell", "runOn": "error", "action": "fail"},
        {"name": "clean", "runOn": "always", "action": "pass"},
    ]);
    let performed = harness().await.perform(json!({"key": "job", "lines": lines}), numbers(1)).await;
    assert_eq!(statuses(&performed), [(10, Error), (20, Error), (30, Success)]);
    let expected = "Stopped at line 10 (send) after 1 record: It fails on purpose. After that, line 20 (tell) failed: \
                    It fails on purpose.";
    assert_eq!(performed.result.message, expected);
    assert_eq!(performed.result.failed_line, Some(10));
}

#[tokio::test]
async fn a_filter_that_fails_after_a_stop_hands_nothing_on() {
    let lines = json!([
        {"action": "fail"},
        {"runOn": "error", "filter": {"limit": "$<startedBy>"}},
        {"name": "undo", "runOn": "error", "action": "count"},
    ]);
    let performed = harness().await.perform(json!({"key": "job", "lines": lines}), numbers(3)).await;
    assert_eq!(statuses(&performed), [(10, Error), (20, Error), (30, Info)]);
    assert_eq!(performed.lines[2].counters.records_in, 0, "what it was to choose from was never chosen");
}

#[tokio::test]
async fn an_error_after_an_empty_filter_runs_the_lines_for_errors() {
    let lines = json!([
        {"filter": {"where": {"n": 9}}},
        {"runOn": "always", "action": "fail"},
        {"runOn": "error", "action": "echo", "parameters": {"said": "$<failed.lineNo>"}},
    ]);
    let performed = harness().await.perform(json!({"key": "job", "lines": lines}), numbers(1)).await;
    assert_eq!(statuses(&performed), [(10, Info), (20, Error), (30, Success)]);
    assert_eq!(performed.lines[2].parameters["said"], 20);
    assert_eq!(performed.result.status, Error);
}

#[tokio::test]
async fn a_job_whose_time_is_over_can_still_say_so() {
    let lines = json!([
        {"action": "echo", "parameters": {"hang": true}},
        {"runOn": "error", "action": "echo", "parameters": {"said": "$<failed.message>"}},
    ]);
    let job = json!({"key": "job", "timeout": "50ms", "lines": lines});
    let performed = harness().await.perform(job, json!([])).await;
    assert_eq!(statuses(&performed), [(10, Error), (20, Success)]);
    let said = performed.lines[1].parameters["said"].as_str().unwrap();
    assert!(said.starts_with("The job took longer than its timeout of 50ms"), "{said}");
}

#[tokio::test]
async fn a_node_that_is_lost_after_a_stop_goes_on_after_the_stop() {
    static LOST: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
    let harness = harness_with(|_, _| {
        if !LOST.swap(true, std::sync::atomic::Ordering::SeqCst) {
            panic!("the node is lost")
        }
        Ok(Outcome::default())
    });
    let harness = harness.await.granted().await;
    let lines = json!([
        {"action": "fail"},
        {"action": "pass"},
        {"runOn": "error", "action": "own", "parameters": {"effect": true, "said": "$<failed.lineNo>"}},
        {"action": "pass"},
    ]);
    harness.save(json!({"key": "job", "lines": lines})).await;
    harness.start(json!({}), numbers(2)).await.unwrap();
    harness.lose().await;
    let performed = harness.step().await.unwrap();
    assert_eq!(statuses(&performed), [(10, Error), (20, Skipped), (30, Success), (40, Skipped)]);
    assert_eq!(performed.lines[2].parameters["said"], 10);
    assert!(performed.result.message.starts_with("Stopped at line 10"), "{}", performed.result.message);
}

#[tokio::test]
async fn failed_is_known_only_where_a_line_may_run_after_a_stop() {
    let harness = harness().await;
    let job = json!({"key": "job", "lines": [{"action": "echo", "parameters": {"said": "$<failed.message>"}}]});
    let told = told(harness.engine.jobs().save(&harness.access, job, None).await);
    let expected = "lines[0].parameters.said: `failed` is known only in lines with `runOn: error` or `runOn: always`";
    assert_eq!(told[0], expected);
}

/// One line of a job: what it does to the records.
#[derive(Debug, Clone, Copy)]
enum Step {
    RejectOdd,
    RejectOddThenFail,
    Fail,
    Choose(i64),
    BrokenFilter,
}

impl Step {
    fn line(self, continues: bool) -> Value {
        let mut line = match self {
            Self::RejectOdd => json!({"action": "reject-odd"}),
            Self::RejectOddThenFail => json!({"action": "own"}),
            Self::Fail => json!({"action": "fail"}),
            Self::Choose(most) => return json!({"filter": {"where": {"n": {"lte": most}}}}),
            Self::BrokenFilter => return json!({"filter": {"limit": "$<startedBy>"}}),
        };
        line["onError"] = json!(if continues { "continue" } else { "stop" });
        line
    }

    /// What may reach a later line of what reached this one.
    fn leaves(self, records: &[i64], continues: bool) -> Vec<i64> {
        let even = |n: &i64| n % 2 == 0;
        let kept: Vec<i64> = match self {
            Self::RejectOdd => records.iter().copied().filter(even).collect(),
            // Batches of two: what comes before the batch that fails was looked at.
            Self::RejectOddThenFail => {
                let looked = records.chunks(2).take_while(|batch| batch.iter().all(|n| *n <= 4)).flatten().count();
                let (before, after) = records.split_at(looked);
                before.iter().copied().filter(even).chain(after.iter().copied()).collect()
            }
            Self::Fail => records.to_vec(),
            Self::Choose(most) => records.iter().copied().filter(|n| *n <= most).collect(),
            Self::BrokenFilter => Vec::new(),
        };
        let fails = match self {
            Self::RejectOdd => kept.is_empty() && !records.is_empty(),
            Self::RejectOddThenFail => records.iter().any(|n| *n > 4) || (kept.is_empty() && !records.is_empty()),
            Self::Fail | Self::BrokenFilter => true,
            Self::Choose(_) => kept.is_empty(),
        };
        let ends = fails && (!continues || matches!(self, Self::BrokenFilter | Self::Choose(_)));
        if ends { Vec::new() } else { kept }
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::RejectOdd),
        Just(Step::RejectOddThenFail),
        Just(Step::Fail),
        (0..9_i64).prop_map(Step::Choose),
        Just(Step::BrokenFilter),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Between all lines stands one that notes what reaches it.
    #[test]
    fn no_record_that_was_rejected_or_not_chosen_reaches_a_later_line(
        steps in proptest::collection::vec((step(), any::<bool>()), 1..6),
        records in proptest::collection::vec(0..9_i64, 0..9),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let performed = runtime.block_on(perform(&steps, &records));
        let mut allowed = records;
        for (index, (step, continues)) in steps.iter().enumerate() {
            allowed = step.leaves(&allowed, *continues);
            let seen: Vec<_> = performed.lines[index * 2 + 1]
                .sample
                .records
                .iter()
                .map(|record| record["n"].as_i64().unwrap())
                .collect();
            prop_assert_eq!(seen, allowed.clone(), "after line {} of {:?}", index, &steps);
        }
    }
}

async fn perform(steps: &[(Step, bool)], records: &[i64]) -> Performed {
    let harness = harness_with(|_, batch| reject_odd_then_fail(batch)).await;
    let lines: Vec<_> =
        steps.iter().flat_map(|(step, continues)| [step.line(*continues), json!({"action": "pass"})]).collect();
    let records = records.iter().map(|n| json!({"n": n})).collect();
    let performed = harness.perform(json!({"key": "job", "batchSize": 2, "lines": lines}), records).await;
    assert!(performed.result.status != Status::Killed);
    performed
}
