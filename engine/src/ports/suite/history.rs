//! Histories made up by chance: the same numbers, played on two stores, must give
//! the same answers.

use serde_json::json;

use super::Stores;
use super::samples::{at, finish, id, kill, line, neighbours, new_version, node, start};
use crate::model::organization::OrgScope;
use crate::model::status::Status;
use crate::model::turn::Room;
use crate::ports::jobs::Jobs;
use crate::ports::organizations::Organizations;
use crate::ports::queue::{Claim, Lease, Notes};
use crate::ports::results::{NewResult, ResultFilter, Results};
use crate::ports::{Page, StoreError};

/// One operation: which, and three numbers that choose among what there is.
pub type Move = [u8; 4];

const JOBS: [&str; 3] = ["a", "b", "b-2"];
const ENDS: [Status; 4] = [Status::Success, Status::Info, Status::Warning, Status::Error];

/// Plays a history on an empty store, and gives all that the store answered, as text.
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
    for organization in Organizations::list(store).await.expect("a list") {
        seen.push_str(&look_at_all(store, OrgScope::of(organization.id)).await);
    }
    seen
}

struct Player<'store, Store> {
    store: &'store Store,
    scopes: [OrgScope; 2],
    /// Every lease that was ever handed out: most of them are lost.
    leases: Vec<Lease>,
    started: u128,
}

impl<Store: Stores> Player<'_, Store> {
    async fn make(&mut self, [which, a, b, c]: Move) -> String {
        let scope = self.scopes[usize::from(a & 1)];
        let job = JOBS[usize::from(b) % JOBS.len()];
        match which % 16 {
            0..=2 => self.start(scope, job, c).await,
            3..=5 => self.claim(b, c).await,
            6 => self.save(scope, job, c).await,
            7..=8 => self.note(a, b, c).await,
            9..=10 => self.finish(a, c).await,
            11 => self.kill(scope, b, c).await,
            12 => text(&self.store.recover(node(2), at(c.into()), None).await),
            13..=14 => self.look(scope, job, c).await,
            _ => text(
                &Jobs::list(self.store, scope, (c > 127).then_some(job), u32::from(c % 4))
                    .await
                    .map(|page| (page.items, page.more)),
            ),
        }
    }

    async fn start(&mut self, scope: OrgScope, job: &str, c: u8) -> String {
        self.started += 1;
        // Identities go up and down, as those of several nodes with clocks of their own do.
        let number = self.started * 10 + u128::from(c % 40);
        let records = (0..c % 3).map(|n| json!({"n": n})).collect();
        text(&self.store.start(scope, NewResult { records, ..start(number, job) }).await)
    }

    async fn claim(&mut self, b: u8, c: u8) -> String {
        let room = Room { slots: u32::from(b % 3), spare: 0 };
        let claims = self.store.claim(Claim { node: node(1), room, now: at(c.into()) }).await;
        self.leases.extend(claims.iter().flat_map(|claims| &claims.claimed).map(|one| one.lease));
        text(&claims)
    }

    async fn save(&self, scope: OrgScope, job: &str, c: u8) -> String {
        let edits = [None, Some(0), Some(1), Some(2)][usize::from(c / 4 % 4)];
        text(&self.store.save(scope, new_version(job, json!({"n": c % 3}), edits)).await)
    }

    fn lease(&self, a: u8) -> Option<Lease> {
        // Late ones are likelier, since early ones are all lost after a while.
        self.leases.iter().rev().nth(usize::from(a % 5)).copied()
    }

    async fn note(&self, a: u8, b: u8, c: u8) -> String {
        let Some(lease) = self.lease(a) else { return String::new() };
        let status = Status::ALL[usize::from(c) % Status::ALL.len()];
        let modules = (c > 200).then(Vec::new);
        text(&self.store.note(lease, &Notes { modules, lines: vec![line(u32::from(b % 4), status)] }).await)
    }

    async fn finish(&self, a: u8, c: u8) -> String {
        let Some(lease) = self.lease(a) else { return String::new() };
        text(&self.store.finish(lease, finish(ENDS[usize::from(c) % ENDS.len()])).await)
    }

    async fn kill(&self, scope: OrgScope, b: u8, c: u8) -> String {
        let number = (self.started.saturating_sub(u128::from(b % 8))) * 10 + u128::from(c % 40);
        text(&self.store.kill(scope, id(number), kill()).await)
    }

    async fn look(&self, scope: OrgScope, job: &str, c: u8) -> String {
        let status = [None, Some(Status::Pending), Some(Status::Running), Some(Status::Success)][usize::from(c % 4)];
        let filter = ResultFilter { job: (c & 4 == 0).then(|| job.to_owned()), status };
        let page = Page { before: (c & 8 == 0).then(|| id(self.started * 5)), limit: u32::from(c % 5) };
        let listed = Results::list(self.store, scope, &filter, page).await.map(|listed| (listed.items, listed.more));
        let count = Results::count(self.store, scope, &filter).await;
        let since = self.store.last_success(scope, job).await;
        [text(&listed), text(&count), text(&since)].join("\n")
    }
}

/// All that can be seen of an organization.
async fn look_at_all(store: &impl Stores, scope: OrgScope) -> String {
    let page = Page { before: None, limit: 1000 };
    let results = Results::list(store, scope, &ResultFilter::default(), page).await.expect("a page").items;
    let ids: Vec<_> = results.iter().map(|result| result.id).collect();
    let lines = store.lines(scope, &ids).await.expect("lines");
    let jobs = Jobs::list(store, scope, None, 100).await.expect("a page").items;
    let mut versions = Vec::new();
    for job in &jobs {
        for version in 1..=job.version {
            versions.push(Jobs::find(store, scope, &job.key, Some(version)).await.expect("a version"));
        }
    }
    format!("{results:?}\n{lines:?}\n{jobs:?}\n{versions:?}")
}

/// An answer as text. How a store says that it cannot is its own affair.
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
    crate::ports::jobs::SaveError
    crate::ports::queue::LeaseError
    crate::ports::results::KillError
    crate::ports::results::StartRefused
);
