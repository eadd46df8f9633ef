//! Sets that are larger than the room they have.

use std::sync::{Arc, Mutex, Weak};

use serde_json::{Value, json};

use crate::harness::{Harness, all, harness, statuses};
use engine::execution::outcome::Performed;
use engine::model::collection::{Change, Entry};
use engine::model::result::LineResult;
use engine::model::status::Status::{Error, Skipped, Success, Warning};
use engine::ports::scratch::{Scratch, ScratchFault, ScratchFile, ScratchFolder};
use engine::records::spill_config::{Bound, SpillConfig};

/// So few records in memory that nearly everything is spilled.
const TIGHT: Bound = Bound { records: 50, bytes: 10_000 };

/// How many rejected records of a line are kept in memory.
const KEPT: usize = 10_000;

async fn with(spill: SpillConfig) -> Harness {
    harness().await.with_spill(spill)
}

fn tight() -> SpillConfig {
    SpillConfig::default().bounded(TIGHT)
}

/// The system's folder, and the files that were made in it.
#[derive(Default)]
struct Files(Mutex<Vec<Weak<dyn ScratchFile>>>);

impl Scratch for Files {
    fn file(&self) -> Result<Arc<dyn ScratchFile>, ScratchFault> {
        let file = ScratchFolder::of_system().file()?;
        self.0.lock().unwrap().push(Arc::downgrade(&file));
        Ok(file)
    }
}

