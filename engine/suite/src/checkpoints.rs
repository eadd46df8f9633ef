//! Checkpoints, finished batches, sets in parts, and waits, from which results continue.

use serde_json::json;

use super::Stores;
use super::samples::{
    at, batch, claim, claim_one, delicate, find, finish, from_line, id, keep, kill, line, neighbours, node, note, part,
    running, scope, set,
};
use engine::model::record::Rejected;
use engine::model::status::Status;
use engine::ports::actions::Severity;
use engine::ports::parts::{BatchDone, Part, PartKind};
use engine::ports::queue::{Checkpoint, Claimed, Finish, Lease, Postponement, Resume};
use engine::ports::results::History;

/// Loses the node, and claims again.
async fn lose(store: &impl Stores) -> (Lease, Resume) {
    assert_eq!(store.recover(node(2), at(700), None).await.expect("a recovery"), 1);
    let Claimed { lease, resume, .. } = claim_one(store).await;
    (lease, resume.expect("it goes on"))
}

pub async fn a_result_goes_on_from_its_checkpoint(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    note(store, lease, &line(10, Status::Running)).await.expect("a line");
    let done = [line(10, Status::Success), line(20, Status::Skipped)];
    store.checkpoint(lease, from_line(30, 2, &done)).await.expect("a checkpoint");
    note(store, lease, &line(30, Status::Running)).await.expect("a line");
    let (lease, resume) = lose(store).await;
    let expected =
        Resume { lines: done.to_vec(), at: Some(30), failed_attempts: 2, careful: true, ..Resume::default() };
    assert_eq!(resume, expected);
    assert_eq!(store.lines(acme, &[id(1)]).await.expect("lines").len(), 2, "the line that runs again is gone");
    store.checkpoint(lease, from_line(40, 0, &[line(30, Status::Warning)])).await.expect("a checkpoint");
    let (lease, resume) = lose(store).await;
    assert_eq!((resume.at, resume.failed_attempts, resume.lines.len()), (Some(40), 0, 3));
    store.finish(lease, finish(Status::Success)).await.expect("an end");
}

pub async fn what_is_handed_back_goes_on_from_its_checkpoint(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    store.checkpoint(lease, from_line(20, 0, &[line(10, Status::Success)])).await.expect("a checkpoint");
    store.record_batch(lease, batch(20, 0)).await.expect("a batch");
    store.release(lease).await.expect("the lease is good");
    let resume = claim_one(store).await.resume.expect("it goes on");
    assert_eq!((resume.at, resume.careful, resume.batches), (Some(20), false, vec![batch(20, 0)]));
}

pub async fn batches_come_back_exactly_and_in_order(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    store.checkpoint(lease, from_line(20, 0, &[])).await.expect("a checkpoint");
    let full = BatchDone {
        taken: u32::MAX,
        records: Some(vec![delicate(), json!({})]),
        rejected: vec![Rejected { record: delicate(), reason: "日本語".to_owned() }],
        message: Some("Somebody should look.".to_owned()),
        severity: Severity::Warning,
        ..batch(20, 2)
    };
    let idle = BatchDone { severity: Severity::Info, ..batch(20, 10) };
    for one in [&idle, &batch(20, 2), &batch(20, 0), &full] {
        store.record_batch(lease, one.clone()).await.expect("a batch");
    }
    let (lease, resume) = lose(store).await;
    assert_eq!(resume.batches, [batch(20, 0), full, idle], "the last word on a batch is kept");
    store.checkpoint(lease, from_line(30, 0, &[])).await.expect("a checkpoint");
    assert!(lose(store).await.1.batches.is_empty(), "a line that is done needs them no more");
}

