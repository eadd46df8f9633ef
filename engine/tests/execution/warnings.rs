//! What a filter warns of: comparisons that cannot be decided, and fields that no record has.

use serde_json::{Map, Value, json};

use crate::harness::{Harness, all, harness, statuses};
use engine::execution::outcome::Performed;
use engine::model::collection::{Change, Entry};
use engine::model::status::Status::{self, Info, Skipped, Success, Warning};
use engine::services::collections::CHANGES_AT_MOST;

fn films() -> Vec<Value> {
    let dates = ["1999-12-31", "2001-05-01", "Dec 07 1998", "2003", "2026-11-20T08:00:00Z"];
    dates.iter().enumerate().map(|(n, date)| json!({"n": n, "Release Date": date})).collect()
}

async fn filter(records: Value, filter: Value) -> Performed {
    harness().await.perform(json!({"key": "job", "lines": [{"filter": filter}]}), records).await
}

/// Status and message of the line.
fn line(performed: &Performed) -> (Status, &str) {
    (performed.lines[0].status, &performed.lines[0].message)
}

/// The same records as an inline source, as the set that came in, and as a collection.
async fn three_ways(records: &[Value], definition: Value) -> [Performed; 3] {
    let with_source = |source: Value| {
        let mut definition = definition.clone();
        definition["source"] = source;
        json!({"key": "job", "lines": [{"filter": definition}]})
    };
    let harness = harness().await;
    let entries = records.iter().enumerate().map(|(n, data)| Entry { key: format!("{n:05}"), data: data.clone() });
    let changes: Vec<_> = entries.map(Change::Upsert).collect();
    for piece in changes.chunks(CHANGES_AT_MOST) {
        harness.engine.collections().write(&harness.access, "records", piece).await.unwrap();
    }
    [
        harness.perform(with_source(json!({"inline": records})), json!([])).await,
        harness.perform(json!({"key": "job", "lines": [{"filter": definition}]}), json!(records)).await,
        harness.perform(with_source(json!({"collection": "records"})), json!([])).await,
    ]
}

/// What all three ways warn of, behind the sentence that counts.
async fn warning(records: &[Value], definition: Value) -> String {
    let performed = three_ways(records, definition.clone()).await;
    let told = performed.each_ref().map(|performed| {
        let (status, message) = line(performed);
        let warning = message.split_once(". ").map_or("", |(_, warning)| warning);
        assert_eq!(status == Warning, !warning.is_empty(), "{message}");
        warning.to_owned()
    });
    assert_eq!(told[0], told[1], "{definition}");
    assert_eq!(told[0], told[2], "{definition}");
    told[0].clone()
}

#[tokio::test]
async fn dates_in_another_format_are_counted_and_make_a_warning() {
    let records = films();
    let definition = json!({"where": {"Release Date": {"gt": "2000-01-01"}}});
    let [inline, ..] = three_ways(&records, definition.clone()).await;
    assert_eq!(all(&inline), [records[1].clone(), records[4].clone()]);
    assert_eq!(inline.result.status, Warning);
    let expected = "2 of 5 records have a \"Release Date\" that is not a date (for example \"Dec 07 1998\"); say its \
                    format in the source's types.";
    assert_eq!(line(&inline), (Warning, format!("Chose 2 of 5 records. {expected}").as_str()));
    assert_eq!(warning(&records, definition).await, expected);
}

#[tokio::test]
async fn numbers_that_are_texts_are_counted_whatever_the_source() {
    let records: Vec<_> =
        (0..1500).map(|n| if n % 3 == 0 { json!({"n": n}) } else { json!({"n": n.to_string()}) }).collect();
    let told = warning(&records, json!({"where": {"n": {"gte": 600}}})).await;
    assert_eq!(
        told,
        "1,000 of 1,500 records have a \"n\" that is not a number (for example \"1\"); give the field a type in the source's types."
    );
    assert_eq!(warning(&records, json!({"where": {"n": {"gte": 0}, "missing": {"exists": true}}})).await, "");
}

