//! No statement looks through a whole table. The suite is run, every statement
//! that it brought about is kept, and SQLite is asked how it would go about it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

use super::DatabaseFolder;
use crate::Store;
use crate::sqlite::{self, Sharing};

type Seen = Arc<Mutex<BTreeMap<String, Statement>>>;

/// What may be walked from its beginning, and why.
const WALKS: [&str; 9] = [
    // The schedules that come due first, up to a bound.
    "SCAN schedules USING INDEX schedules_due",
    // All organizations are asked for, up to a bound.
    "SCAN organizations USING INDEX",
    // A start makes every module ready.
    "SCAN modules USING COVERING INDEX modules_by_digest",
    // The writer reads all leases and queues once, and keeps them in memory.
    "SCAN leases",
    "SCAN queues",
    // What is running, in all queues: a few for each slot of a worker.
    "SCAN leases USING COVERING INDEX leases_leased",
    "SCAN leases USING INDEX leases_leased",
    // Whether anything is ready, and how much for the metrics.
    "SCAN leases USING COVERING INDEX leases_ready",
    // A handful of processes.
    "SCAN nodes",
];

/// How many results of an organization wait in each queue is counted for whoever looks at queues.
const WAITING_BY_QUEUE: &str = "AS \"waiting\"";

async fn watched(folder: &DatabaseFolder, seen: &Seen) -> Store {
    let mut opened = sqlite::open(&folder.path(), Sharing::Alone).await.unwrap();
    for db in [&mut opened.writer, &mut opened.readers] {
        let seen = Arc::clone(seen);
        db.set_metric_callback(move |info| {
            seen.lock().unwrap().insert(info.statement.sql.clone(), info.statement.clone());
        });
    }
    Store::on(opened)
}

async fn plan(db: &DatabaseConnection, statement: &Statement) -> Vec<String> {
    let mut explained = statement.clone();
    explained.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
    let rows = db.query_all_raw(explained).await.unwrap();
    rows.iter().map(|row| row.try_get("", "detail").unwrap()).collect()
}

#[tokio::test]
async fn no_statement_looks_through_a_whole_table() {
    let folder = DatabaseFolder::new();
    let seen = Seen::default();
    suite::every_case(async || watched(&folder, &seen).await).await;
    let db = sqlite::open(&folder.path(), Sharing::Alone).await.unwrap().readers;
    let seen = seen.lock().unwrap().clone();
    for (sql, statement) in &seen {
        let steps = plan(&db, statement).await;
        for chosen in ["job_key", "status"]
            .into_iter()
            .filter(|column| sql.contains(&format!("\"job_results\".\"{column}\" = ?")))
        {
            let indexed = steps.iter().any(|step| step.contains(&format!("{chosen}=?")));
            assert!(indexed, "{chosen} is looked up, not compared: {steps:?}\n{sql}");
        }
        for step in steps {
            // Rows that a statement brings are no table.
            let walk = step.ends_with("VALUES CLAUSE")
                || step == "SCAN CONSTANT ROW"
                || WALKS.iter().any(|walk| step.starts_with(walk));
            assert!(walk || !step.starts_with("SCAN"), "{step}\n{sql}");
            let listing = sql.contains("job_results") || sql.contains("collection");
            let listing = listing && step.contains("ORDER BY");
            assert!(!listing, "a listing is in the order of an index: {step}\n{sql}");
            let sorted = sql.contains("leases") && step.contains("TEMP B-TREE") && !sql.contains(WAITING_BY_QUEUE);
            assert!(!sorted, "claims sort nothing: {step}\n{sql}");
        }
    }
    let of = |part: &str| seen.keys().filter(|sql| sql.contains(part)).count();
    assert!(of("FROM \"job_results\"") >= 10, "every listing and count was seen");
    assert!(of("FROM \"collection_records\"") >= 10, "records were got, found, counted and removed");
    assert!(of("-> ?") >= 2, "criteria were pushed down");
}

/// A plan does not tell an index of some rows from one of all that have not ended.
#[tokio::test]
async fn the_indexes_of_what_waits_hold_nothing_else() {
    let folder = DatabaseFolder::new();
    let db = sqlite::open(&folder.path(), Sharing::Alone).await.unwrap().readers;
    for (name, rows) in [
        ("leases_ready", "\"stands\" = 'ready'"),
        ("leases_behind", "\"stands\" = 'behind'"),
        ("leases_later", "\"stands\" = 'later'"),
        ("leases_leased", "\"stands\" = 'leased'"),
        ("leases_ahead", "\"ahead\""),
        ("leases_isolated", "\"isolated_until\" IS NOT NULL"),
    ] {
        let text = format!("SELECT sql FROM sqlite_schema WHERE name = '{name}'");
        let statement = Statement::from_string(db.get_database_backend(), text);
        let made: String = db.query_one_raw(statement).await.unwrap().unwrap().try_get("", "sql").unwrap();
        assert!(made.ends_with(&format!("WHERE {rows}")), "{made}");
    }
}
