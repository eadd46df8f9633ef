use serde_json::{Value, json};

use crate::harness::{Harness, all, faults, harness, refusal, statuses};
use engine::execution::outcome::Performed;
use engine::model::collection::{Change, Entry, LONGEST_KEY};
use engine::model::organization::Access;
use engine::model::refusal::RefusalCode;
use engine::model::status::Status::{Error, Info, Success};
use engine::node::service_error::ServiceError;
use engine::services::collections::{BYTES_AT_MOST, CHANGES_AT_MOST, PageOfRecords, Which};
use engine::services::organizations::NewOrganization;

fn upsert(key: &str, data: Value) -> Change {
    Change::Upsert(Entry { key: key.to_owned(), data })
}

/// `orders` with a record for each number, and `empty` without any.
async fn with_orders(count: u32) -> Harness {
    let harness = harness().await;
    for first in (0..count).step_by(CHANGES_AT_MOST) {
        let piece = first..count.min(first + 1000);
        let changes: Vec<_> =
            piece.map(|n| upsert(&format!("{n:05}"), json!({"n": n, "id": "own", "open": n % 2 == 0}))).collect();
        harness.engine.collections().write(&harness.access, "orders", &changes).await.unwrap();
    }
    harness.engine.collections().write(&harness.access, "empty", &[]).await.unwrap();
    harness
}

async fn filter(harness: &Harness, filter: Value) -> Performed {
    let job = json!({"key": "job", "lines": [{"filter": filter}]});
    harness.perform(job, json!([{"n": "from the start"}])).await
}

