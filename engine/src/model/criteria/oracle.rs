//! Compares criteria with a very simple evaluator that works on the JSON itself.

use chrono_tz::Europe::Madrid;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::{Reading, Verdict, parse};

/// Texts, with the seconds since 1970 that they mean in Madrid if they are dates.
const TEXTS: [(&str, Option<i64>); 8] = [
    ("2026-11-20", Some(1_795_129_200)),
    ("2026-11-19T23:00:00Z", Some(1_795_129_200)),
    ("2026-11-20T00:00:00Z", Some(1_795_132_800)),
    ("2026-07-01", Some(1_782_856_800)),
    ("Dec 07 1998", None),
    ("2026-11-20 10:00", None),
    ("b", None),
    ("", None),
];

fn moment(text: &str) -> Option<i64> {
    TEXTS.iter().find(|(known, _)| *known == text).and_then(|(_, moment)| *moment)
}

/// None: undecided.
fn evaluate(criteria: &Value, record: &Value) -> Option<bool> {
    all(criteria.as_object().unwrap().iter().map(|(name, value)| match name.as_str() {
        "and" => all(value.as_array().unwrap().iter().map(|one| evaluate(one, record))),
        "or" => any(value.as_array().unwrap().iter().map(|one| evaluate(one, record))),
        "not" => evaluate(value, record).map(|holds| !holds),
        field => all(value
            .as_object()
            .unwrap()
            .iter()
            .map(|(operator, operand)| test(operator, record.get(field), operand, record))),
    }))
}

fn all(verdicts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let verdicts: Vec<_> = verdicts.collect();
    match () {
        () if verdicts.contains(&Some(false)) => Some(false),
        () if verdicts.contains(&None) => None,
        () => Some(true),
    }
}

fn any(verdicts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let verdicts: Vec<_> = verdicts.collect();
    match () {
        () if verdicts.contains(&Some(true)) => Some(true),
        () if verdicts.contains(&None) => None,
        () => Some(false),
    }
}

fn test(operator: &str, value: Option<&Value>, operand: &Value, record: &Value) -> Option<bool> {
    match operator {
        "exists" => return Some(json!(value.is_some()) == *operand),
        "isNull" => return Some(json!(value.is_none_or(Value::is_null)) == *operand),
        _ => {}
    }
    let Some(value) = value else { return Some(false) };
    let operand = match operand.get("field") {
        Some(field) => match record.get(field.as_str().unwrap()) {
            Some(other) => other,
            None => return Some(false),
        },
        None => operand,
    };
    match operator {
        "eq" => Some(same(value, operand)),
        "ne" => Some(!same(value, operand)),
        "in" => Some(operand.as_array().unwrap().iter().any(|one| same(value, one))),
        "notIn" => Some(!operand.as_array().unwrap().iter().any(|one| same(value, one))),
        "lt" => ordered(value, operand, |order| order < 0),
        "lte" => ordered(value, operand, |order| order <= 0),
        "gt" => ordered(value, operand, |order| order > 0),
        "gte" => ordered(value, operand, |order| order >= 0),
        "between" => {
            all([ordered(value, &operand[0], |order| order >= 0), ordered(value, &operand[1], |order| order <= 0)]
                .into_iter())
        }
        "any" => any(value.as_array().into_iter().flatten().map(|one| each(one, operand, record))),
        "all" if value.is_array() => all(value.as_array().unwrap().iter().map(|one| each(one, operand, record))),
        "all" => Some(false),
        other => panic!("no {other}"),
    }
}

fn each(element: &Value, tests: &Value, record: &Value) -> Option<bool> {
    all(tests.as_object().unwrap().iter().map(|(operator, operand)| test(operator, Some(element), operand, record)))
}

fn same(a: &Value, b: &Value) -> bool {
    match (a.as_str().and_then(moment), b.as_str().and_then(moment)) {
        (Some(a), Some(b)) => a == b,
        _ => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => a == b,
            _ => a == b,
        },
    }
}

fn ordered(a: &Value, b: &Value, holds: fn(i8) -> bool) -> Option<bool> {
    let kind = |value: &Value| match value {
        Value::Number(_) => "number",
        Value::String(text) if moment(text).is_some() => "date",
        Value::String(_) => "text",
        _ => "other",
    };
    let order = match (kind(a), kind(b)) {
        ("number", "number") => a.as_f64().partial_cmp(&b.as_f64()),
        ("date", "date") => moment(a.as_str().unwrap()).partial_cmp(&moment(b.as_str().unwrap())),
        ("text", "text") => a.as_str().partial_cmp(&b.as_str()),
        ("other", _) | (_, "other") => a.as_bool().zip(b.as_bool()).and_then(|(a, b)| a.partial_cmp(&b)),
        _ => return None,
    };
    Some(order.is_some_and(|order| holds(order as i8)))
}

fn scalar() -> impl Strategy<Value = Value> {
    let others = vec![json!(0), json!(5), json!(5.0), json!(-1.5), json!(true), json!(false)];
    select(TEXTS.iter().map(|(text, _)| json!(text)).chain(others).collect::<Vec<_>>())
}

fn field() -> impl Strategy<Value = &'static str> {
    select(vec!["a", "b", "c"])
}

fn record() -> impl Strategy<Value = Value> {
    let value = prop_oneof![
        6 => scalar(),
        1 => Just(Value::Null),
        1 => prop::collection::vec(scalar(), 0..3).prop_map(Value::from),
    ];
    prop::collection::hash_map(field(), value, 0..4).prop_map(|fields| json!(fields))
}

fn tests() -> impl Strategy<Value = Value> {
    let orders = (
        select(vec!["lt", "lte", "gt", "gte", "eq", "ne"]),
        prop_oneof![
            3 => scalar(),
            1 => field().prop_map(|field| json!({"field": field})),
        ],
    );
    let lists = (select(vec!["between", "in", "notIn"]), [scalar(), scalar()].prop_map(|pair| json!(pair)));
    let flags = (select(vec!["exists", "isNull"]), select(vec![json!(true), json!(false)]));
    let plain = prop_oneof![4 => orders, 2 => lists, 1 => flags].prop_map(|(name, operand)| json!({name: operand}));
    let elements = (select(vec!["any", "all"]), plain.clone()).prop_map(|(name, inner)| json!({name: inner}));
    prop_oneof![5 => plain, 1 => elements]
}

fn criteria() -> impl Strategy<Value = Value> {
    let leaf = prop::collection::hash_map(field(), tests(), 1..3).prop_map(|fields| json!(fields));
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|all| json!({"and": all})),
            prop::collection::vec(inner.clone(), 0..3).prop_map(|any| json!({"or": any})),
            inner.prop_map(|one| json!({"not": one})),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn criteria_mean_what_the_plain_evaluator_says(criteria in criteria(), records in prop::collection::vec(record(), 1..20)) {
        let read = parse(&criteria, "where", Reading::Rendered, Madrid).unwrap();
        for record in records {
            let expected = match evaluate(&criteria, &record) {
                Some(holds) => Verdict::from(holds),
                None => Verdict::Undecided,
            };
            prop_assert_eq!(read.judge(&record), expected, "{} {}", criteria, record);
        }
    }
}