#[tokio::test]
async fn epoch_numbers_are_told_from_dates() {
    let told = warning(&[json!({"at": 1_795_129_200_000_i64})], json!({"where": {"at": {"lt": "2026-11-20"}}})).await;
    assert_eq!(
        told,
        "1 of 1 record has a \"at\" that is a number and not a date (for example 1795129200000); say epochSeconds or epochMillis in the source's types."
    );
}

#[tokio::test]
async fn a_filter_that_left_nothing_because_of_this_is_a_warning_and_stops() {
    let lines = json!([
        {"filter": {"where": {"Release Date": {"gt": "2027-01-01"}}}},
        {"action": "pass"},
    ]);
    let performed = harness().await.perform(json!({"key": "job", "lines": lines}), json!(films())).await;
    assert_eq!(statuses(&performed), [(10, Warning), (20, Skipped)]);
    assert_eq!(performed.result.status, Warning);
    assert!(
        performed.result.message.contains("2 of 5 records have a \"Release Date\""),
        "{}",
        performed.result.message
    );
}

#[tokio::test]
async fn a_collection_with_a_limit_counts_until_the_last_record_that_is_taken() {
    let harness = harness().await;
    let values = [json!("x"), json!(1), json!("y"), json!(2), json!("z")];
    let entries = values.iter().enumerate().map(|(n, value)| Entry { key: n.to_string(), data: json!({"n": value}) });
    let changes: Vec<_> = entries.map(Change::Upsert).collect();
    harness.engine.collections().write(&harness.access, "c", &changes).await.unwrap();
    let filter = json!({"source": {"collection": "c"}, "where": {"n": {"gt": 0}}, "limit": 2});
    let performed = harness.perform(json!({"key": "job", "lines": [{"filter": filter}]}), json!([])).await;
    assert_eq!(all(&performed), [json!({"n": 1}), json!({"n": 2})]);
    let told = "Chose 2 records of the collection `c`. 2 records have a \"n\" that is not a number (for example \"x\"); \
                give the field a type in the source's types.";
    assert_eq!(line(&performed), (Warning, told));
}

#[tokio::test]
async fn a_field_that_no_record_has_is_a_warning_that_names_the_nearest() {
    let records = [json!({"status": "open", "customer": {"name": "A"}}), json!({"status": "done", "note": 1})];
    let near = "No record has a field \"sttus\"; did you mean \"status\"?";
    for definition in [
        json!({"where": {"sttus": "open"}}),
        json!({"where": {"not": {"sttus": "open"}}}),
        json!({"where": {"status": {"ne": {"field": "sttus"}}}}),
        json!({"orderBy": "-sttus"}),
        json!({"distinct": ["sttus"]}),
        json!({"select": ["status", "sttus"]}),
        json!({"select": {"shown": "sttus"}}),
    ] {
        assert_eq!(warning(&records, definition.clone()).await, near, "{definition}");
    }
    let told = warning(&records, json!({"select": ["customer.nme"]})).await;
    assert_eq!(told, "No record has a field \"customer.nme\"; did you mean \"customer.name\"?");
}

#[tokio::test]
async fn a_field_that_some_record_has_is_no_warning_even_if_that_is_not_chosen() {
    let records: Vec<_> =
        (0..300).map(|n| if n == 299 { json!({"n": n, "note": null}) } else { json!({"n": n}) }).collect();
    for definition in [
        json!({"where": {"n": {"lt": 5}}, "select": ["n", "note"]}),
        json!({"where": {"n": {"lt": 5}}, "orderBy": "note", "limit": 2}),
        json!({"where": {"note": "x"}}),
        json!({"where": {"absent": {"exists": false}, "n": {"lt": 5}}}),
        json!({"where": {"absent": {"isNull": true}, "n": {"lt": 5}}}),
    ] {
        assert_eq!(warning(&records, definition.clone()).await, "", "{definition}");
    }
}

