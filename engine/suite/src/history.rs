//! Random histories: played on two stores, the same numbers must give the same answers.

use std::time::Duration;

use serde_json::json;

use super::Stores;
use super::pruning::prune_all;
use super::samples::{at, batch, finish, id, keep, kill, line, neighbours, new_version, node, part, start};
use engine::model::fairness::Capacity;
use engine::model::lifecycle::retention::Retention;
use engine::model::organization::OrgScope;
use engine::model::overlap::Overlap;
use engine::model::result::ResultId;
use engine::model::status::Status;
use engine::ports::jobs::{Deletion, Jobs};
use engine::ports::organizations::Organizations;
use engine::ports::parts::PartKind;
use engine::ports::queue::{Checkpoint, Claim, Finish, Lease, Notes, Postponement};
use engine::ports::queues::QueueSetting;
use engine::ports::results::{History, Idempotency, NewResult, ResultFilter, ResultRelation, RetryStart};
use engine::ports::{Page, StoreError};

/// One operation: its kind, and three numbers that choose its objects.
pub type Move = [u8; 4];

const JOBS: [&str; 3] = ["a", "b", "b-2"];
const QUEUES: [&str; 3] = ["default", "narrow", "wide"];
const ENDS: [Status; 4] = [Status::Success, Status::Info, Status::Warning, Status::Error];

/// Plays a history on an empty store and returns all answers as text.
pub async fn play(store: &impl Stores, moves: &[Move]) -> Vec<String> {
    let (acme, globex) = neighbours(store).await;
    let mut player = Player { store, scopes: [acme, globex], leases: Vec::new(), started: 0 };
    let mut answers = Vec::new();
    for one in moves {
        answers.push(player.make(*one).await);
    }
    answers.push(everything(store).await);
    answers
}

/// All that can be seen of the two organizations of a history, as text.
pub async fn everything(store: &impl Stores) -> String {
    let mut seen = String::new();
    for organization in Organizations::list(store, None, 10).await.expect("a list").items {
        seen.push_str(&look_at_all(store, crate::samples::scope_of(organization.id)).await);
    }
    seen
}

struct Player<'store, Store> {
    store: &'store Store,
    scopes: [OrgScope; 2],
    /// All leases so far, most of which are lost.
    leases: Vec<Lease>,
    started: u128,
}

