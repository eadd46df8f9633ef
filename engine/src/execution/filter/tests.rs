use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::deadline::Deadline;
use crate::execution::filter::set_builder::{PageWriter, SetBuilder};
use crate::execution::outcome::LineError;
use crate::model::filter::Filter;
use crate::records::{Bound, SpillConfig};

fn deadline() -> Deadline {
    Deadline::new(CancellationToken::new(), Duration::from_secs(60))
}

fn filter(definition: &Value) -> Arc<Filter> {
    Arc::new(Filter::read(definition, "filter", Tz::UTC).unwrap())
}

/// What the filter passes on of these records, with at most `spill` of them in memory.
fn arranged(definition: &Value, records: &[Value], spill: usize) -> Vec<Value> {
    let (filter, deadline) = (filter(definition), deadline());
    let spill = SpillConfig::default().bounded(Bound { records: spill, bytes: 1024 * 1024 });
    let mut builder = SetBuilder::arranged(&filter, &spill);
    for record in records.iter().filter(|record| filter.keeps(record)) {
        builder.push(record.clone(), &deadline).unwrap();
    }
    builder.finish(&deadline).unwrap().to_vec().unwrap()
}

/// In memory and spilled alike.
fn chosen(definition: Value, records: Value) -> Value {
    let records = records.as_array().unwrap();
    let chosen = arranged(&definition, records, 1000);
    assert_eq!(arranged(&definition, records, 1), chosen, "{definition}");
    Value::Array(chosen)
}

#[test]
fn the_parts_of_a_filter_apply_in_their_order() {
    let definition = json!({
        "where": {"open": true},
        "orderBy": ["-rank", "name"],
        "distinct": "name",
        "offset": 1,
        "limit": 2,
        "select": {"who": "name", "city": "address.city"},
    });
    let records = json!([
        {"name": "a", "rank": 1, "open": true},
        {"name": "b", "rank": 9, "open": true, "address": {"city": "Vigo"}},
        {"name": "b", "rank": 8, "open": true},
        {"name": "c", "rank": 9, "open": false},
        {"name": "d", "rank": 10, "open": true},
        {"name": "e", "open": true},
    ]);
    assert_eq!(chosen(definition, records), json!([{"who": "b", "city": "Vigo"}, {"who": "a"}]));
}

#[test]
fn missing_and_null_come_last_in_both_directions() {
    let records = json!([{"n": null}, {"n": 2}, {}, {"n": 1}]);
    assert_eq!(chosen(json!({"orderBy": "n"}), records.clone()), json!([{"n": 1}, {"n": 2}, {"n": null}, {}]));
    assert_eq!(chosen(json!({"orderBy": "-n"}), records), json!([{"n": 2}, {"n": 1}, {"n": null}, {}]));
}

#[test]
fn distinct_tells_a_missing_field_from_null_and_one_from_its_text() {
    let records = json!([{"n": 1}, {"n": 1.0}, {"n": "1"}, {"n": null}, {}, {}]);
    assert_eq!(chosen(json!({"distinct": ["n"]}), records.clone()), json!([{"n": 1}, {"n": "1"}, {"n": null}, {}]));
    assert_eq!(chosen(json!({"distinct": true}), records), json!([{"n": 1}, {"n": "1"}, {"n": null}, {}]));
}

#[test]
fn distinct_by_several_fields_keeps_them_apart() {
    let records = json!([{"a": 1, "b": 23}, {"a": 12, "b": 3}, {"b": 1}, {"a": 1}, {"a": 1, "b": 23}]);
    let kept = json!([{"a": 1, "b": 23}, {"a": 12, "b": 3}, {"b": 1}, {"a": 1}]);
    assert_eq!(chosen(json!({"distinct": ["a", "b"]}), records), kept);
}

/// As it would be done with everything in memory.
fn plainly(filter: &Filter, records: &[Value]) -> Vec<Value> {
    let mut kept: Vec<_> = records.iter().filter(|record| filter.keeps(record)).cloned().collect();
    if !filter.order().is_empty() {
        values::order::sort(&mut kept, filter.order());
    }
    let mut seen = HashSet::new();
    kept.retain(|record| filter.digest(record).is_none_or(|digest| seen.insert(digest)));
    let page = kept.into_iter().skip(filter.offset()).take(filter.limit().unwrap_or(usize::MAX));
    page.map(|record| filter.shown(record)).collect()
}