pub async fn parts_are_kept_in_their_order_and_read_in_pages(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    let lease = running(store, acme, 1).await.lease;
    let delicate = Part { records: vec![delicate(), json!({"n": 1})], ..part(10, PartKind::Input, 3) };
    let parts: Vec<_> = [2, 0, 1, 11].into_iter().map(|number| part(10, PartKind::Input, number)).collect();
    keep(store, lease, parts).await.expect("parts");
    let others = vec![
        part(10, PartKind::Output, 0),
        part(20, PartKind::Input, 0),
        part(10, PartKind::Input, 3),
        delicate.clone(),
    ];
    keep(store, lease, others).await.expect("parts");
    keep(store, lease, Vec::new()).await.expect("no parts");
    let page = async |scope, from, limit| {
        let parts = store.parts(scope, id(1), (10, PartKind::Input), from, limit).await.expect("parts");
        parts.into_iter().map(|part| part.part).collect::<Vec<_>>()
    };
    assert_eq!(page(acme, 0, 99).await, [0, 1, 2, 3, 11]);
    assert_eq!(page(acme, 1, 2).await, [1, 2]);
    assert_eq!(page(acme, 4, 9).await, [11]);
    assert!(page(acme, 0, 0).await.is_empty());
    assert!(page(globex, 0, 9).await.is_empty(), "another organization sees none");
    assert_eq!(set(store, acme, 1, (10, PartKind::Input)).await[3], delicate);
}

pub async fn large_parts_come_back_whole(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    let large =
        |number| Part { records: vec![json!({"text": "x".repeat(400_000)})], ..part(10, PartKind::Input, number) };
    let parts: Vec<_> = (0..12).map(large).collect();
    keep(store, lease, parts.clone()).await.expect("parts");
    assert!(set(store, acme, 1, (10, PartKind::Input)).await == parts);
}

pub async fn a_checkpoint_drops_what_was_needed_before(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    let parts = PartKind::ALL.into_iter().flat_map(|kind| [10, 20, 30].map(|line_no| part(line_no, kind, 0)));
    keep(store, lease, parts.collect()).await.expect("parts");
    store.checkpoint(lease, from_line(20, 0, &[])).await.expect("a checkpoint");
    for (kind, lines) in [
        (PartKind::Input, &[20, 30][..]),
        (PartKind::Joining, &[20, 30]),
        (PartKind::Output, &[10, 20, 30]),
        (PartKind::Rejected, &[10, 20, 30]),
    ] {
        for line_no in [10, 20, 30] {
            let there = !set(store, acme, 1, (line_no, kind)).await.is_empty();
            assert_eq!(there, lines.contains(&line_no), "{kind:?} of line {line_no}");
        }
    }
}

pub async fn an_end_keeps_the_input_of_the_line_in_error(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for (number, failed_line) in [(1, Some(20)), (2, None)] {
        let lease = running(store, acme, number).await.lease;
        let parts = PartKind::ALL.into_iter().flat_map(|kind| [10, 20].map(|line_no| part(line_no, kind, 0)));
        keep(store, lease, parts.collect()).await.expect("parts");
        let end = Finish { failed_line, ..finish(Status::Error) };
        assert_eq!(store.finish(lease, end).await.expect("an end").result.failed_line, failed_line);
        assert_eq!(find(store, acme, number).await.failed_line, failed_line);
        for line_no in [10, 20] {
            for kind in PartKind::ALL {
                let there = !set(store, acme, number, (line_no, kind)).await.is_empty();
                assert_eq!(there, kind.is_kept() || Some(line_no) == failed_line, "{kind:?} of line {line_no}");
            }
        }
    }
}

pub async fn a_kill_keeps_what_was_kept_on_purpose(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    keep(store, lease, vec![part(10, PartKind::Input, 0), part(10, PartKind::Output, 0)]).await.expect("parts");
    let told =
        engine::ports::results::Kill { lines: vec![line(10, Status::Success), line(20, Status::Running)], ..kill() };
    store.kill(acme, id(1), told).await.expect("a kill");
    assert!(set(store, acme, 1, (10, PartKind::Input)).await.is_empty());
    assert_eq!(set(store, acme, 1, (10, PartKind::Output)).await.len(), 1);
    let lines = store.lines(acme, &[id(1)]).await.expect("lines");
    assert_eq!(lines[0].1, line(10, Status::Success), "what was not written yet is written");
    assert_eq!((lines[1].1.status, lines[1].1.message.as_str()), (Status::Killed, "Cut by ben."));
}