impl<Store: Stores> Player<'_, Store> {
    async fn make(&mut self, [which, a, b, c]: Move) -> String {
        let scope = self.scopes[usize::from(a & 1)];
        let job = JOBS[usize::from(b) % JOBS.len()];
        match which % 32 {
            0..=4 => self.start(scope, job, a, c).await,
            5..=9 => self.claim(a, b, c).await,
            10 => self.save(scope, job, c).await,
            11..=13 => self.note(a, b, c).await,
            14..=16 => self.finish(a, b, c).await,
            17 => self.kill(scope, b, c).await,
            18 => self.recover(a, b, c).await,
            19..=20 => self.go_on(a, b, c).await,
            21..=22 => self.keep(a, b, c).await,
            23 => self.hand_back(a).await,
            24 => self.queue(scope, b, c).await,
            25 => self.prune(b, c).await,
            26..=27 => self.look(scope, job, c).await,
            28..=29 => self.look_closer(scope, job, b, c).await,
            30 => self.delete(scope, job, c).await,
            _ => text(
                &Jobs::list(self.store, scope, (c > 127).then_some(job), u32::from(c % 4))
                    .await
                    .map(|page| (page.items, page.more)),
            ),
        }
    }

    async fn start(&mut self, scope: OrgScope, job: &str, a: u8, c: u8) -> String {
        let number = self.new_number(c);
        let records = (0..c % 3).map(|n| json!({"n": n})).collect();
        let digest = if c > 200 { "one" } else { "other" };
        let name = Idempotency { key: format!("name {}", c % 5), digest: digest.to_owned() };
        let retry = RetryStart {
            of: self.number(a, c),
            line_no: u32::from(c % 4),
            root: self.number(a, c),
            parts: (c > 128).then(|| vec![part(u32::from(c % 4), PartKind::Input, 0)]),
        };
        let start = NewResult {
            records,
            version: 1 + u32::from(c % 3),
            overlap: Overlap::ALL[usize::from(a / 2 % 4)],
            priority: i32::from(c % 3) - 1,
            queue: QUEUES[usize::from(a / 8) % QUEUES.len()].to_owned(),
            dry_run: a.is_multiple_of(7),
            idempotency: c.is_multiple_of(4).then_some(name),
            retry: a.is_multiple_of(5).then_some(retry),
            ..start(number, job)
        };
        text(&self.store.start(scope, start).await)
    }

    /// Ids do not only grow, like those of several nodes with different clocks.
    fn new_number(&mut self, c: u8) -> u128 {
        self.started += 1;
        self.started * 10 + u128::from(c % 40)
    }

    /// The id of a result that may exist.
    fn number(&self, b: u8, c: u8) -> ResultId {
        id(self.started.saturating_sub(u128::from(b % 8)) * 10 + u128::from(c % 40))
    }

    async fn claim(&mut self, a: u8, b: u8, c: u8) -> String {
        let capacity = Capacity { slots: u32::from(b % 4), spare: u32::from(b / 4 % 2) };
        let claims = self.store.claim(Claim { node: node((a % 3).into()), capacity, now: at(c.into()) }).await;
        self.leases.extend(claims.iter().flat_map(|claims| &claims.claimed).map(|one| one.lease));
        text(&claims)
    }

    async fn save(&self, scope: OrgScope, job: &str, c: u8) -> String {
        let edits = [None, Some(0), Some(1), Some(2)][usize::from(c / 4 % 4)];
        text(&self.store.save(scope, new_version(job, json!({"n": c % 3}), edits)).await)
    }

    async fn delete(&self, scope: OrgScope, job: &str, c: u8) -> String {
        let edits = [None, None, Some(1), Some(2)][usize::from(c / 4 % 4)];
        let deletion = Deletion { key: job.to_owned(), edits, kill: c.is_multiple_of(2).then(kill) };
        text(&self.store.delete_job(scope, deletion).await)
    }

    fn lease(&self, a: u8) -> Option<Lease> {
        // Late leases are likelier, since all early ones are lost after a while.
        self.leases.iter().rev().nth(usize::from(a % 5)).copied()
    }

    fn notes(b: u8, c: u8) -> Notes {
        let status = Status::ALL[usize::from(c) % Status::ALL.len()];
        Notes { modules: (c > 200).then(Vec::new), lines: vec![line(u32::from(b % 4), status)] }
    }

    async fn note(&self, a: u8, b: u8, c: u8) -> String {
        let Some(lease) = self.lease(a) else { return String::new() };
        text(&self.store.note(lease, &Self::notes(b, c)).await)
    }

    async fn finish(&mut self, a: u8, b: u8, c: u8) -> String {
        let Some(lease) = self.lease(a) else { return String::new() };
        let notice = self.new_number(b);
        let notice = NewResult { notification_of: Some(lease.result), ..start(notice, JOBS[0]) };
        let end = Finish {
            failed_line: (c > 100).then_some(u32::from(b % 4)),
            notes: if b > 128 { Self::notes(b, c) } else { Notes::default() },
            notifications: c.is_multiple_of(5).then_some(notice).into_iter().collect(),
            ..finish(ENDS[usize::from(c) % ENDS.len()])
        };
        text(&self.store.finish(lease, end).await)
    }

    async fn kill(&self, scope: OrgScope, b: u8, c: u8) -> String {
        text(&self.store.kill(scope, self.number(b, c), kill()).await)
    }

    async fn recover(&self, a: u8, b: u8, c: u8) -> String {
        let beat = self.store.beat(node((b % 3).into()), at(c.into())).await;
        let silent = (c > 100).then(|| Duration::from_secs(u64::from(b)));
        let recovered = self.store.recover(node((a % 4).into()), at(c.into()), silent).await;
        format!("{} {}", text(&beat), text(&recovered))
    }

    async fn go_on(&self, a: u8, b: u8, c: u8) -> String {
        let Some(lease) = self.lease(a) else { return String::new() };
        let failed_line = (a > 200).then(|| u32::from(a % 4));
        let (line_no, failed_attempts) = (u32::from(b % 4), u32::from(c % 3));
        let checkpoint = Checkpoint { notes: Self::notes(b, c), line_no, failed_attempts, failed_line };
        if c > 128 {
            return text(&self.store.checkpoint(lease, checkpoint).await);
        }
        text(&self.store.postpone(lease, Postponement { checkpoint, until: at(i64::from(c) * 3) }).await)
    }

    async fn keep(&self, a: u8, b: u8, c: u8) -> String {
        let Some(lease) = self.lease(a) else { return String::new() };
        if c > 128 {
            return text(&self.store.record_batch(lease, batch(u32::from(b % 4), u32::from(c % 3))).await);
        }
        let kind = PartKind::ALL[usize::from(c) % PartKind::ALL.len()];
        text(&keep(self.store, lease, vec![part(u32::from(b % 4), kind, u32::from(c / 4 % 3))]).await)
    }

    async fn hand_back(&self, a: u8) -> String {
        let Some(lease) = self.lease(a) else { return String::new() };
        text(&self.store.release(lease).await)
    }

    async fn queue(&self, scope: OrgScope, b: u8, c: u8) -> String {
        let (key, global) = (QUEUES[usize::from(b) % QUEUES.len()], b > 128);
        if c > 200 {
            return text(&self.store.remove_queue(scope, key, global).await);
        }
        let limit = (c > 40).then_some(u32::from(c % 4));
        text(&self.store.save_queue(scope, &QueueSetting { key: key.to_owned(), global, limit }).await)
    }

    /// Prunes until nothing is found: stores may take different numbers of steps.
    async fn prune(&self, b: u8, c: u8) -> String {
        let keep = Retention { age: Duration::from_secs(u64::from(b)), results: u32::from(c % 4) };
        prune_all(self.store, keep, at(i64::from(c) * 8)).await.to_string()
    }

    async fn look(&self, scope: OrgScope, job: &str, c: u8) -> String {
        let status = [None, Some(Status::Pending), Some(Status::Running), Some(Status::Success)][usize::from(c % 4)];
        let filter = ResultFilter { job: (c & 4 == 0).then(|| job.to_owned()), status };
        let page = Page { before: (c & 8 == 0).then(|| id(self.started * 5)), limit: u32::from(c % 5) };
        let listed = History::list(self.store, scope, &filter, page).await.map(|listed| (listed.items, listed.more));
        let count = History::count(self.store, scope, &filter).await;
        let since = self.store.last_success(scope, job).await;
        [text(&listed), text(&count), text(&since)].join("\n")
    }

    async fn look_closer(&self, scope: OrgScope, job: &str, b: u8, c: u8) -> String {
        let before = self.store.ended_before(scope, job, self.number(b, c)).await;
        let queues = self.store.queues(scope).await;
        [
            text(&before),
            text(&queues),
            text(&self.store.related(scope, self.number(b, c), ResultRelation::Retries).await),
        ]
        .join("\n")
    }
}

