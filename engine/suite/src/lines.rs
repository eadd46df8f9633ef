//! Line results.

use serde_json::json;

use super::Stores;
use super::samples::{at, delicate, finish, id, kill, line, neighbours, note, running, scope};
use engine::model::effect::Effect;
use engine::model::grant::Capability;
use engine::model::record::{Rejected, Sample};
use engine::model::result::{Counters, LineKind, LineResult, LogEntry, LogLevel};
use engine::model::status::Status;
use engine::ports::actions::LineOutput;

pub async fn a_line_written_again_replaces_what_was_written(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    let mut begun = line(10, Status::Running);
    begun.parameters = json!({"by": "name"}).into();
    begun.log = vec![LogEntry { level: LogLevel::Info, message: "begun".to_owned(), at: None }];
    note(store, lease, &begun).await.expect("a line");
    assert_eq!(store.lines(acme, &[id(1)]).await.expect("lines"), [(id(1), begun)]);
    let ended = line(10, Status::Success);
    note(store, lease, &ended).await.expect("a line");
    assert_eq!(store.lines(acme, &[id(1)]).await.expect("lines"), [(id(1), ended)]);
}

pub async fn lines_are_listed_by_result_and_number(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for result in [1, 2, 3] {
        let lease = running(store, acme, result).await.lease;
        for line_no in [30, 4, 100] {
            note(store, lease, &line(line_no, Status::Success)).await.expect("a line");
        }
    }
    let listed = store.lines(acme, &[id(3), id(9), id(1), id(3)]).await.expect("lines");
    let order: Vec<_> = listed.iter().map(|(id, line)| (id.0.as_u128(), line.line_no)).collect();
    assert_eq!(order, [(1, 4), (1, 30), (1, 100), (3, 4), (3, 30), (3, 100)]);
    assert!(store.lines(acme, &[]).await.expect("lines").is_empty());
}

pub async fn a_result_may_have_no_lines(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    store.finish(lease, finish(Status::Info)).await.expect("a finish");
    assert!(store.lines(acme, &[id(1)]).await.expect("lines").is_empty());
}

fn full_line() -> LineResult {
    let log = |level: LogLevel| LogEntry {
        level,
        message: format!("{level:?}: 日本語 🪢\n\"quoted\""),
        at: (level != LogLevel::Debug).then(|| at(3) + chrono::TimeDelta::milliseconds(7)),
    };
    let effect = |done| Effect {
        capability: Capability::Http,
        done,
        summary: "GET https://größe.example: 200".to_owned(),
        detail: delicate(),
    };
    LineResult {
        name: Some("Größe".to_owned()),
        attempt: 7,
        retry_at: Some(at(77)),
        counters: Counters { records_in: u64::MAX, records_out: 9_007_199_254_740_993, records_rejected: 1 },
        parameters: delicate().into(),
        sample: Sample { records: vec![delicate(), json!({})].into(), cut: true },
        rejected: vec![Rejected { record: delicate(), reason: "it has no `name`: 日本語".to_owned() }],
        log: [LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error].map(log).to_vec(),
        effects: [true, false].map(effect).to_vec(),
        ..line(u32::MAX, Status::Warning)
    }
}

pub async fn a_line_comes_back_exactly(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    let statuses = Status::ALL.into_iter().filter(|status| *status != Status::Killed);
    let mut lines: Vec<_> = statuses.zip(1..).map(|(status, line_no)| line(line_no, status)).collect();
    let filter = LineResult {
        kind: LineKind::Filter,
        action: None,
        started_at: None,
        finished_at: Some(at(7)),
        ..line(99, Status::Info)
    };
    lines.extend([filter, full_line()]);
    for line in &lines {
        note(store, lease, line).await.expect("a line");
    }
    let found = store.lines(acme, &[id(1)]).await.expect("lines");
    for ((result, found), expected) in found.iter().zip(&lines) {
        assert_eq!((*result, found), (id(1), expected));
        assert_eq!(found.parameters.to_string(), expected.parameters.to_string(), "the order of members is kept");
    }
    assert_eq!(found.len(), lines.len());
}

pub async fn an_interrupted_line_appends_its_output(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    let lease = running(store, acme, 1).await.lease;
    note(store, lease, &line(10, Status::Success)).await.expect("a line");
    note(store, lease, &line(20, Status::Running)).await.expect("a line");
    let full = full_line();
    let told = LineOutput { log: full.log.clone(), effects: full.effects.clone(), ..LineOutput::default() };
    store.append_output(acme, id(1), 20, &told).await.expect("an answer");
    store.kill(acme, id(1), kill()).await.expect("a kill");
    store.append_output(globex, id(1), 20, &told).await.expect("an answer");
    let lines = async || store.lines(acme, &[id(1)]).await.expect("lines");
    assert!(lines().await[1].1.effects.is_empty(), "neither before it was cut nor from elsewhere");
    for line_no in [10, 20, 30] {
        store.append_output(acme, id(1), line_no, &told).await.expect("an answer");
    }
    let seen = lines().await;
    assert_eq!((&seen[1].1.log, &seen[1].1.effects), (&full.log, &full.effects));
    assert_eq!((seen[1].1.status, seen.len()), (Status::Killed, 2));
    assert_eq!(seen[0].1, line(10, Status::Success), "what had ended stays");
}

pub async fn another_organization_sees_no_line(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    let lease = running(store, acme, 1).await.lease;
    note(store, lease, &line(10, Status::Running)).await.expect("a line");
    assert!(store.lines(globex, &[id(1)]).await.expect("lines").is_empty());
    let own = running(store, globex, 1).await.lease;
    note(store, own, &line(20, Status::Success)).await.expect("a line");
    let theirs = store.lines(globex, &[id(1)]).await.expect("lines");
    assert_eq!(theirs, [(id(1), line(20, Status::Success))], "the same identity, but another result");
}

pub async fn lines_of_many_results_are_written_at_the_same_time(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    let mut leases = Vec::new();
    for number in 1..=20 {
        leases.push(running(store, if number % 3 == 0 { globex } else { acme }, number).await.lease);
    }
    store.kill(acme, id(1), kill()).await.expect("a kill");
    let line = line(10, Status::Success);
    let answers = futures_util::future::join_all(leases.iter().map(|lease| note(store, *lease, &line))).await;
    let lost: Vec<_> =
        answers.iter().zip(1..).filter(|(answer, _)| answer.is_err()).map(|(_, number)| number).collect();
    assert_eq!(lost, [1], "the lease of what was killed, and no other");
    let ids: Vec<_> = (1..=20).map(id).collect();
    assert_eq!(store.lines(acme, &ids).await.expect("lines").len(), 13);
    assert_eq!(store.lines(globex, &ids).await.expect("lines").len(), 6);
}