#[tokio::test]
async fn the_key_of_a_collection_is_a_field() {
    let harness = harness().await;
    let change = Change::Upsert(Entry { key: "k".into(), data: json!({"n": 1}) });
    harness.engine.collections().write(&harness.access, "c", &[change]).await.unwrap();
    let filter = json!({"source": {"collection": {"name": "c", "keyAs": "id"}}, "where": {"n": 2}, "orderBy": "id"});
    let performed = harness.perform(json!({"key": "job", "lines": [{"filter": filter}]}), json!([])).await;
    assert_eq!(statuses(&performed), [(10, Info)]);
}

#[tokio::test]
async fn nothing_is_missing_in_an_empty_set() {
    let performed = filter(json!([]), json!({"where": {"a": 1}, "orderBy": "b"})).await;
    assert_eq!(statuses(&performed), [(10, Info)]);
}

#[tokio::test]
async fn a_bare_date_is_midnight_in_the_zone_of_the_job() {
    let records = json!([{"at": "2026-11-19T23:30:00Z"}, {"at": "2026-11-19T22:30:00Z"}]);
    let job = |zone: &str| json!({"key": "job", "timeZone": zone, "lines": [{"filter": {"where": {"at": {"gte": "$<today>"}}}}]});
    let run = async |zone: &str| {
        let harness: Harness = harness().await;
        all(&harness.perform(job(zone), records.clone()).await).len()
    };
    assert_eq!((run("Europe/Madrid").await, run("UTC").await, run("Europe/Athens").await), (1, 0, 2));
}

#[tokio::test]
async fn a_bare_date_is_sorted_by_its_midnight_in_the_zone_of_the_job() {
    let records = json!([{"at": "2026-11-20"}, {"at": "2026-11-19T23:30:00Z"}, {"at": "2026-11-19T22:30:00Z"}]);
    let job = json!({"key": "job", "timeZone": "Europe/Madrid", "lines": [{"filter": {"orderBy": "at"}}]});
    let performed = harness().await.perform(job, records.clone()).await;
    let [date, after, before] = [0, 1, 2].map(|n| records[n].clone());
    assert_eq!(all(&performed), [before, date, after]);
}

#[tokio::test]
async fn a_result_of_a_job_that_is_not_there_names_the_nearest_job() {
    let harness = harness().await;
    harness.save(json!({"key": "nightly-orders", "lines": [{"action": "pass"}]})).await;
    let told = async |job: &str| {
        let filter = json!({"source": {"result": {"job": job}}});
        let performed = harness.perform(json!({"key": "job", "lines": [{"filter": filter}]}), json!([])).await;
        performed.lines[0].message.clone()
    };
    assert_eq!(
        told("nightly-order").await,
        "There is no job `nightly-order` in this organization; did you mean `nightly-orders`?"
    );
    assert_eq!(told("invoices").await, "There is no job `invoices` in this organization.");
    assert!(told("nightly-orders").await.contains("No result of the job `nightly-orders` has ended"));
}

#[tokio::test]
async fn a_preview_warns_as_the_line_would() {
    let harness = harness().await;
    let definition =
        json!({"source": {"inline": films()}, "where": {"Release Date": {"gt": "2000-01-01"}}, "select": ["m"]});
    let preview = harness.engine.templates().preview(&harness.access, definition, Map::new()).await.unwrap();
    let told = preview.warning.unwrap();
    assert!(
        told.starts_with("2 of 5 records have a \"Release Date\"") && told.contains("No record has a field \"m\""),
        "{told}"
    );
    assert_eq!(preview.count, 2);
}

#[tokio::test]
async fn fields_that_every_record_has_leave_a_success() {
    let performed = filter(json!(films()), json!({"where": {"n": {"lt": 3}}, "select": ["Release Date"]})).await;
    assert_eq!(line(&performed), (Success, "Chose 3 of 5 records."));
}
