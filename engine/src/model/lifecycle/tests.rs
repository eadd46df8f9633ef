use std::time::Duration;

use chrono::TimeDelta;
use uuid::Uuid;

use super::admission::{Admission, Unfinished, admit, skipped};
use super::isolation::{Crashes, ISOLATION, Isolation};
use super::lease_state::LeaseState;
use super::retention::{Retention, RetentionFacts, moves_since};
use super::waiting::{Lease, Waiting};
use crate::model::Instant;
use crate::model::fairness::{Candidate, QueueName};
use crate::model::organization::OrganizationId;
use crate::model::overlap::Overlap;
use crate::model::result::{JobResult, ResultId};
use crate::model::status::Status;
use crate::ports::results::NewResult;

fn id(number: u128) -> ResultId {
    ResultId(Uuid::from_u128(number))
}

fn at(second: i64) -> Instant {
    Instant::UNIX_EPOCH + TimeDelta::seconds(second)
}

fn new() -> JobResult {
    NewResult::new(id(9), ("job", 1), "ana", at(0)).accept().0
}

#[test]
fn a_start_beside_another_is_admitted_as_its_overlap_says() {
    let cases = [
        (Overlap::Allow, Admission::Ready),
        (Overlap::Queue, Admission::Behind),
        (Overlap::Skip, Admission::Skipped(id(3))),
        (Overlap::Replace, Admission::Replaces),
    ];
    for (overlap, expected) in cases {
        assert_eq!(admit(&new(), overlap, Some(id(3))), expected);
        assert_eq!(admit(&new(), overlap, None), Admission::Ready, "{overlap:?}, alone");
        for uncounted in [
            JobResult { dry_run: true, ..new() },
            JobResult { notification_of: Some(id(1)), ..new() },
            JobResult { status: Status::Error, ..new() },
        ] {
            assert_eq!(admit(&uncounted, overlap, Some(id(3))), Admission::Ready, "{overlap:?}: {uncounted:?}");
        }
    }
}

#[test]
fn the_first_that_waits_is_promoted_when_nothing_is_ahead() {
    let (ahead, behind) = (Some(id(2)), Some(id(1)));
    assert_eq!(Unfinished { ahead, behind }.promoted(), None);
    assert_eq!(Unfinished { ahead: None, behind }.promoted(), behind);
    assert_eq!(Unfinished { ahead, behind: None }.promoted(), None);
    assert_eq!(Unfinished { ahead, behind }.oldest(), behind);
    assert_eq!(Unfinished::default().oldest(), None);
}

#[test]
fn a_skipped_result_says_why_and_is_final() {
    let mut result = new();
    skipped(&mut result, id(3), at(5)).unwrap();
    assert_eq!((result.status, result.finished_at), (Status::Info, Some(at(5))));
    assert_eq!(result.message, format!("Skipped: the job result {} of the same job had not ended.", id(3).0));
    assert!(skipped(&mut result, id(4), at(6)).is_err(), "what has ended does not end again");
}

/// Crashes alone with these lines, one after the other.
fn alone(lines: &[Option<u32>]) -> Crashes {
    lines.iter().fold(Crashes::default(), |crashes, line| crashes.add(*line, true))
}

#[test]
fn three_crashes_alone_with_the_same_line_condemn_it() {
    let (ten, twenty) = (Some(10), Some(20));
    assert_eq!(alone(&[ten, ten]).condemned(), None);
    assert_eq!(alone(&[ten, ten, ten]).condemned(), ten);
    assert_eq!(alone(&[ten, ten, twenty]).condemned(), None, "the count begins again with another line");
    assert_eq!(alone(&[ten, ten, ten, twenty]).condemned(), ten, "what is condemned stays condemned");
    let beside = (0..10).fold(Crashes::default(), |crashes, _| crashes.add(ten, false));
    assert_eq!((beside.condemned(), beside.gives_up()), (None, false), "any of the others may be the cause");
}

