//! No statement looks through a whole table. The suite is run, every statement
//! that it brought about is kept, and SQLite is asked how it would go about it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use engine::ports::suite;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

use super::Place;
use crate::writer::Writer;
use crate::{Store, sqlite};

type Seen = Arc<Mutex<BTreeMap<String, Statement>>>;

/// What may be walked from its beginning, and why.
const WALKS: [&str; 4] = [
    // The claim walks the index of what waits, and stops at its limit.
    "SCAN leases USING INDEX leases_waiting",
    // All organizations are asked for, up to a bound.
    "SCAN organizations USING INDEX",
    // A start makes every module ready.
    "SCAN modules USING COVERING INDEX modules_by_digest",
    // Recovery looks once at what has not ended, before the first claim.
    "SCAN leases",
];

async fn watched(place: &Place, seen: &Seen) -> Store {
    let mut opened = sqlite::open(&place.path()).await.unwrap();
    for db in [&mut opened.writer, &mut opened.readers] {
        let seen = Arc::clone(seen);
        db.set_metric_callback(move |info| {
            seen.lock().unwrap().insert(info.statement.sql.clone(), info.statement.clone());
        });
    }
    Store {
        readers: opened.readers,
        walks: tokio::sync::Semaphore::new(crate::WALKS),
        writer: Writer::start(opened.writer, opened.lock),
    }
}

async fn plan(db: &DatabaseConnection, statement: &Statement) -> Vec<String> {
    let mut explained = statement.clone();
    explained.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
    let rows = db.query_all_raw(explained).await.unwrap();
    rows.iter().map(|row| row.try_get("", "detail").unwrap()).collect()
}

#[tokio::test]
async fn no_statement_looks_through_a_whole_table() {
    let place = Place::new();
    let seen = Seen::default();
    suite::every_case(async || watched(&place, &seen).await).await;
    let db = sqlite::open(&place.path()).await.unwrap().readers;
    let seen = seen.lock().unwrap().clone();
    let mut walks_of_leases = Vec::new();
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
            // The rows that an insertion brings are no table.
            let walk = step.ends_with("VALUES CLAUSE") || WALKS.iter().any(|walk| step.starts_with(walk));
            assert!(walk || !step.starts_with("SCAN"), "{step}\n{sql}");
            if step == "SCAN leases" {
                walks_of_leases.push(sql);
            }
            let listing = sql.contains("job_results") || sql.contains("collection");
            let listing = listing && step.contains("ORDER BY");
            assert!(!listing, "a listing is in the order of an index: {step}\n{sql}");
        }
    }
    let of = |part: &str| seen.keys().filter(|sql| sql.contains(part)).count();
    assert!(of("FROM \"job_results\"") >= 10, "every listing and count was seen");
    assert!(of("FROM \"collection_records\"") >= 10, "records were got, found, counted and removed");
    assert!(of("-> ?") >= 2, "criteria were pushed down");
    assert_eq!(of("ORDER BY \"leases\""), 1, "the claim was seen");
    assert!(
        matches!(walks_of_leases.as_slice(), [recovery] if recovery.contains("\"waiting\" = ")),
        "{walks_of_leases:#?}"
    );
}

/// A plan does not tell an index of what waits from one of all that has not ended.
#[tokio::test]
async fn the_index_of_what_waits_holds_nothing_else() {
    let place = Place::new();
    let db = sqlite::open(&place.path()).await.unwrap().readers;
    let text = "SELECT sql FROM sqlite_schema WHERE name = 'leases_waiting'";
    let statement = Statement::from_string(db.get_database_backend(), text);
    let made: String = db.query_one_raw(statement).await.unwrap().unwrap().try_get("", "sql").unwrap();
    assert!(made.ends_with("WHERE \"waiting\""), "{made}");
}