pub async fn a_wait_keeps_no_worker_and_forgives(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    let mut waits = line(20, Status::Running);
    waits.retry_at = Some(at(400));
    note(store, lease, &waits).await.expect("a line");
    let (lease, resume) = lose(store).await;
    assert!(resume.careful);
    let checkpoint = from_line(20, 3, &[line(10, Status::Success), waits.clone()]);
    store.postpone(lease, Postponement { checkpoint, until: at(400) }).await.expect("a wait");
    crate::queue::assert_lost(store, lease).await;
    let lines = store.lines(acme, &[id(1)]).await.expect("lines");
    assert_eq!(lines[1].1, waits, "who watches sees when it goes on");
    assert!(claim(store, 9, at(399)).await.is_empty());
    let resume = claim(store, 9, at(401)).await.remove(0).resume.expect("it goes on");
    let expected =
        Resume { lines: vec![line(10, Status::Success)], at: Some(20), failed_attempts: 3, ..Resume::default() };
    assert_eq!(resume, expected);
    assert_eq!(store.recover(node(1), at(800), None).await.expect("a recovery"), 0);
}

pub async fn a_wait_can_end_before_its_time(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    store.end_wait(lease.organization, id(1)).await.expect("nothing happens to what is running");
    assert!(claim(store, 9, at(60)).await.is_empty());
    let postponement = Postponement { checkpoint: from_line(20, 0, &[]), until: at(400) };
    store.postpone(lease, postponement).await.expect("a wait");
    assert!(claim(store, 9, at(60)).await.is_empty());
    for absent in [id(2), id(1), id(1)] {
        store.end_wait(lease.organization, absent).await.expect("an answer");
    }
    assert_eq!(crate::samples::numbers(&claim(store, 9, at(60)).await), [1]);
}

pub async fn a_result_that_waits_for_a_time_can_be_killed(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    let mut waits = line(20, Status::Pending);
    waits.retry_at = Some(at(400));
    let checkpoint = from_line(20, 1, &[waits]);
    store.postpone(lease, Postponement { checkpoint, until: at(400) }).await.expect("a wait");
    store.kill(acme, id(1), kill()).await.expect("a kill");
    let cut = store.lines(acme, &[id(1)]).await.expect("lines").remove(0).1;
    assert_eq!((cut.status, cut.retry_at), (Status::Killed, None));
    assert!(claim(store, 9, at(900)).await.is_empty());
    assert_eq!(History::find(store, acme, id(1)).await.expect("an answer").map(|one| one.status), Some(Status::Killed));
}

pub async fn the_input_of_a_line_in_error_outlasts_checkpoints(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    keep(store, lease, [10, 20, 30].map(|line_no| part(line_no, PartKind::Input, 0)).to_vec()).await.expect("parts");
    store.checkpoint(lease, from_line(20, 0, &[])).await.expect("a checkpoint");
    store.record_batch(lease, batch(20, 0)).await.expect("a batch");
    let checkpoint = Checkpoint { failed_line: Some(20), ..from_line(30, 0, &[line(20, Status::Error)]) };
    store.checkpoint(lease, checkpoint).await.expect("a checkpoint");
    assert_eq!(set(store, acme, 1, (20, PartKind::Input)).await.len(), 1);
    assert!(set(store, acme, 1, (10, PartKind::Input)).await.is_empty());
    let (lease, resume) = lose(store).await;
    assert!(resume.batches.is_empty(), "they are of another line");
    let mut end = Finish { failed_line: Some(20), ..finish(Status::Error) };
    end.notes.lines = vec![line(20, Status::Error)];
    store.finish(lease, end).await.expect("an end");
    assert_eq!(set(store, acme, 1, (20, PartKind::Input)).await.len(), 1);
    assert!(set(store, acme, 1, (30, PartKind::Input)).await.is_empty());
}

pub async fn a_set_that_is_stored_again_replaces_the_old_one(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    let parts = |kind| (0..3).map(move |number| part(10, kind, number));
    keep(store, lease, parts(PartKind::Input).chain(parts(PartKind::Rejected)).collect()).await.expect("parts");
    keep(store, lease, vec![part(10, PartKind::Input, 0)]).await.expect("a part");
    assert_eq!(set(store, acme, 1, (10, PartKind::Input)).await, [part(10, PartKind::Input, 0)]);
    assert_eq!(set(store, acme, 1, (10, PartKind::Rejected)).await.len(), 3, "another set stays");
    keep(store, lease, vec![part(10, PartKind::Input, 1)]).await.expect("a part");
    assert_eq!(set(store, acme, 1, (10, PartKind::Input)).await.len(), 2, "a later part joins");
}