#[test]
fn a_result_is_given_up_when_no_line_or_two_lines_crash_its_node() {
    let (ten, twenty) = (Some(10), Some(20));
    assert!(!alone(&[None, None]).gives_up());
    assert!(alone(&[None, None, None]).gives_up(), "no line had begun");
    assert!(!alone(&[ten, ten, ten, twenty, twenty]).gives_up());
    assert!(alone(&[ten, ten, ten, twenty, twenty, twenty]).gives_up(), "a second line crashes it too");
}

#[test]
fn isolation_begins_at_the_second_crash_and_doubles() {
    let after = |crashes| Crashes { beside_others: crashes, ..Crashes::default() }.isolated_until(at(0));
    let expected = [None, None, Some(30), Some(60), Some(120), Some(240), Some(480), Some(960), Some(960)];
    for (crashes, seconds) in (0..).zip(expected) {
        assert_eq!(after(crashes), seconds.map(at), "{crashes} crashes");
    }
    assert_eq!(after(u32::MAX), Some(at(0) + ISOLATION * 32));
}

#[test]
fn a_claim_takes_nothing_beside_an_isolated_result() {
    let queue = QueueName { holder: Uuid::nil(), key: "default".to_owned() };
    let next = Candidate { organization: OrganizationId(Uuid::nil()), result: id(1), queue, priority: 0 };
    let decide = |until, is_free| Isolation::decide(until, Some(next.clone()), is_free);
    assert_eq!(decide(Some(at(7)), true), Isolation::Running(at(7)));
    assert_eq!(decide(None, true), Isolation::Next(next.clone()));
    assert_eq!(decide(None, false), Isolation::WaitsForIdle);
    assert_eq!(Isolation::decide(None, None, true), Isolation::Nothing);
}

#[test]
fn a_result_is_removed_when_it_is_old_and_nothing_keeps_it() {
    let retention = Retention { age: Duration::from_secs(100), results: 3 };
    let old = RetentionFacts {
        created_at: at(0),
        status: Status::Success,
        of_deleted_job: false,
        is_among_newest: false,
        is_last_of_kind: false,
    };
    assert!(retention.removes(old, at(101)));
    assert!(!retention.removes(old, at(100)), "it is not older than that");
    assert!(!retention.removes(old, at(-5)), "the clock was put back");
    for status in [Status::Pending, Status::Running] {
        assert!(!retention.removes(RetentionFacts { status, ..old }, at(101)), "{status} is not final");
    }
    for kept in [RetentionFacts { is_among_newest: true, ..old }, RetentionFacts { is_last_of_kind: true, ..old }] {
        assert!(!retention.removes(kept, at(101)), "{kept:?}");
        assert!(retention.removes(RetentionFacts { of_deleted_job: true, ..kept }, at(101)), "{kept:?}");
    }
}

#[test]
fn a_retry_of_old_lines_does_not_move_since() {
    assert!(moves_since(false, false) && moves_since(false, true) && moves_since(true, false));
    assert!(!moves_since(true, true));
}

#[test]
fn what_a_result_waits_for_follows_from_its_lease() {
    let lease = Lease { state: LeaseState::Ready, until: Some(at(3)), isolated: false, ahead: None, full: None };
    let full = Waiting::QueueFull { queue: "imports".to_owned(), limit: 2 };
    let cases = [
        (lease, Some(Waiting::Worker)),
        (Lease { full: Some(("imports", 2)), ..lease }, Some(full)),
        (Lease { state: LeaseState::Leased, ..lease }, None),
        (Lease { state: LeaseState::Later, ..lease }, Some(Waiting::Until(at(3)))),
        (Lease { state: LeaseState::Later, isolated: true, ..lease }, Some(Waiting::Worker)),
        (Lease { state: LeaseState::Behind, ahead: Some(id(1)), ..lease }, Some(Waiting::Behind(id(1)))),
        (Lease { state: LeaseState::Behind, ..lease }, Some(Waiting::Worker)),
    ];
    for (lease, expected) in cases {
        assert_eq!(lease.waits_for(), expected, "{lease:?}");
    }
}