impl Files {
    fn made(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn in_use(&self) -> usize {
        self.0.lock().unwrap().iter().filter(|file| file.strong_count() > 0).count()
    }
}

fn numbers(count: usize) -> Value {
    (0..count).map(|n| json!({"n": n, "group": n % 7})).collect()
}

#[tokio::test]
async fn what_comes_of_a_job_does_not_depend_on_the_room() {
    let lines = json!([
        {"filter": {"source": {"inline": numbers(5000)}, "where": {"n": {"gte": 100}}}},
        {"action": "pass"},
        {"action": "reject-odd"},
        {"filter": {"orderBy": ["-group", "n"], "offset": 10, "limit": 1000, "select": ["n", "group"]}},
        {"action": "idle"},
        {"filter": {"distinct": "n"}},
    ]);
    let job = json!({"key": "job", "batchSize": 37, "lines": lines});
    let (files, no_files) = (Arc::new(Files::default()), Arc::new(Files::default()));
    let spill = SpillConfig::with(files.clone()).bounded(TIGHT);
    let spilled = with(spill).await.perform(job.clone(), json!([])).await;
    let in_memory = with(SpillConfig::with(no_files.clone())).await.perform(job, json!([])).await;
    assert!(files.in_use() > 0, "the set after the last line is in a file");
    assert_eq!(no_files.made(), 0);
    assert_eq!(all(&spilled), all(&in_memory));
    assert_eq!((all(&spilled).len(), spilled.rejected.len()), (1000, 2450));
    assert_eq!(spilled.rejected, in_memory.rejected);
    let told = |performed: &Performed| {
        let line = |line: &LineResult| (line.status, line.message.clone(), line.counters, line.sample.clone());
        performed.lines.iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(told(&spilled), told(&in_memory));
    let before = files.in_use();
    drop(spilled);
    assert!(files.in_use() < before, "the file goes with the set");
}

#[tokio::test]
async fn records_that_go_on_as_they_were_are_not_copied_and_not_lost() {
    let harness = with(tight()).await;
    let perform = async |action: &str, records: Value| {
        let lines = json!([{"filter": {"source": {"inline": records}}}, {"action": action}]);
        harness.perform(json!({"key": "job", "batchSize": 100, "lines": lines}), json!([])).await
    };
    let even: Value = (0..2500).map(|n| json!({"n": 2 * n})).collect();
    assert_eq!(Value::Array(all(&perform("pass", even.clone()).await)), even);
    for odd in [0, 99, 100, 1234, 2499] {
        let mut records = even.clone();
        records[odd]["n"] = json!(1);
        let mut expected = even.as_array().unwrap().clone();
        expected.remove(odd);
        assert!(all(&perform("reject-odd", records).await) == expected, "without record {odd}");
    }
}

#[tokio::test]
async fn templates_see_the_first_records_of_a_set_in_a_file() {
    let lines = json!([
        {"filter": {"source": {"inline": numbers(500)}}},
        {"action": "echo", "parameters": {"said": "${count} ${records.3.n}"}},
    ]);
    let performed = with(tight()).await.perform(json!({"key": "job", "lines": lines}), json!([])).await;
    assert_eq!(all(&performed)[0]["said"], "500 3");
}

#[tokio::test]
async fn a_whole_set_from_a_file_is_handed_over_whole() {
    let lines = json!([{"filter": {"source": {"inline": numbers(500)}}}, {"action": "whole"}]);
    let performed = with(tight()).await.perform(json!({"key": "job", "lines": lines}), json!([])).await;
    assert_eq!(all(&performed), [json!({"n": 500})]);
}

#[tokio::test]
async fn a_set_with_too_many_bytes_is_not_handed_over_whole() {
    let wide: Value = (0..65).map(|n| json!({"n": n, "text": "x".repeat(1024 * 1024)})).collect();
    let performed = harness().await.perform(json!({"key": "job", "lines": [{"action": "whole"}]}), wide).await;
    assert_eq!(statuses(&performed), [(10, Error)]);
    let told = "test/whole takes its records all at once, at most 67108864 bytes of JSON; there are 68158600. \
                Choose fewer with a filter, or fewer fields with its `select`.";
    assert_eq!(performed.lines[0].message, told);
}

#[tokio::test]
async fn a_set_with_too_many_records_is_not_handed_over_whole() {
    let lines = json!([{"action": "whole"}]);
    let performed = harness().await.perform(json!({"key": "job", "lines": lines}), numbers(250_001)).await;
    assert!(performed.lines[0].message.contains("at most 250000 of them; there are 250001."), "{performed:?}");
}

#[tokio::test]
async fn without_a_place_for_the_rest_the_line_is_in_error() {
    let spill = SpillConfig::with(Arc::new(ScratchFolder::at("/nowhere"))).bounded(TIGHT);
    let performing = async |filter: Value| {
        let lines = json!([{"filter": filter}, {"action": "count"}]);
        with(spill.clone()).await.perform(json!({"key": "job", "lines": lines}), json!([])).await
    };
    let small = performing(json!({"source": {"inline": numbers(50)}})).await;
    assert_eq!(statuses(&small), [(10, Success), (20, Success)]);
    for more in [json!({"source": {"inline": numbers(51)}}), json!({"source": {"inline": numbers(51)}, "orderBy": "n"})]
    {
        let performed = performing(more).await;
        assert_eq!(statuses(&performed), [(10, Error), (20, Skipped)]);
        let message = &performed.lines[0].message;
        assert!(message.contains("no scratch file can be made in /nowhere"), "{message}");
    }
}

#[tokio::test]
async fn rejections_beyond_what_is_kept_are_counted() {
    let lines = json!([{"action": "reject-odd"}, {"action": "reject-odd"}]);
    let odd: Value = (0..KEPT + 10).map(|n| json!({"n": if n == 0 { 2 } else { 2 * n + 1 }})).collect();
    let performed = harness().await.perform(json!({"key": "job", "lines": lines}), odd).await;
    assert_eq!(statuses(&performed)[0], (10, Warning));
    assert_eq!((performed.rejected.len(), performed.result.counters.records_rejected), (KEPT, KEPT as u64 + 9));
    assert!(
        performed.lines[0].message.starts_with("Rejected 10009 of 10010 records"),
        "{}",
        performed.lines[0].message
    );
}

/// Reads a collection again and again while every record of it is replaced, and more come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_selection_from_a_collection_that_is_written_loses_and_doubles_nothing() {
    const RECORDS: usize = 2000;
    let harness = with(tight()).await;
    let scope = harness.access.scope();
    let turn = |turn: usize| {
        let entry = move |n: usize| Entry { key: format!("{n:05}"), data: json!({"n": n, "turn": turn}) };
        (0..RECORDS * (1 + turn)).map(move |n| Change::Upsert(entry(n))).collect::<Vec<_>>()
    };
    harness.stores.collections.write(scope, "c", &turn(0), None).await.unwrap();
    let collections = harness.stores.collections.clone();
    let writing = tokio::spawn(async move {
        for number in 1..5 {
            collections.write(scope, "c", &turn(number), None).await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    let job = json!({"key": "job", "lines": [{"filter": {"source": {"collection": "c"}, "orderBy": "n"}}]});
    for _ in 0..5 {
        let records = all(&harness.perform(job.clone(), json!([])).await);
        let turn = usize::try_from(records[0]["turn"].as_u64().unwrap()).unwrap();
        let expected: Vec<_> = (0..RECORDS * (1 + turn)).map(|n| json!({"n": n, "turn": turn})).collect();
        assert!(records == expected, "not as it stood after write {turn}");
    }
    writing.await.unwrap();
}
