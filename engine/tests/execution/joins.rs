//! Lookups in filters, and sets that feed several lines.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::harness::{Harness, all, faults, harness, statuses};
use engine::execution::outcome::Performed;
use engine::model::collection::{Change, Entry};
use engine::model::status::Status::{Error, Skipped, Success, Warning};
use engine::records::spill_config::{Bound, SpillConfig};

async fn with_customers() -> Harness {
    let harness = harness().await;
    let customer = |key: &str, data: Value| Change::Upsert(Entry { key: key.to_owned(), data });
    let changes = [
        customer("1", json!({"name": "Ada", "country": "ES", "code": 10})),
        customer("b", json!({"name": "Bo", "country": "PT", "code": 20})),
    ];
    harness.engine.collections().write(&harness.access, "customers", &changes).await.unwrap();
    harness
}

fn orders() -> Value {
    json!([{"id": 1, "customer": 1, "code": 20.0}, {"id": 2, "customer": "b", "code": 10}, {"id": 3, "customer": "c"}])
}

async fn filter(harness: &Harness, definition: Value) -> Performed {
    harness.perform(json!({"key": "job", "lines": [{"filter": definition}]}), orders()).await
}

#[tokio::test]
async fn a_lookup_joins_what_a_collection_has_under_its_own_key_before_the_criteria() {
    let harness = with_customers().await;
    let lookup = json!({"who": {"collection": "customers", "on": "customer", "fields": ["name"]}});
    let performed = filter(&harness, json!({"lookup": lookup, "select": ["id", "who"]})).await;
    let expected = [
        json!({"id": 1, "who": {"name": "Ada"}}),
        json!({"id": 2, "who": {"name": "Bo"}}),
        json!({"id": 3, "who": null}),
    ];
    assert_eq!(all(&performed), expected);
    assert_eq!(statuses(&performed), [(10, Success)]);
    assert_eq!(
        performed.lines[0].message,
        "Chose 3 of 3 records. Not found in the collection `customers`: 1 of 3 records."
    );
    let whole = json!({"who": {"collection": "customers", "on": "customer"}});
    let performed = filter(&harness, json!({"lookup": whole, "where": {"who.country": "PT"}})).await;
    let expected = json!({"id": 2, "customer": "b", "code": 10, "who": {"name": "Bo", "country": "PT", "code": 20}});
    assert_eq!(all(&performed), [expected]);
}

#[tokio::test]
async fn a_lookup_may_go_by_another_field_or_by_a_key_that_is_shown() {
    let harness = with_customers().await;
    let by_code = json!({"who": {"collection": "customers", "on": "code", "key": "code", "missing": "drop"}});
    let performed = filter(&harness, json!({"lookup": by_code, "select": {"id": "id", "who": "who.name"}})).await;
    assert_eq!(all(&performed), [json!({"id": 1, "who": "Bo"}), json!({"id": 2, "who": "Ada"})]);
    let shown = json!({"who": {"collection": {"name": "customers", "keyAs": "no"}, "on": "customer", "key": "no", "missing": "drop"}});
    let performed = filter(&harness, json!({"lookup": shown, "select": ["who.no"]})).await;
    assert_eq!(all(&performed), [json!({"who.no": "b"})], "the key is a text there, and 1 is none");
}

#[tokio::test]
async fn several_lookups_are_made_in_their_order() {
    let harness = with_customers().await;
    let countries = json!([{"iso": "ES", "name": "Spain"}, {"iso": "PT", "name": "Portugal"}]);
    let lines = json!([
        {"name": "countries", "filter": {"source": {"inline": countries}}},
        {"filter": {
            "source": {"inline": orders()},
            "lookup": {
                "who": {"collection": "customers", "on": "customer", "missing": "drop"},
                "country": {"line": "countries", "on": "who.country", "key": "iso"},
            },
            "select": {"id": "id", "country": "country.name"},
        }},
    ]);
    let performed = harness.perform(json!({"key": "job", "lines": lines}), json!([])).await;
    assert_eq!(all(&performed), [json!({"id": 1, "country": "Spain"}), json!({"id": 2, "country": "Portugal"})]);
}

