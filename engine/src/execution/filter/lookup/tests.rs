use std::borrow::Cow;

use chrono_tz::Tz;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use values::order::equal;

use super::*;
use crate::execution::filter::lookup::load::LookupLoader;
use crate::execution::outcome::LineError;
use crate::model::filter::Filter;
use crate::model::status::Status;
use crate::records::{Bound, SpillConfig};

fn filter(more: &Value) -> Filter {
    let mut lookup = json!({"line": "others", "on": "k", "key": "id"});
    lookup.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Filter::read(&json!({"where": {"not": {"open": false}}, "lookup": {"other": lookup}}), "filter", Tz::UTC).unwrap()
}

/// Keeps this many bytes of a table in memory.
fn spill(bytes: usize) -> SpillConfig {
    SpillConfig::default().bounded(Bound { records: 1, bytes })
}

fn lookups(more: &Value, others: &[Value], spill: &SpillConfig, most: usize) -> Result<Lookups, LineError> {
    let filter = filter(more);
    let mut loader = LookupLoader::new(&filter.lookups()[0], spill, most);
    others.iter().try_for_each(|other| loader.add(None, other.clone()))?;
    let loaded = vec![loader.finish()?];
    Ok(Lookups { criteria: filter.criteria_before_lookups(), loaded, looked_up: 0, rejected: Rejections::default() })
}

fn joined(lookups: &mut Lookups, records: &[Value]) -> Vec<Value> {
    let joined = records.iter().filter_map(|record| match lookups.join(Cow::Borrowed(record)).unwrap() {
        JoinResult::Joined(record) => Some(record),
        JoinResult::Unmet(_) | JoinResult::Missing => None,
    });
    joined.map(Cow::into_owned).collect()
}

/// What the lookup does, without a table: the records that go on, and those that are rejected.
fn plainly(more: &Value, others: &[Value], records: &[Value]) -> (Vec<Value>, Vec<Value>) {
    let (mut goes_on, mut rejected) = (Vec::new(), Vec::new());
    for record in records.iter().filter(|record| record["open"] != json!(false)) {
        let is_key = |value: &Value| !matches!(value, Value::Null | Value::Array(_) | Value::Object(_));
        let key = record.get("k").filter(|key| is_key(key));
        let found = others.iter().find(|other| key.is_some_and(|key| equal(key, &other["id"])));
        let found = found.map(|found| match more.get("fields") {
            Some(_) => json!({"n": found["n"]}),
            None => found.clone(),
        });
        match (found, more["missing"].as_str()) {
            (None, Some("drop")) => {}
            (None, Some("reject")) => rejected.push(record.clone()),
            (found, _) => {
                let mut record = record.clone();
                record["other"] = found.unwrap_or_default();
                goes_on.push(record);
            }
        }
    }
    (goes_on, rejected)
}

/// Values that are equal in many ways, and some that are no keys.
fn some_value() -> impl Strategy<Value = Value> {
    select(vec![
        json!(1),
        json!(1.0),
        json!("1"),
        json!(2.5),
        json!(u64::MAX),
        json!(true),
        json!("true"),
        json!(""),
        json!("a"),
        json!("2026-11-20"),
        json!("2026-11-20T00:00:00Z"),
        json!("2026-11-20T01:00:00+01:00"),
        json!(null),
        json!([1]),
        json!({"id": 1}),
    ])
}

