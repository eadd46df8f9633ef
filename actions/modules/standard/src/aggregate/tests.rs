use ropewalk_sdk::testing::{Report, run};

use super::*;

fn aggregate(parameters: Value, batches: &[Value]) -> Report {
    run::<Aggregate>(parameters, batches).expect("runs")
}

#[test]
fn groups_over_batches() {
    let parameters = json!({
        "groupBy": ["c"],
        "values": {
            "n": {"count": true}, "sum": {"sum": "t"}, "avg": {"avg": "t"}, "min": {"min": "t"}, "max": {"max": "d"},
            "first": {"first": "t"}, "last": {"last": "t"}, "kinds": {"distinct": "t"}
        }
    });
    let batches = [
        json!([{"c": "x", "t": 1, "d": "2026-01-02"}, {"c": "y", "t": 5, "d": "2026-01-01"}]),
        json!([{"c": "x", "t": 4, "d": "2026-01-01T12:00:00Z"}, {"c": "x", "t": 1.0, "d": null}]),
    ];
    let report = aggregate(parameters, &batches);
    let expected = json!([
        {"c": "x", "n": 3, "sum": 6.0, "avg": 2.0, "min": 1, "max": "2026-01-02", "first": 1, "last": 1.0, "kinds": 2},
        {"c": "y", "n": 1, "sum": 5, "avg": 5, "min": 5, "max": "2026-01-01", "first": 5, "last": 5, "kinds": 1}
    ]);
    assert_eq!(report.records, expected);
    assert_eq!(report.message(), "Made 2 groups of 4 records.");
}

#[test]
fn integers_are_summed_exactly() {
    let records = json!([{"t": 9007199254740993_i64}, {"t": u64::MAX}, {"t": -2}, {"t": i64::MIN}]);
    let report = aggregate(json!({"values": {"s": {"sum": "t"}}}), &[records]);
    assert_eq!(report.records, json!([{"s": 9232379236109516798_u64}]));
    let floats = json!([{"t": 1e16}, {"t": 1.0}, {"t": -1e16}, {"t": 0.5}]);
    assert_eq!(aggregate(json!({"values": {"s": {"sum": "t"}}}), &[floats]).records, json!([{"s": 1.5}]));
    let beyond = json!([{"t": u64::MAX}, {"t": u64::MAX}]);
    let report = aggregate(json!({"values": {"s": {"sum": "t"}, "a": {"avg": "t"}}}), &[beyond]);
    assert_eq!(report.records, json!([{"s": 36893488147419103230.0, "a": u64::MAX}]));
}

#[test]
fn text_instead_of_numbers_is_a_warning_with_the_cure() {
    let records = json!([{"t": 1}, {"t": "2"}, {"t": null}, {}]);
    let values = json!({"s": {"sum": "t"}, "a": {"avg": "t"}, "n": {"count": true}, "m": {"max": "t"}});
    let report = aggregate(json!({"values": values}), &[records]);
    assert_eq!(report.records, json!([{"s": 1, "a": 1, "n": 4, "m": "2"}]));
    assert_eq!(
        report.message(),
        "Made 1 group of 4 records. \"t\" is text instead of a number in 1 record (for example \"2\"): \
         left out of sum and avg, compared as text by max; give it a type in the source: types: { t: number }."
    );
    assert_eq!(report.outcomes.last().map(|outcome| outcome.severity), Some(Severity::Warning));
    let text = [json!([{"t": "9"}]), json!([{"t": "10"}])];
    let report = aggregate(json!({"values": {"m": {"max": "t"}}}), &text);
    assert_eq!((report.records[0]["m"].as_str(), report.outcomes[2].severity), (Some("9"), Severity::Warning));
}

#[test]
fn other_texts_can_be_compared_but_not_added() {
    let records = [json!([{"t": "00501", "d": "2026-03-01"}, {"t": "b"}, {"t": true}])];
    let values = json!({"m": {"min": "t"}, "d": {"max": "d"}, "f": {"first": "t"}, "k": {"distinct": "t"}});
    let compared = aggregate(json!({"values": values}), &records);
    assert_eq!(compared.outcomes.last().map(|outcome| outcome.severity), Some(Severity::Success));
    let added = aggregate(json!({"values": {"s": {"sum": "t"}}}), &records);
    let warning = "\"t\" is not a number in 3 records (for example \"00501\"): left out of sum.";
    assert!(added.message().ends_with(warning), "{}", added.message());
    let many: Map<String, Value> = (0..5).map(|n| (n.to_string(), json!({"sum": format!("f{n}")}))).collect();
    let records = [json!([{"f0": "1", "f1": "1", "f2": "1", "f3": "1", "f4": "1"}])];
    let message = aggregate(json!({"values": many}), &records).message().to_owned();
    assert!(message.ends_with("The same is true of 2 other fields."), "{message}");
}

#[test]
fn a_field_to_group_by_needs_no_list() {
    let parameters = json!({"groupBy": "c", "values": {"n": {"count": true}}});
    let report = aggregate(parameters, &[json!([{"c": 1}, {"c": 2}, {"c": 1}])]);
    assert_eq!(report.records, json!([{"c": 1, "n": 2}, {"c": 2, "n": 1}]));
}

#[test]
fn nothing_makes_one_group_or_none() {
    let values = json!({"n": {"count": true}, "s": {"sum": "t"}, "a": {"avg": "t"}, "m": {"min": "t"}});
    assert_eq!(aggregate(json!({"values": values}), &[]).records, json!([{"n": 0, "s": 0, "a": null, "m": null}]));
    assert_eq!(aggregate(json!({"values": values, "groupBy": ["c"]}), &[json!([])]).records, json!([]));
}

#[test]
fn invalid_values_are_reported() {
    let failure = run::<Aggregate>(json!({"values": {"s": {"total": "t"}}}), &[]).expect_err("wrong");
    assert!(failure.message.starts_with("values.s: write one of"), "{failure}");
}