#[tokio::test]
async fn the_store_is_not_asked_for_what_a_lookup_joins() {
    let harness = with_customers().await;
    let order = |key: &str, data: Value| Change::Upsert(Entry { key: key.to_owned(), data });
    let changes = [
        order("1", json!({"n": 1, "open": true, "customer": "1"})),
        order("2", json!({"n": 2, "open": true, "customer": "b"})),
        order("3", json!({"n": 3, "open": true, "customer": "c"})),
        order("4", json!({"n": 4, "open": false, "customer": "c"})),
        order("5", json!({"n": 5, "open": true, "customer": "b"})),
    ];
    harness.engine.collections().write(&harness.access, "orders", &changes).await.unwrap();
    let mut definition = json!({
        "source": {"collection": "orders"},
        "lookup": {"who": {"collection": "customers", "on": "customer"}},
        "where": {"open": true, "who.name": "Bo"},
        "limit": 2,
        "select": ["n"],
    });
    let performed = filter(&harness, definition.clone()).await;
    assert_eq!(all(&performed), [json!({"n": 2}), json!({"n": 5})]);
    assert_eq!(performed.result.counters.records_in, 4, "what is not open is not handed over");
    definition["lookup"]["who"]["missing"] = json!("reject");
    let performed = filter(&harness, definition).await;
    assert_eq!((statuses(&performed), all(&performed).len()), (vec![(10, Warning)], 2));
    let rejected: Vec<_> = performed.rejected.iter().map(|(_, rejected)| rejected.record["n"].clone()).collect();
    assert_eq!(rejected, [json!(3)], "a record that is not open is not chosen, and is not rejected either");
}

#[tokio::test]
async fn what_a_lookup_cannot_read_is_an_error_of_its_line() {
    let harness = with_customers().await;
    let lookup = |more: Value| {
        let mut lookup = json!({"on": "customer", "key": "id"});
        lookup.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"lookup": {"who": lookup}})
    };
    for (more, expected) in [
        (
            json!({"collection": "customer"}),
            "There is no collection `customer` in this organization; did you mean `customers`?",
        ),
        (json!({"file": "nowhere.csv"}), "there is no file `nowhere.csv`"),
    ] {
        let performed = filter(&harness, lookup(more.clone())).await;
        assert_eq!(statuses(&performed), [(10, Error)], "{more}");
        assert!(performed.lines[0].message.starts_with(expected), "{}", performed.lines[0].message);
    }
    let harness = with_customers().await;
    let job = json!({"key": "job", "lines": [{"filter": lookup(json!({"collection": "No Name"}))}]});
    let faults = faults(harness.engine.jobs().save(&harness.access, job, None).await);
    assert_eq!(faults[0].path, "lines[0].filter.lookup.who.collection");
}

#[tokio::test]
async fn a_line_that_was_skipped_has_no_set() {
    let lines = json!([
        {"name": "a", "active": false, "filter": {}},
        {"filter": {"source": {"line": "a"}}},
    ]);
    let performed = harness().await.perform(json!({"key": "job", "lines": lines}), json!([{"n": 1}])).await;
    assert_eq!(statuses(&performed), [(10, Skipped), (20, Error)]);
    assert!(
        performed.lines[1].message.starts_with("Line `a` did not pass on any records"),
        "{}",
        performed.lines[1].message
    );
}

/// What happens between two lines that read the same set.
fn between() -> impl Strategy<Value = Value> {
    select(vec![
        json!({"action": "pass"}),
        json!({"action": "count"}),
        json!({"action": "reject-odd"}),
        json!({"filter": {"orderBy": "-n", "limit": 1}}),
        json!({"filter": {"source": {"inline": [{"n": 2}]}}}),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_set_that_feeds_several_lines_is_the_same_for_each(
        numbers in vec(0..9_u32, 1..20), between in vec(between(), 1..5), records in 0..30_usize,
    ) {
        let set: Vec<Value> = numbers.iter().enumerate().map(|(at, n)| json!({"n": n, "at": at, "even": 2 * n})).collect();
        let mut lines = vec![json!({"name": "set", "filter": {}})];
        for (reader, other) in between.into_iter().enumerate() {
            lines.push(other);
            lines.push(match reader % 2 {
                0 => json!({"filter": {"source": {"line": "set"}}}),
                _ => json!({"filter": {"source": {"line": "set"}, "lookup": {"self": {"line": 10, "on": "at", "key": "at"}}}}),
            });
        }
        let job = json!({"key": "job", "onEmpty": "continue", "stopsOnError": false, "lines": lines});
        let performed = tokio::runtime::Runtime::new().unwrap().block_on(async {
            let spill = SpillConfig::default().bounded(Bound { records, bytes: 1_000_000 });
            harness().await.with_spill(spill).perform(job, Value::Array(set.clone())).await
        });
        for (reader, line) in performed.lines.iter().skip(2).step_by(2).enumerate() {
            let mut seen = line.sample.records.to_vec();
            for record in seen.iter_mut().filter(|_| reader % 2 == 1) {
                let joined = record.as_object_mut().unwrap().shift_remove("self");
                prop_assert_eq!(joined.as_ref(), Some(&*record));
            }
            // A sample has what is at hand of a set in a file.
            prop_assert_eq!(line.counters.records_out, set.len() as u64);
            prop_assert_eq!(&seen[..], &set[..seen.len()], "{:?}", line);
        }
    }
}
