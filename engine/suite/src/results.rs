//! Starting, finding, listing and killing job results.

use super::Stores;
use super::samples::{
    at, claim, claim_one, delicate, ended, finish, id, kill, line, neighbours, note, of_job, page, running, scope,
    start,
};
use engine::model::organization::OrgScope;
use engine::model::result::{Counters, JobResult};
use engine::model::status::Status;
use engine::model::template_version::TemplateVersion;
use engine::ports::results::{History, Idempotency, KillError, NewResult, ResultFilter, StartError};

async fn find(store: &impl Stores, scope: OrgScope, number: u128) -> Option<JobResult> {
    History::find(store, scope, id(number)).await.expect("an answer")
}

async fn count(store: &impl Stores, scope: OrgScope, filter: &ResultFilter) -> u64 {
    History::count(store, scope, filter).await.expect("a count")
}

pub async fn a_start_is_pending_and_found(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let arguments = delicate().as_object().cloned().expect("an object");
    let title = Some("Ünusual title".to_owned());
    let start =
        NewResult { title, arguments: arguments.clone(), since: Some(at(-1)), version: u32::MAX, ..start(5, "job") };
    let started = store.start(acme, start).await.expect("a start").result;
    assert_eq!((started.status, started.attempt, started.message.as_str()), (Status::Pending, 0, ""));
    assert_eq!((started.started_at, started.finished_at, started.counters), (None, None, Counters::default()));
    assert_eq!((started.since, started.created_at, started.version), (Some(at(-1)), at(5), u32::MAX));
    assert_eq!(find(store, acme, 5).await, Some(started));
    assert_eq!(find(store, acme, 6).await, None);
}

pub async fn an_identity_is_used_once(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    let first = store.start(acme, start(5, "job")).await.expect("a start").result;
    let again = store.start(acme, start(5, "other")).await;
    assert!(matches!(again, Err(StartError::Store(_))), "{again:?}");
    assert_eq!(find(store, acme, 5).await, Some(first), "a refusal changes nothing");
    store.start(globex, start(5, "job")).await.expect("a start: ids of another organization are other ids");
}

pub async fn results_are_listed_newest_first_in_pages(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let all = ResultFilter::default();
    for number in [3, 1, 5, 2, 4] {
        // All at the same instant, so that only their ids give the order.
        let start = NewResult { created_at: at(0), ..start(number, "job") };
        store.start(acme, start).await.expect("a start");
    }
    assert_eq!(page(store, acme, &all, None, 2).await, (vec![5, 4], true));
    assert_eq!(page(store, acme, &all, Some(4), 2).await, (vec![3, 2], true));
    assert_eq!(page(store, acme, &all, Some(2), 2).await, (vec![1], false));
    assert_eq!(page(store, acme, &all, Some(1), 2).await, (vec![], false));
    assert_eq!(page(store, acme, &all, None, 5).await, (vec![5, 4, 3, 2, 1], false));
    assert_eq!(page(store, acme, &all, None, 0).await, (vec![], true));
    assert_eq!(count(store, acme, &all).await, 5);
}

pub async fn results_are_filtered_by_job_and_status(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    ended(store, acme, 1, "a", Status::Success).await;
    ended(store, acme, 2, "b", Status::Error).await;
    ended(store, acme, 3, "a", Status::Error).await;
    store.start(acme, start(4, "a")).await.expect("a start");
    let with = |job: Option<&str>, status| ResultFilter { job: job.map(str::to_owned), status };
    for (filter, expected) in [
        (with(Some("a"), None), vec![4, 3, 1]),
        (with(None, Some(Status::Error)), vec![3, 2]),
        (with(Some("a"), Some(Status::Error)), vec![3]),
        (with(Some("a"), Some(Status::Pending)), vec![4]),
        (with(Some("c"), None), vec![]),
        (with(None, Some(Status::Killed)), vec![]),
    ] {
        assert_eq!(count(store, acme, &filter).await, expected.len() as u64, "{filter:?}");
        assert_eq!(page(store, acme, &filter, None, 9).await, (expected, false), "{filter:?}");
    }
    assert_eq!(page(store, acme, &of_job("a"), Some(4), 1).await, (vec![3], true), "a page goes on within the filter");
}

