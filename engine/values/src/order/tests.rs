use std::cmp::Ordering::{Equal, Greater, Less};

use chrono::{NaiveDate, Utc};
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
        ("2026-02-30", "2026-03-01 x", Less),
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

/// Values of every class, and pairs that could make an order cyclic.
fn samples() -> Vec<Option<Value>> {
    let values = json!([
        0, 1, 1.0, -1.5, 9007199254740993_i64, 9007199254740992.0, u64::MAX, i64::MIN, 1e300,
        "2026-03-01", "2026-03-01T00:00:00Z", "2026-02-30", "10", "9", "", "a", "é",
        true, false, [], [1], [1, 2], ["2026-03-01"], {}, {"a": 1}, {"b": 0}, null
    ]);
    let Value::Array(values) = values else { unreachable!() };
    values.into_iter().map(Some).chain([None]).collect()
}

/// A zone whose days begin two hours before those of UTC.
#[derive(Debug)]
struct TwoHoursAhead;

impl Zone for TwoHoursAhead {
    fn midnight(&self, day: NaiveDate) -> Option<Instant> {
        Utc.midnight(day).map(|(seconds, nanoseconds)| (seconds - 7200, nanoseconds))
    }
}

#[test]
fn a_bare_date_begins_in_its_zone() {
    let (date, before, after) = (json!("2026-03-01"), json!("2026-02-28T21:59:59Z"), json!("2026-02-28T22:30:00Z"));
    assert_eq!(compare_in(&after, &date, &TwoHoursAhead), Some(Greater));
    assert_eq!(compare_in(&before, &date, &TwoHoursAhead), Some(Less));
    assert_eq!(compare(&after, &date), Some(Less));
    let midnight = json!(["2026-02-28T22:00:00Z"]);
    assert!(equal_in(&json!([date]), &midnight, &TwoHoursAhead));
    assert!(!equal(&json!([date]), &midnight));
    let key = Key::parse_in("d", TwoHoursAhead).expect("a key");
    assert_eq!(key.compare(&json!({"d": after}), &json!({"d": date})), Greater);
    assert_eq!(key.compare(&json!({"d": [before]}), &json!({"d": [date]})), Less);
}

#[test]
fn a_date_has_no_order_to_a_text_that_is_not_a_date() {
    for text in ["2026-02-30", "2026-03-01 x", "Dec 07 1998", ""] {
        assert_eq!(compare(&json!(text), &json!("2026-03-01")), None, "{text}");
        assert!(!equal(&json!(text), &json!("2026-03-01")), "{text}");
    }
}

#[test]
fn keys_make_a_total_order() {
    for key in ["f", "-f"] {
        let key = Key::parse(key).expect("a key");
        let record = |value: &Option<Value>| value.as_ref().map_or(json!({}), |value| json!({"f": value}));
        let order = |a: &Option<Value>, b: &Option<Value>| key.compare(&record(a), &record(b));
        let samples = samples();
        for a in &samples {
            assert_eq!(order(a, a), Equal);
            for b in &samples {
                let ab = order(a, b);
                assert_eq!(ab, order(b, a).reverse());
                for c in &samples {
                    if ab != Greater && order(b, c) != Greater {
                        assert_ne!(order(a, c), Greater, "{a:?} {b:?} {c:?}");
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

#[test]
fn a_direction_in_words_is_refused_with_what_to_write() {
    for (text, cure) in [("n desc", "-n"), ("Release Date ASC", "Release Date"), ("-a.b descending ", "-a.b")] {
        let refused = Key::parse(text).expect_err("refused").message;
        assert_eq!(refused, format!("\"{text}\" is not a key to sort by; write \"{cure}\""));
    }
    assert!(Key::parse("Release Date").is_ok());
}
