use std::cmp::Ordering::{Equal, Greater, Less};

use serde_json::{Value, json};

use super::*;

#[test]
fn numbers_lose_nothing() {
    assert_eq!(compare(&json!(9007199254740993_u64), &json!(9007199254740992.0)), Some(Greater));
    assert_eq!(compare(&json!(u64::MAX), &json!(1.8446744073709552e19)), Some(Less));
    assert_eq!(compare(&json!(i64::MIN), &json!(-9.223_372_036_854_776e18)), Some(Equal));
    assert_eq!(compare(&json!(i64::MIN), &json!(u64::MAX)), Some(Less));
    assert_eq!(compare(&json!(1), &json!(1.0)), Some(Equal));
    assert_eq!(compare(&json!(1), &json!(1.5)), Some(Less));
    assert_eq!(compare(&json!(-1), &json!(-1.5)), Some(Greater));
    assert_eq!(compare(&json!(1e300), &json!(5)), Some(Greater));
    assert_eq!(compare(&json!(5), &json!(-1e300)), Some(Greater));
}

#[test]
fn dates_and_instants_compare_as_time() {
    let pairs = [
        ("2026-03-01", "2026-03-01T00:00:00Z", Equal),
        ("2026-03-01T01:00:00+01:00", "2026-03-01", Equal),
        ("2026-03-01T00:30:00+01:00", "2026-03-01", Less),
        ("2026-03-01T00:00:00.5Z", "2026-03-01T00:00:00.25Z", Greater),
        ("2026-02-30", "2026-03-01", Less),
        ("2026-03-01 x", "2026-03-01", Greater),
    ];
    for (a, b, order) in pairs {
        assert_eq!(compare(&json!(a), &json!(b)), Some(order), "{a} {b}");
    }
    assert!(equal(&json!(["2026-03-01"]), &json!(["2026-03-01T00:00:00Z"])));
}

#[test]
fn different_types_have_no_order() {
    let values = [json!(1), json!("1"), json!(true), json!(null), json!([1]), json!({"a": 1})];
    for (i, a) in values.iter().enumerate() {
        for (j, b) in values.iter().enumerate() {
            assert_eq!(equal(a, b), i == j, "{a} {b}");
            if i != j {
                assert_eq!(compare(a, b), None);
            }
        }
    }
}

#[test]
fn equality_is_deep() {
    assert!(equal(&json!({"a": [1, {"b": 2}], "c": 3}), &json!({"c": 3.0, "a": [1.0, {"b": 2}]})));
    assert!(!equal(&json!({"a": 1}), &json!({"a": 1, "b": null})));
}

/// Values of every class, and pairs that tempt an order into a circle.
fn samples() -> Vec<Option<Value>> {
    let values = json!([
        0, 1, 1.0, -1.5, 9007199254740993_i64, 9007199254740992.0, u64::MAX, i64::MIN, 1e300,
        "2026-03-01", "2026-03-01T00:00:00Z", "2026-02-30", "10", "9", "", "a", "é",
        true, false, [], [1], [1, 2], ["2026-03-01"], {}, {"a": 1}, {"b": 0}, null
    ]);
    let Value::Array(values) = values else { unreachable!() };
    values.into_iter().map(Some).chain([None]).collect()
}

#[test]
fn rank_is_a_total_order() {
    for order in [rank, rank_descending] {
        let samples = samples();
        for a in &samples {
            assert_eq!(order(a.as_ref(), a.as_ref()), Equal);
            for b in &samples {
                let ab = order(a.as_ref(), b.as_ref());
                assert_eq!(ab, order(b.as_ref(), a.as_ref()).reverse());
                for c in &samples {
                    let (bc, ac) = (order(b.as_ref(), c.as_ref()), order(a.as_ref(), c.as_ref()));
                    if ab != Greater && bc != Greater {
                        assert_ne!(ac, Greater, "{a:?} {b:?} {c:?}");
                    }
                }
            }
        }
    }
}

fn sorted(records: Value, keys: &[&str]) -> Value {
    let Value::Array(mut records) = records else { panic!("an array") };
    let keys: Vec<Key> = keys.iter().map(|key| Key::parse(key).expect("a key")).collect();
    sort(&mut records, &keys);
    Value::Array(records)
}

#[test]
fn sorts_by_several_keys_and_is_stable() {
    let records = json!([
        {"id": 1, "p": 2, "d": "2026-01-02"}, {"id": 2, "p": 1, "d": "2026-01-01"},
        {"id": 3, "p": 2, "d": "2026-01-03T00:00:00Z"}, {"id": 4, "d": "2026-01-03"},
        {"id": 5, "p": 1, "d": "2026-01-01"}, {"id": 6, "p": null}
    ]);
    let ids = |records: Value| -> Vec<i64> {
        records.as_array().expect("an array").iter().filter_map(|r| r["id"].as_i64()).collect()
    };
    assert_eq!(ids(sorted(records.clone(), &["p", "-d"])), [2, 5, 3, 1, 4, 6]);
    assert_eq!(ids(sorted(records.clone(), &["-p", "d"])), [1, 3, 2, 5, 4, 6]);
    assert_eq!(ids(sorted(records.clone(), &["-d"])), [3, 4, 1, 2, 5, 6]);
    assert_eq!(ids(sorted(records, &[])), [1, 2, 3, 4, 5, 6]);
    assert!(Key::parse("-").is_err());
}
