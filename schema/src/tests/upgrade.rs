//! A database of the version before is brought up to date, and nothing of it is lost.

use engine::model::fairness::Capacity;
use engine::model::status::Status;
use engine::ports::jobs::Jobs;
use engine::ports::queue::{Claim, Leases, Queue};
use engine::ports::results::{History, Idempotency, NewResult, ResultFilter, Starts};
use migrations::Migrations;
use sea_orm::{ConnectionTrait, Database};
use sea_orm_migration::MigratorTrait;
use suite::samples::{self, at, finish, id, node};

use super::{DatabaseFolder, scope_of};
use crate::Store;

/// How many changes of tables there were before queues.
const BEFORE: u32 = 3;

/// A result of each kind: 1 ended, 2 running, 3 waits, 4 waits and is dry.
const ROWS: &str = "
INSERT INTO organizations VALUES (unhex(printf('%032x', 1)), 'acme', 'Acme', 'UTC');
INSERT INTO job_results (organization_id, id, job_key, version, status, message, started_by, arguments, created_at,
    started_at, attempt, records_in, records_out, records_rejected, modules, dry_run)
SELECT organizations.id, unhex(printf('%032x', number)), 'job', 1, status, '', 'ana', '{}', number * 1000000,
    CASE WHEN status = 'pending' THEN NULL ELSE 5000000 END, 0, 0, 0, 0, '[]', number = 4
FROM organizations, (SELECT 1 AS number, 'success' AS status UNION ALL SELECT 2, 'running' UNION ALL SELECT 3, 'pending'
    UNION ALL SELECT 4, 'pending');
INSERT INTO line_results (organization_id, job_result_id, line_no, kind, status, message, records_in, records_out,
    records_rejected, parameters, sample, sample_cut, rejected, log)
SELECT organization_id, id, 10, 'filter', 'success', '', 0, 0, 0, 'null', '[]', FALSE, '[]',
    '[{\"level\": \"info\", \"message\": \"hello\"}]' FROM job_results;
INSERT INTO leases SELECT organization_id, id, CASE WHEN status = 'running' THEN 1 ELSE 0 END, status = 'pending'
FROM job_results WHERE status IN ('pending', 'running');
INSERT INTO job_starts SELECT organization_id, 'once', id FROM job_results WHERE status = 'success';
";

#[tokio::test]
async fn what_was_there_before_queues_is_still_there() {
    let folder = DatabaseFolder::new();
    let path = folder.folder.path().join("old.db");
    let db = Database::connect(format!("sqlite:{}?mode=rwc", path.display())).await.unwrap();
    Migrations::up(&db, Some(BEFORE)).await.unwrap();
    db.execute_unprepared(ROWS).await.unwrap();
    db.close().await.unwrap();
    let store = Store::open_sqlite(&path).await.unwrap();
    let scope = scope_of(&samples::organization(1, "acme"));
    let old = History::find(&store, scope, id(1)).await.unwrap().unwrap();
    assert_eq!((old.queue.as_str(), old.priority, old.root, old.now), ("default", 0, id(1), old.created_at));
    let line = store.lines(scope, &[id(1)]).await.unwrap().remove(0).1;
    assert_eq!((line.attempt, line.log[0].message.as_str(), line.log[0].at), (1, "hello", None));
    assert_eq!(store.recover(node(1), at(0), None).await.unwrap(), 1, "what was running");
    let claim = Claim { node: node(1), capacity: Capacity { slots: 9, spare: 0 }, now: at(0) };
    let claimed = store.claim(claim).await.unwrap().claimed;
    let taken: Vec<_> = claimed.iter().map(|one| (one.result.id, one.resume.is_some())).collect();
    assert_eq!(taken, [(id(2), true), (id(3), false), (id(4), false)]);
    for one in claimed {
        store.finish(one.lease, finish(Status::Success)).await.unwrap();
    }
    let name = Idempotency { key: "once".into(), digest: "what it asks for".into() };
    let again = NewResult { idempotency: Some(name), ..samples::start(9, "job") };
    assert_eq!(store.start(scope, again).await.unwrap().result.id, id(1), "old names fit whatever is asked for");
    assert_eq!(History::count(&store, scope, &ResultFilter::default()).await.unwrap(), 4);
}

/// How many changes of tables there were before jobs stopped on their first error.
const BEFORE_STOPPING: u32 = 7;

/// A job whose first version says nothing about errors, and whose second one does.
const JOBS: &str = r#"
INSERT INTO organizations VALUES (unhex(printf('%032x', 1)), 'acme', 'Acme', 'UTC');
INSERT INTO jobs (organization_id, key, version, name, document, pins, saved_at, saved_by)
SELECT id, 'job', 2, 'Job', '{"key":"job","stopsOnError":true,"lines":[]}', '[]', 2, 'ana' FROM organizations;
INSERT INTO job_versions (organization_id, job_key, version, name, document, pins, saved_at, saved_by)
SELECT id, 'job', 1, 'Job', '{"key":"job","lines":[{"n":18446744073709551615}]}', '[]', 1, 'ana' FROM organizations
UNION ALL SELECT id, 'job', 2, 'Job', '{"key":"job","stopsOnError":true,"lines":[]}', '[]', 2, 'ana' FROM organizations;
"#;

#[tokio::test]
async fn versions_saved_before_go_on_after_an_error() {
    let folder = DatabaseFolder::new();
    let path = folder.folder.path().join("old.db");
    let db = Database::connect(format!("sqlite:{}?mode=rwc", path.display())).await.unwrap();
    Migrations::up(&db, Some(BEFORE_STOPPING)).await.unwrap();
    db.execute_unprepared(JOBS).await.unwrap();
    db.close().await.unwrap();
    let store = Store::open_sqlite(&path).await.unwrap();
    let scope = scope_of(&samples::organization(1, "acme"));
    let first = Jobs::find(&store, scope, "job", Some(1)).await.unwrap().unwrap();
    let expected = r#"{"stopsOnError":false,"key":"job","lines":[{"n":18446744073709551615}]}"#;
    assert_eq!(first.document.to_string(), expected);
    let newest = Jobs::find(&store, scope, "job", None).await.unwrap().unwrap();
    assert_eq!((newest.version, newest.document["stopsOnError"].as_bool()), (2, Some(true)));
}