pub async fn another_organization_sees_no_result(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    ended(store, acme, 1, "job", Status::Success).await;
    store.start(acme, start(2, "job")).await.expect("a start");
    let all = ResultFilter::default();
    assert_eq!(find(store, globex, 1).await, None);
    assert_eq!(page(store, globex, &all, None, 9).await, (vec![], false));
    assert_eq!(page(store, globex, &of_job("job"), Some(9), 9).await, (vec![], false));
    assert_eq!(count(store, globex, &all).await, 0);
    assert_eq!(store.last_success(globex, "job").await.expect("an answer"), None);
    for number in [1, 2] {
        let refused = store.kill(globex, id(number), kill()).await;
        assert!(matches!(refused, Err(KillError::Absent)), "a foreign result is as absent as any: {refused:?}");
    }
    assert_eq!(find(store, acme, 2).await.map(|result| result.status), Some(Status::Pending));
}

pub async fn the_last_success_is_of_the_newest_result_that_went_well(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    assert_eq!(store.last_success(acme, "job").await.expect("an answer"), None);
    for (number, status, expected) in [
        (1, Status::Warning, None),
        (2, Status::Success, Some(at(2))),
        (3, Status::Error, Some(at(2))),
        (4, Status::Info, Some(at(4))),
        (5, Status::Warning, Some(at(4))),
        (6, Status::Success, Some(at(6))),
    ] {
        ended(store, acme, number, "job", status).await;
        assert_eq!(store.last_success(acme, "job").await.expect("an answer"), expected, "after {status}");
    }
    ended(store, acme, 7, "other", Status::Success).await;
    store.start(acme, NewResult { dry_run: true, ..start(8, "job") }).await.expect("a start");
    let dry = claim_one(store).await;
    assert!(dry.result.dry_run);
    store.finish(dry.lease, finish(Status::Success)).await.expect("an end");
    store.start(acme, start(9, "job")).await.expect("a start");
    assert_eq!(store.last_success(acme, "job").await.expect("an answer"), Some(at(6)));
}

pub async fn a_start_that_names_itself_happens_once(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    let named = |number, key: &str| {
        let name = Idempotency { key: key.to_owned(), digest: "the same".to_owned() };
        NewResult { idempotency: Some(name), ..start(number, "job") }
    };
    let first = store.start(acme, named(1, "a")).await.expect("a start");
    assert_eq!(store.start(acme, named(2, "a")).await.expect("the first start"), first);
    assert_eq!(find(store, acme, 2).await, None);
    assert_eq!(store.start(acme, named(3, "b")).await.expect("a start").result.id, id(3));
    assert_eq!(store.start(globex, named(4, "a")).await.expect("a start").result.id, id(4));
    let at_once = futures_util::future::join_all((10..20).map(|number| store.start(acme, named(number, "c")))).await;
    let started: std::collections::BTreeSet<_> =
        at_once.into_iter().map(|one| one.expect("a start").result.id).collect();
    assert_eq!(started.len(), 1, "{started:?}");
    assert_eq!(claim(store, 100, at(50)).await.len(), 4);
}

pub async fn a_name_that_asks_for_something_else_is_refused(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    let named = |number, digest: &str| {
        let name = Idempotency { key: "a".to_owned(), digest: digest.to_owned() };
        NewResult { idempotency: Some(name), ..start(number, "job") }
    };
    store.start(acme, named(1, "one")).await.expect("a start");
    let refused = store.start(acme, named(2, "two")).await;
    assert!(matches!(refused, Err(StartError::Conflict(first)) if first == id(1)), "{refused:?}");
    store.start(globex, named(3, "two")).await.expect("a start: keys of another organization are other keys");
    let name = |digest: &str| Some(Idempotency { key: "b".to_owned(), digest: digest.to_owned() });
    let at_once = (10..20).map(|number| {
        let digest = if number % 2 == 0 { "even" } else { "odd" };
        store.start(acme, NewResult { idempotency: name(digest), ..start(number, "job") })
    });
    let answers = futures_util::future::join_all(at_once).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 5, "{answers:?}");
    assert_eq!(count(store, acme, &ResultFilter::default()).await, 2);
}

pub async fn starts_are_found_by_the_beginning_of_their_names(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    let named = |number, key: &str| {
        let name = Idempotency { key: key.to_owned(), digest: "same".to_owned() };
        NewResult { idempotency: Some(name), ..start(number, "job") }
    };
    for (number, key) in
        [(1, "root:10:wait:1.0"), (2, "root:10:wait:0.1"), (3, "root:20:wait:0.0"), (4, "root:1"), (6, "roos")]
    {
        store.start(acme, named(number, key)).await.expect("a start");
    }
    store.start(globex, named(5, "root:10:wait:0.0")).await.expect("a start");
    let found = async |prefix: &str, limit| {
        let found = store.started_under(acme, prefix, limit).await.expect("an answer");
        found.into_iter().map(|(key, result)| (key, result.id.0.as_u128())).collect::<Vec<_>>()
    };
    let expected = [("root:10:wait:0.1".to_owned(), 2), ("root:10:wait:1.0".to_owned(), 1)];
    assert_eq!(found("root:10:wait:", 9).await, expected);
    assert_eq!(found("root:10:wait:", 1).await, expected[..1]);
    assert_eq!(found("root", 9).await.len(), 4);
    assert!(found("other", 9).await.is_empty());
}

