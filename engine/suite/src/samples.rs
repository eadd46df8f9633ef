//! Sample values of the cases.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Stores;
use engine::model::Instant;
use engine::model::fairness::Capacity;
use engine::model::organization::{Access, OrgScope, Organization, OrganizationId};
use engine::model::overlap::Overlap;
use engine::model::quota::Quotas;
use engine::model::record::Sample;
use engine::model::result::{Counters, JobResult, LineKind, LineResult, ResultId};
use engine::model::status::Status;
use engine::ports::actions::Severity;
use engine::ports::jobs::NewVersion;
use engine::ports::parts::{BatchDone, Part, PartKind};
use engine::ports::queue::{Checkpoint, Claim, Claimed, Finish, Lease, LeaseError, Leases, NodeId, Notes};
use engine::ports::queues::DEFAULT_QUEUE;
use engine::ports::results::{History, Kill, NewResult, ResultFilter};
use engine::ports::{Page, StoreError};

/// An instant, in seconds after the beginning of a day in 2026.
pub fn at(seconds: i64) -> Instant {
    Instant::from_timestamp(1_770_000_000 + seconds, 0).expect("an instant of this century")
}

pub fn id(number: u128) -> ResultId {
    ResultId(Uuid::from_u128(number))
}

pub fn organization(number: u128, key: &str) -> Organization {
    let id = OrganizationId(Uuid::from_u128(number));
    Organization {
        id,
        key: key.to_owned(),
        name: format!("The {key} company"),
        time_zone: chrono_tz::Europe::Madrid,
        quotas: Quotas::default(),
        deactivated_at: None,
    }
}

/// Creates an organization and returns its scope.
pub async fn scope(store: &impl Stores, number: u128, key: &str) -> OrgScope {
    let organization = organization(number, key);
    store.create(&organization).await.expect("a new organization");
    scope_of(organization.id)
}

/// The scope of an organization.
pub fn scope_of(id: OrganizationId) -> OrgScope {
    Access::of_operator(Organization { id, ..organization(0, "any") }, "a test").scope()
}

/// Two organizations that share a store.
pub async fn neighbours(store: &impl Stores) -> (OrgScope, OrgScope) {
    (scope(store, 1, "acme").await, scope(store, 2, "globex").await)
}

pub fn new_version(key: &str, document: Value, edits: Option<u32>) -> NewVersion {
    NewVersion {
        key: key.to_owned(),
        name: format!("Job {key}"),
        document,
        pins: Vec::new(),
        schedules: Vec::new(),
        edits,
        saved_at: at(0),
        saved_by: "ana".to_owned(),
    }
}

pub fn start(number: u128, job: &str) -> NewResult {
    NewResult {
        id: id(number),
        job: job.to_owned(),
        version: 1,
        title: None,
        started_by: "ana".to_owned(),
        dry_run: false,
        templates: Vec::new(),
        queue: DEFAULT_QUEUE.to_owned(),
        priority: 0,
        overlap: Overlap::Allow,
        idempotency: None,
        retry: None,
        notification_of: None,
        scheduled: None,
        started_from: None,
        depth: 0,
        ended_at_start: None,
        arguments: Map::new(),
        since: None,
        records: Vec::new(),
        now: at(i64::try_from(number % 1000).unwrap_or(0)),
        created_at: at(i64::try_from(number % 1000).unwrap_or(0)),
    }
}

/// A start with a rule for overlaps.
pub fn start_as(number: u128, job: &str, overlap: Overlap) -> NewResult {
    NewResult { overlap, ..start(number, job) }
}

pub fn numbers(claimed: &[Claimed]) -> Vec<u128> {
    claimed.iter().map(|one| one.result.id.0.as_u128()).collect()
}

pub async fn find(store: &impl Stores, scope: OrgScope, number: u128) -> JobResult {
    History::find(store, scope, id(number)).await.expect("an answer").expect("the result")
}

pub fn part(line_no: u32, kind: PartKind, part: u32) -> Part {
    Part { line_no, kind, part, records: vec![json!({"line": line_no, "kind": kind.word(), "part": part})] }
}

pub fn batch(line_no: u32, batch: u32) -> BatchDone {
    BatchDone {
        line_no,
        batch,
        taken: 3,
        records: Some(vec![json!({"of": batch})]),
        rejected: Vec::new(),
        message: None,
        severity: Severity::Success,
    }
}