/// Values that sort in every way, few enough to be equal now and then.
fn some_value() -> impl Strategy<Value = Value> {
    select(vec![
        json!(1),
        json!(1.0),
        json!(-7),
        json!(2.5),
        json!("b"),
        json!("a"),
        json!("2026-11-20"),
        json!("2026-11-20T00:00:00Z"),
        json!("2026-11-19T23:00:00-02:00"),
        json!(true),
        json!([1, 2]),
        json!({"x": 1}),
        Value::Null,
    ])
}

fn some_records() -> impl Strategy<Value = Vec<Value>> {
    let record = (option::of(some_value()), option::of(some_value()));
    vec(record, 0..400).prop_map(|records| {
        let numbered = records.into_iter().enumerate().map(|(n, (a, b))| {
            let fields = [("a", a), ("b", b), ("n", Some(json!(n)))];
            Value::Object(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
        });
        numbered.collect()
    })
}

fn some_definition() -> impl Strategy<Value = Value> {
    let order = select(vec![json!([]), json!("a"), json!("-a"), json!(["b", "-a"]), json!(["-b", "a", "-n"])]);
    let distinct = select(vec![json!(false), json!(true), json!("a"), json!(["a", "b"])]);
    let shown = select(vec![Value::Null, json!({"of": "n"})]);
    let counts = (option::of(0..20_usize), option::of(0..100_usize));
    (order, distinct, shown, counts).prop_map(|(order, distinct, shown, (offset, limit))| {
        let mut definition = json!({"distinct": distinct});
        let parts = [("orderBy", order), ("select", shown), ("offset", json!(offset)), ("limit", json!(limit))];
        for (name, part) in parts.into_iter().filter(|(_, part)| !part.is_null() && *part != json!([])) {
            definition[name] = part;
        }
        definition
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_spilled_is_arranged_as_in_memory(
        definition in some_definition(), records in some_records(), spill in 0..50_usize,
    ) {
        let expected = plainly(&filter(&definition), &records);
        prop_assert_eq!(arranged(&definition, &records, spill), expected, "{}", definition);
    }
}

#[test]
fn many_runs_are_merged_in_levels_and_equal_records_stay_as_they_came() {
    let records: Vec<_> = (0..9000).map(|n: u64| json!({"kind": n * 7919 % 10, "n": n})).collect();
    for definition in [json!({"orderBy": "-kind"}), json!({"orderBy": "kind", "distinct": "kind"})] {
        let expected = plainly(&filter(&definition), &records);
        // Every second record ends a run: 4500 runs are 70 of the second level and one of the third.
        assert!(arranged(&definition, &records, 1) == expected, "{definition}");
    }
}

#[test]
fn too_many_distinct_records_are_refused() {
    let filter = filter(&json!({"distinct": "n"}));
    let mut page = PageWriter::new(filter, 3, SpillConfig::default().writer());
    for n in [1, 2, 3, 1, 2, 3] {
        page.push(json!({"n": n})).unwrap();
    }
    let LineError::Failed(message) = page.push(json!({"n": 4})).unwrap_err() else { panic!("an error") };
    assert!(message.starts_with("`distinct` can compare at most 3 different records, and there are more"), "{message}");
}

#[test]
fn a_line_that_is_killed_stops_sorting() {
    let (cancellation, filter) = (CancellationToken::new(), filter(&json!({"orderBy": "n"})));
    let deadline = Deadline::new(cancellation.clone(), Duration::from_secs(60));
    let spill = SpillConfig::default().bounded(Bound { records: 10, bytes: 1000 });
    let mut builder = SetBuilder::arranged(&filter, &spill);
    (0..100).for_each(|n| builder.push(json!({"n": n}), &deadline).unwrap());
    cancellation.cancel();
    assert!(matches!((0..20).try_for_each(|n| builder.push(json!({"n": n}), &deadline)), Err(LineError::Cancelled)));
    assert!(matches!(builder.finish(&deadline), Err(LineError::Cancelled)));
}