/// All that can be seen of an organization.
async fn look_at_all(store: &impl Stores, scope: OrgScope) -> String {
    let page = Page { before: None, limit: 1000 };
    let results = History::list(store, scope, &ResultFilter::default(), page).await.expect("a page").items;
    let ids: Vec<_> = results.iter().map(|result| result.id).collect();
    let lines = store.lines(scope, &ids).await.expect("lines");
    let jobs = Jobs::list(store, scope, None, 100).await.expect("a page").items;
    let mut versions = Vec::new();
    for job in &jobs {
        for version in 1..=job.version {
            versions.push(Jobs::find(store, scope, &job.key, Some(version)).await.expect("a version"));
        }
    }
    let mut sets = Vec::new();
    for (id, line_no) in ids.iter().flat_map(|id| (0..4).map(move |line_no| (*id, line_no))) {
        for kind in PartKind::ALL {
            sets.extend(store.parts(scope, id, (line_no, kind), 0, 100).await.expect("parts"));
        }
    }
    let waiting = store.waiting(scope, &ids).await.expect("an answer");
    format!("{results:?}\n{lines:?}\n{jobs:?}\n{versions:?}\n{sets:?}\n{waiting:?}")
}

/// An answer as text. The text of an error may differ between stores, so it is left out.
fn text<Answer: std::fmt::Debug, Refusal: std::fmt::Debug + MaybeStore>(answer: &Result<Answer, Refusal>) -> String {
    match answer {
        Err(refusal) if refusal.is_of_store() => "unavailable".to_owned(),
        other => format!("{other:?}"),
    }
}

trait MaybeStore {
    fn is_of_store(&self) -> bool;
}

impl MaybeStore for StoreError {
    fn is_of_store(&self) -> bool {
        true
    }
}

macro_rules! maybe_store {
    ($($refusal:path)*) => {
        $(impl MaybeStore for $refusal {
            fn is_of_store(&self) -> bool {
                matches!(self, Self::Store(_))
            }
        })*
    };
}

maybe_store!(
    engine::ports::jobs::DeleteError
    engine::ports::jobs::SaveError
    engine::ports::queue::LeaseError
    engine::ports::results::KillError
    engine::ports::results::StartError
);