/// Stores parts. `keep` alone is ambiguous, since uploads have it too.
pub async fn keep(store: &impl Stores, lease: Lease, parts: Vec<Part>) -> Result<(), LeaseError> {
    Leases::keep(store, lease, parts).await
}

/// All parts of a set.
pub async fn set(store: &impl Stores, scope: OrgScope, number: u128, set: (u32, PartKind)) -> Vec<Part> {
    store.parts(scope, id(number), set, 0, 1000).await.expect("parts")
}

pub fn from_line(line_no: u32, failed_attempts: u32, lines: &[LineResult]) -> Checkpoint {
    Checkpoint { notes: Notes { modules: None, lines: lines.to_vec() }, line_no, failed_attempts, failed_line: None }
}

pub fn finish(status: Status) -> Finish {
    let counters = Counters { records_in: 3, records_out: 2, records_rejected: 1 };
    Finish { counters, ..Finish::bare(status, format!("ended as {status}"), at(500)) }
}

pub fn kill() -> Kill {
    Kill {
        at: at(600),
        message: "Killed by ben: enough.".to_owned(),
        line_message: "Cut by ben.".to_owned(),
        lines: Vec::new(),
        notifications: Vec::new(),
    }
}

pub fn line(line_no: u32, status: Status) -> LineResult {
    LineResult {
        line_no,
        name: None,
        kind: LineKind::Action,
        action: Some("standard/sort".to_owned()),
        status,
        message: format!("line {line_no} is {status}"),
        started_at: Some(at(100)),
        finished_at: status.is_final().then(|| at(200)),
        attempt: 1,
        retry_at: None,
        counters: Counters::default(),
        parameters: Default::default(),
        sample: Sample::default(),
        rejected: Vec::new(),
        log: Vec::new(),
        effects: Vec::new(),
    }
}

pub fn node(number: u128) -> NodeId {
    NodeId(Uuid::from_u128(number))
}

/// The claims of a node with this many free workers.
pub async fn claim(store: &impl Stores, slots: u32, now: Instant) -> Vec<Claimed> {
    let claim = Claim { node: node(1), capacity: Capacity { slots, spare: 0 }, now };
    store.claim(claim).await.expect("a claim").claimed
}

/// Notes one line.
pub async fn note(store: &impl Stores, lease: Lease, line: &LineResult) -> Result<(), LeaseError> {
    store.note(lease, &Notes { modules: None, lines: vec![line.clone()] }).await
}

/// Starts one result and claims it.
pub async fn running(store: &impl Stores, scope: OrgScope, number: u128) -> Claimed {
    store.start(scope, start(number, "job")).await.expect("a start");
    claim_one(store).await
}

pub async fn claim_one(store: &impl Stores) -> Claimed {
    let mut claimed = claim(store, 10, at(50)).await;
    assert_eq!(claimed.len(), 1, "one result should have waited");
    claimed.remove(0)
}

/// Starts a result, and ends it this way.
pub async fn ended(store: &impl Stores, scope: OrgScope, number: u128, job: &str, status: Status) {
    store.start(scope, start(number, job)).await.expect("a start");
    let claimed = claim_one(store).await;
    store.finish(claimed.lease, finish(status)).await.expect("a finish");
}

/// The numbers of a page of results.
pub async fn page(
    store: &impl Stores,
    scope: OrgScope,
    filter: &ResultFilter,
    before: Option<u128>,
    limit: u32,
) -> (Vec<u128>, bool) {
    let page = Page { before: before.map(id), limit };
    let listed = History::list(store, scope, filter, page).await.expect("a page");
    (listed.items.iter().map(|result| result.id.0.as_u128()).collect(), listed.more)
}

pub fn of_job(job: &str) -> ResultFilter {
    ResultFilter { job: Some(job.to_owned()), status: None }
}

/// Values that a store may damage.
pub fn delicate() -> Value {
    json!({
        "beyond doubles": 9_007_199_254_740_993_u64,
        "largest": u64::MAX,
        "smallest": i64::MIN,
        "tenth": 0.1,
        "long": 8.988_465_674_311_579e307,
        "tiny": 5e-324,
        "whole double": 1.0,
        "unicode": "naïve 日本語 🪢 e\u{301} \u{0} \u{2028} \\ \" '",
        "": "an empty key",
        "nested": {"z": [1, [2, [3, {"deep": null}]]], "a": {}, "m": []},
        "truth": [true, false, null],
    })
}

/// Whether the answer is [`StoreError::Unavailable`].
pub fn is_refusal<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable(_)))
}