pub async fn all_that_a_start_says_comes_back(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let template = |key: &str, version| TemplateVersion { key: key.to_owned(), version };
    let start = NewResult {
        queue: "reports".to_owned(),
        priority: -7,
        notification_of: Some(id(3)),
        templates: vec![template("open-orders", 3), template("late", u32::MAX)],
        now: at(-100),
        ..start(5, "job")
    };
    let started = store.start(acme, start).await.expect("a start").result;
    assert_eq!((started.queue.as_str(), started.priority, started.notification_of), ("reports", -7, Some(id(3))));
    assert_eq!((started.now, started.created_at, started.root), (at(-100), at(5), id(5)));
    assert_eq!(started.templates, [template("open-orders", 3), template("late", u32::MAX)]);
    assert_eq!(find(store, acme, 5).await, Some(started));
}

pub async fn a_pending_result_is_killed_and_never_claimed(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    store.start(acme, start(1, "job")).await.expect("a start");
    let killed = store.kill(acme, id(1), kill()).await.expect("a kill");
    assert_eq!((killed.status, killed.message.as_str()), (Status::Killed, "Killed by ben: enough."));
    assert_eq!((killed.started_at, killed.finished_at), (None, Some(at(600))));
    assert_eq!(find(store, acme, 1).await, Some(killed));
    assert!(claim(store, 9, at(50)).await.is_empty());
    assert!(store.lines(acme, &[id(1)]).await.expect("lines").is_empty());
}

pub async fn a_running_result_is_killed_with_its_running_line(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let lease = running(store, acme, 1).await.lease;
    note(store, lease, &line(10, Status::Success)).await.expect("a line");
    note(store, lease, &line(20, Status::Running)).await.expect("a line");
    let killed = store.kill(acme, id(1), kill()).await.expect("a kill");
    assert_eq!((killed.status, killed.finished_at), (Status::Killed, Some(at(600))));
    assert_eq!(find(store, acme, 1).await, Some(killed));
    let lines = store.lines(acme, &[id(1)]).await.expect("lines");
    let [(_, done), (_, cut)] = lines.as_slice() else { panic!("two lines had begun: {lines:?}") };
    assert_eq!(*done, line(10, Status::Success), "a line that had ended stays as it was");
    assert_eq!((cut.status, cut.message.as_str(), cut.finished_at), (Status::Killed, "Cut by ben.", Some(at(600))));
    assert_eq!(cut.started_at, Some(at(100)));
}

pub async fn a_result_that_ended_cannot_be_killed(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    store.start(acme, start(1, "job")).await.expect("a start");
    let lease = claim_one(store).await.lease;
    let finished = store.finish(lease, finish(Status::Warning)).await.expect("a finish").result;
    let refused = store.kill(acme, id(1), kill()).await;
    assert!(matches!(refused, Err(KillError::Ended(Status::Warning))), "{refused:?}");
    assert_eq!(find(store, acme, 1).await, Some(finished));
    store.start(acme, start(2, "job")).await.expect("a start");
    store.kill(acme, id(2), kill()).await.expect("a kill");
    let refused = store.kill(acme, id(2), kill()).await;
    assert!(matches!(refused, Err(KillError::Ended(Status::Killed))), "{refused:?}");
}

pub async fn what_is_absent_cannot_be_killed(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let refused = store.kill(acme, id(1), kill()).await;
    assert!(matches!(refused, Err(KillError::Absent)), "{refused:?}");
}

pub async fn starts_at_the_same_time_do_not_spoil_each_other(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    store.start(acme, start(7, "job")).await.expect("a start");
    let starts = (1..=20).map(|number| store.start(acme, start(number, "job")));
    let answers = futures_util::future::join_all(starts).await;
    let refused: Vec<_> =
        answers.iter().zip(1..).filter(|(answer, _)| answer.is_err()).map(|(_, number)| number).collect();
    assert_eq!(refused, [7], "only the identity that was in use");
    assert_eq!(count(store, acme, &ResultFilter::default()).await, 20);
}