fn some_records(name: &'static str) -> impl Strategy<Value = Vec<Value>> {
    vec((option::of(some_value()), option::of(any::<bool>())), 0..60).prop_map(move |records| {
        let record = |(n, (value, open)): (usize, (Option<Value>, Option<bool>))| {
            let fields = [(name, value), ("open", open.map(Value::from)), ("n", Some(json!(n)))];
            Value::Object(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
        };
        records.into_iter().enumerate().map(record).collect()
    })
}

fn some_more() -> impl Strategy<Value = Value> {
    let missing =
        select(vec![json!({}), json!({"missing": "keep"}), json!({"missing": "drop"}), json!({"missing": "reject"})]);
    (missing, any::<bool>()).prop_map(|(mut more, fields)| {
        if fields {
            more["fields"] = json!(["n"]);
        }
        more
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn a_lookup_is_a_plain_join_in_memory_and_in_a_file(
        more in some_more(), others in some_records("id"), records in some_records("k"), bytes in select(vec![0, 100, 1_000_000]),
    ) {
        let mut unique: Vec<Value> = Vec::new();
        for other in others {
            let twice = other.get("id").is_some_and(|id| unique.iter().any(|one| one.get("id").is_some_and(|one| equal(one, id))));
            if !twice {
                unique.push(other);
            }
        }
        let mut lookups = lookups(&more, &unique, &spill(bytes), 1000).unwrap();
        let (goes_on, rejected) = plainly(&more, &unique, &records);
        prop_assert_eq!(joined(&mut lookups, &records), goes_on, "{}", more);
        let left: Vec<_> = lookups.rejected.first().iter().map(|rejected| rejected.record.clone()).collect();
        prop_assert_eq!(left, rejected);
    }
}

fn error(ended: Result<Lookups, LineError>) -> String {
    match ended {
        Err(LineError::Failed(message)) => message,
        Err(other) => panic!("an error, and not {other:?}"),
        Ok(_) => panic!("an error"),
    }
}

#[test]
fn a_key_that_two_records_have_is_an_error_that_names_it() {
    for (others, shown) in [
        ([json!({"id": "x", "n": 1}), json!({"id": "x", "n": 2})], "\"x\""),
        ([json!({"id": 7}), json!({"id": 7.0})], "7"),
    ] {
        let message = error(lookups(&json!({}), &others, &spill(1000), 10));
        let expected =
            format!("Two records of the set of line `others` have the `id` {shown}, but a lookup needs exactly one");
        assert!(message.starts_with(&expected), "{message}");
        assert!(message.ends_with("keep one record of each with `distinct`, and look it up with `line`."), "{message}");
    }
}

#[test]
fn more_records_than_a_filter_may_hold_are_an_error() {
    let others = [json!({"id": 1}), json!({"id": 2}), json!({"id": null}), json!({})];
    assert!(lookups(&json!({}), &others, &spill(0), 2).is_ok(), "a record without a key is not counted");
    let message = error(lookups(&json!({}), &others, &spill(0), 1));
    assert!(message.starts_with("The lookups of one filter can hold at most 3000000 records"), "{message}");
}

/// Status and message of a line that chose from these records.
fn outcome(more: Value, others: Value, records: Value) -> (Status, String) {
    let mut lookups = lookups(&more, others.as_array().unwrap(), &spill(1000), 1000).unwrap();
    joined(&mut lookups, records.as_array().unwrap());
    lookups.finish().add_to(Status::Success, "Chose.".to_owned())
}

#[test]
fn the_message_says_how_many_were_not_found() {
    let others = json!([{"id": 1}]);
    let found = outcome(json!({}), others.clone(), json!([{"k": 1}, {"k": 1}]));
    assert_eq!(found, (Status::Success, "Chose.".to_owned()));
    let some = outcome(json!({"missing": "drop"}), others, json!([{"k": 1}, {"k": 2}, {"k": null}]));
    assert_eq!(some, (Status::Success, "Chose. Not found in the set of line `others`: 2 of 3 records.".to_owned()));
}

#[test]
fn rejections_are_a_warning_and_an_error_if_nothing_is_left() {
    let (more, others) = (json!({"missing": "reject"}), json!([{"id": 1}]));
    let some = outcome(more.clone(), others.clone(), json!([{"k": 1}, {"k": "a"}, {"k": 3, "open": false}]));
    let message = "Chose. Rejected 1 of 2 records; the first: No record in the set of line `others` has the \
                   `id` \"a\".";
    assert_eq!(some, (Status::Warning, message.to_owned()));
    let (status, message) = outcome(more.clone(), others.clone(), json!([{"n": 1}, {"k": 2}]));
    assert_eq!(status, Status::Error);
    assert!(message.starts_with("Rejected all 2 records; the first: The record has no `k`."), "{message}");
    let (_, message) = outcome(more, others, json!([{"k": [1]}]));
    assert!(message.contains("The `k` of the record cannot be a key; a key must be a text or a number."), "{message}");
}

#[test]
fn names_that_no_record_has_are_a_warning_with_the_nearest() {
    let (others, records) = (json!([{"id": 1, "name": "a"}]), json!([{"k": 1}]));
    for (more, expected) in [
        (
            json!({"on": "kk"}),
            "No record of the set has the field `kk` that `lookup.other.on` names; did you mean `k`?",
        ),
        (
            json!({"key": "ids"}),
            "No record of the set of line `others` has the field `ids` that `lookup.other.key` names; did you mean `id`?",
        ),
        (
            json!({"fields": ["nme", "id"]}),
            "No record of the set of line `others` has the field `nme` that `lookup.other.fields` names; did you mean \
             `name`?",
        ),
    ] {
        let (status, message) = outcome(more.clone(), others.clone(), records.clone());
        assert!(status == Status::Warning && message.contains(expected), "{more}: {message}");
    }
    let nothing_near = outcome(json!({"on": "customer"}), others.clone(), records).1;
    assert!(nothing_near.ends_with("has the field `customer` that `lookup.other.on` names."), "{nothing_near}");
    assert_eq!(outcome(json!({"on": "kk"}), others, json!([])).0, Status::Success, "no record, nothing to say");
}

#[test]
fn keys_of_another_type_are_a_warning() {
    let (status, message) = outcome(json!({}), json!([{"id": 1}]), json!([{"k": "1"}]));
    let expected = "`k` is a text, but `id` of the set of line `others` is a number, and a lookup finds only values \
                    of the same type; give one of them the type of the other with `types` in its source.";
    assert!(status == Status::Warning && message.ends_with(expected), "{message}");
    let (status, _) = outcome(json!({}), json!([{"id": 1}]), json!([{"k": 2}]));
    assert_eq!(status, Status::Success);
}