fn numbers(performed: &Performed) -> Vec<u64> {
    all(performed).iter().map(|record| record["n"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_filter_takes_the_records_of_a_collection_in_the_order_of_their_keys() {
    let harness = with_orders(10).await;
    let performed =
        filter(&harness, json!({"source": {"collection": "orders"}, "where": {"n": {"gte": 4}, "open": true}})).await;
    assert_eq!(statuses(&performed), [(10, Success)]);
    assert_eq!(numbers(&performed), [4, 6, 8]);
    assert_eq!(all(&performed)[0], json!({"n": 4, "id": "own", "open": true}));
    assert_eq!(performed.lines[0].message, "Chose 3 records of the collection `orders`.");
    assert_eq!(performed.result.counters.records_in, 3);
}

#[tokio::test]
async fn no_more_is_taken_than_the_limit_asks_for() {
    let harness = with_orders(50).await;
    let source = || json!({"collection": "orders"});
    for (definition, expected, taken) in [
        (json!({"source": source(), "limit": 3}), vec![0, 1, 2], 3),
        (json!({"source": source(), "limit": 2, "offset": 3, "where": {"open": true}}), vec![6, 8], 5),
        (json!({"source": source(), "limit": 2, "orderBy": "-n"}), vec![49, 48], 50),
        (json!({"source": source(), "limit": 2, "distinct": "open"}), vec![0, 1], 50),
    ] {
        let performed = filter(&harness, definition.clone()).await;
        assert_eq!(numbers(&performed), expected, "{definition}");
        assert_eq!(performed.result.counters.records_in, taken, "{definition}");
    }
}

#[tokio::test]
async fn a_record_shows_its_key_where_the_source_says() {
    let harness = with_orders(20).await;
    let source = json!({"collection": {"name": "orders", "keyAs": "id"}});
    let criteria = json!({"open": false, "id": {"in": ["00003", "00004", "00011", "own"]}});
    let performed = filter(&harness, json!({"source": source, "where": criteria, "limit": 1, "offset": 1})).await;
    assert_eq!(all(&performed), [json!({"id": "00011", "n": 11, "open": false})]);
    assert_eq!(performed.result.counters.records_in, 10, "the store looked at the rest of the criteria");
    let performed = filter(&harness, json!({"source": source, "select": {"key": "id"}, "limit": 1})).await;
    assert_eq!((all(&performed), performed.result.counters.records_in), (vec![json!({"key": "00000"})], 1));
}

#[tokio::test]
async fn an_unknown_collection_is_an_error_that_names_the_nearest() {
    let harness = with_orders(1).await;
    let performed = filter(&harness, json!({"source": {"collection": "order"}})).await;
    assert_eq!(statuses(&performed), [(10, Error)]);
    let told = "There is no collection `order` in this organization; did you mean `orders`?";
    assert_eq!(performed.lines[0].message, told);
    let performed = filter(&harness, json!({"source": {"collection": "unheard-of"}})).await;
    let told = "There is no collection `unheard-of` in this organization; the first write makes it.";
    assert_eq!(performed.lines[0].message, told);
}

#[tokio::test]
async fn a_collection_without_records_is_told_from_one_where_none_matches() {
    let harness = with_orders(1).await;
    let performed = filter(&harness, json!({"source": {"collection": "empty"}})).await;
    assert_eq!((statuses(&performed), performed.result.status), (vec![(10, Info)], Info));
    assert_eq!(performed.lines[0].message, "There were no records to choose from.");
    let performed = filter(&harness, json!({"source": {"collection": "orders"}, "where": {"n": 99}})).await;
    assert_eq!(performed.lines[0].message, "No record of the collection `orders` matched.");
}

#[tokio::test]
async fn a_name_that_cannot_be_is_found_when_the_job_is_saved_or_its_line_runs() {
    let harness = with_orders(1).await;
    let job = |name: &str| json!({"key": "job", "lines": [{"filter": {"source": {"collection": name}}}]});
    let faults = faults(harness.engine.jobs().save(&harness.access, job("Open Orders"), None).await);
    assert_eq!(faults[0].path, "lines[0].filter.source");
    assert!(faults[0].message.starts_with("`Open Orders` cannot be the name of a collection"), "{faults:?}");
    harness.save(job("$<args.name>")).await;
    harness.start(json!({"name": "orders"}), json!([])).await.unwrap();
    assert_eq!(numbers(&harness.step().await.unwrap()), [0]);
    harness.start(json!({"name": "../orders"}), json!([])).await.unwrap();
    assert!(harness.step().await.unwrap().lines[0].message.contains("cannot be the name of a collection"));
}

#[tokio::test]
async fn a_job_of_another_organization_does_not_see_the_collection() {
    let harness = with_orders(3).await;
    let new = NewOrganization { key: "other".into(), name: "Other".into(), time_zone: "UTC".into() };
    let other = harness.engine.organizations().add(new).await.unwrap();
    let stranger = Harness { access: Access::of_operator(other, "stranger"), ..harness.clone() };
    let performed = filter(&stranger, json!({"source": {"collection": "orders"}})).await;
    let told = "There is no collection `orders` in this organization; the first write makes it.";
    assert_eq!(performed.lines[0].message, told, "and its names are not told either");
}

/// Where something is wrong with what was given.
fn places<Done>(refused: Result<Done, ServiceError>) -> Vec<String> {
    faults(refused).into_iter().map(|fault| fault.path).collect()
}

#[tokio::test]
async fn what_is_wrong_with_a_write_is_told_at_once_and_nothing_is_written() {
    let harness = with_orders(0).await;
    let collections = harness.engine.collections();
    let changes = [
        upsert("a", json!({})),
        upsert("", json!({})),
        upsert("b", json!([1])),
        Change::Delete("k".repeat(LONGEST_KEY + 1)),
    ];
    let refused = collections.write(&harness.access, "c", &changes).await;
    assert_eq!(places(refused), ["changes[1]", "changes[2]", "changes[3]"]);
    assert_eq!(places(collections.write(&harness.access, "No", &changes).await), ["collection"]);
    let many: Vec<_> = (0..=CHANGES_AT_MOST).map(|n| Change::Delete(n.to_string())).collect();
    assert_eq!(places(collections.write(&harness.access, "c", &many).await), ["changes"]);
    let text = "x".repeat(1_000_000);
    let large: Vec<_> =
        (0..=BYTES_AT_MOST / text.len()).map(|n| upsert(&n.to_string(), json!({"text": text}))).collect();
    assert_eq!(places(collections.write(&harness.access, "c", &large).await), ["changes"]);
    assert!(!collections.exists(harness.access.scope(), "c").await.unwrap());
}

#[tokio::test]
async fn records_are_deleted_by_key_and_by_criteria() {
    let harness = with_orders(2_500).await;
    let (collections, access, scope) = (harness.engine.collections(), &harness.access, harness.access.scope());
    let keys = Which::Keys(vec!["00001".into(), "00003".into(), "absent".into()]);
    assert_eq!(collections.delete(access, "orders", &keys).await.unwrap(), 2);
    let even = Which::Where(json!({"open": true}));
    assert_eq!(collections.delete(access, "orders", &even).await.unwrap(), 1_250, "all, though piece by piece");
    assert_eq!(collections.count(scope, "orders", None).await.unwrap(), 1_248);
    assert_eq!(collections.count(scope, "orders", Some(&json!({"n": {"lt": 10}}))).await.unwrap(), 3);
    assert_eq!(places(collections.delete(access, "orders", &Which::Where(Value::Null)).await), ["where"]);
    let wrong = Which::Where(json!({"n": {"grt": 1}}));
    assert_eq!(places(collections.delete(access, "orders", &wrong).await), ["where.n.grt"]);
    let no_key = Which::Keys(vec!["a".into(), String::new()]);
    assert_eq!(places(collections.delete(access, "orders", &no_key).await), ["keys[1]"]);
    let absent = refusal(collections.delete(access, "orderz", &even).await);
    assert_eq!((absent.code, absent.path.as_str()), (RefusalCode::NotFound, "collection"));
    assert!(absent.message.contains("did you mean `orders`?"), "{absent}");
}

#[tokio::test]
async fn a_collection_is_deleted_once() {
    let harness = with_orders(3).await;
    let (collections, access) = (harness.engine.collections(), &harness.access);
    collections.remove(access, "orders").await.unwrap();
    assert_eq!(refusal(collections.remove(access, "orders").await).code, RefusalCode::NotFound);
    let page = PageOfRecords { collection: "orders", criteria: None, after: None, limit: 5 };
    assert_eq!(collections.find(access.scope(), page).await.unwrap().entries, []);
}
