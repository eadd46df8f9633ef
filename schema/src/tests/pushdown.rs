//! What SQL narrows is what criteria mean: the store finds the same records as its twin in
//! memory, which knows no SQL, on values that databases and languages see differently.

use engine::model::collection::{Change, Entry};
use engine::model::criteria::{Criteria, Mismatches, OPERATORS, Reading, Verdict, parse};
use engine::model::organization::{OrgScope, Organization, OrganizationId};
use engine::model::quota::Quotas;
use engine::ports::collections::{Collections, Find, Wanted};
use engine::ports::organizations::Organizations;
use memory::MemoryStore;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;
use sea_orm::prelude::Uuid;
use serde_json::{Value, json};
use suite::collections::taken;

use super::{DatabaseFolder, scope_of};
use crate::Store;

const FIELDS: [&str; 8] = ["a", "a.b", "a.0", "a.b.c", "absent", "ñ é", "q\"q", "b\\s"];

fn delicate() -> Vec<Value> {
    let numbers = [
        json!(0),
        json!(-0.0),
        json!(1),
        json!(1.0),
        json!(-1),
        json!(0.1),
        json!(9),
        json!(8.999_999_999_999_998),
        json!(9.000_000_000_000_002),
        json!(5e-324),
        json!(-5e-324),
        json!(1.797_693_134_862_315_7e308),
        json!(1e15),
        json!(1e16),
        json!(9_007_199_254_740_991_i64),
        json!(9_007_199_254_740_992_i64),
        json!(9_007_199_254_740_993_i64),
        json!(9_007_199_254_740_992.0),
        json!(u64::MAX),
        json!(i64::MIN),
    ];
    let texts = [
        "",
        "a",
        "ab",
        "A",
        "a ",
        "a%",
        "_",
        "é",
        "e\u{301}",
        "日本",
        "🪢",
        "\u{ffff}",
        "\u{7f}",
        "\u{2028}",
        "a\u{0}",
        "a\u{0}b",
        "\u{0}",
        "a\"b",
        "\"",
        "a\\b",
        "a\\u0062",
        "a\nb",
        "/",
        "null",
        "true",
        "1",
        "1.0",
        "0",
        "[]",
        "{}",
        "[1]",
        "2026-11-20",
        "2026-11-20T00:00:00Z",
        "2026-11-20T01:00:00+01:00",
        "2026-11-20T01:00:00",
        "2026-13-01",
        "2026-11-200",
    ];
    let others = [
        json!(null),
        json!(true),
        json!(false),
        json!([]),
        json!([1]),
        json!(["a", null]),
        json!({}),
        json!({"b": 1}),
        json!({"b": "a", "c": null}),
        json!({"b": {"c": "a"}, "b.c": 1}),
    ];
    numbers.into_iter().chain(texts.into_iter().map(Value::from)).chain(others).collect()
}

/// Each value where a path may find it, or may be led astray.
fn records() -> Vec<Value> {
    let mut records = vec![json!({})];
    for value in delicate() {
        records.extend([
            json!({"a": value}),
            json!({"a.b": value}),
            json!({"a": {"b": value, "b.c": 1}}),
            json!({"a": [value, 1]}),
            json!({"a.b": value, "a": {"b": "a"}, "x": value}),
            json!({"a.b": {"x": 1}, "a": {"b": {"c": value}, "b.c": value}}),
            json!({"ñ é": value, "q\"q": value, "b\\s": value, "other": 1}),
        ]);
    }
    records
}

/// One store in a database, and its twin, with the same records.
struct Pair {
    _place: DatabaseFolder,
    store: Store,
    twin: MemoryStore,
    scope: OrgScope,
}

impl Pair {
    async fn new() -> Self {
        let folder = DatabaseFolder::new();
        let (store, twin) = (folder.store().await, MemoryStore::new());
        let id = OrganizationId(Uuid::from_u128(1));
        let acme = Organization {
            id,
            key: "acme".into(),
            name: "Acme".into(),
            time_zone: "UTC".parse().unwrap(),
            quotas: Quotas::default(),
            deactivated_at: None,
        };
        let scope = scope_of(&acme);
        let records = records().into_iter().enumerate();
        let changes: Vec<_> = records.map(|(n, data)| Change::Insert(Entry { key: format!("{n:04}"), data })).collect();
        store.create(&acme).await.unwrap();
        store.write(scope, "c", &changes, None).await.unwrap();
        twin.write(scope, "c", &changes, None).await.unwrap();
        Self { _place: folder, store, twin, scope }
    }

    /// How many records match or are undecided, in both.
    async fn find_the_same(&self, written: &Value) -> usize {
        self.find_the_same_until(written, None).await
    }

    async fn find_the_same_until(&self, written: &Value, limit: Option<usize>) -> usize {
        let wanted = Wanted { criteria: read(written), limit };
        let found = taken(&self.store, self.scope, "c", &wanted).await.unwrap().unwrap();
        let expected = taken(&self.twin, self.scope, "c", &wanted).await.unwrap().unwrap();
        let (found_keys, expected_keys) = (keys(&found), keys(&expected));
        let missing: Vec<_> = expected.iter().filter(|entry| !found_keys.contains(&entry.key.as_str())).collect();
        assert!(missing.is_empty(), "{written} should find {missing:?}");
        assert_eq!(found_keys, expected_keys, "{written}");
        assert_eq!(found, expected);
        if limit.is_none() {
            let handed_over = warning(&wanted.criteria, found.iter().map(|entry| &entry.data));
            assert_eq!(handed_over, warning(&wanted.criteria, &records()), "{written}");
        }
        found.len()
    }

    async fn page_the_same(&self, written: &Value, after: Option<String>, limit: u32) {
        let find = Find { criteria: read(written), after, limit };
        let found = self.store.find(self.scope, "c", &find).await.unwrap();
        assert_eq!(found, self.twin.find(self.scope, "c", &find).await.unwrap(), "{written}");
        let counted = Collections::count(&self.store, self.scope, "c", &find.criteria).await.unwrap();
        assert_eq!(
            counted,
            Collections::count(&self.twin, self.scope, "c", &find.criteria).await.unwrap(),
            "{written}"
        );
    }
}

fn read(written: &Value) -> Criteria {
    parse(written, "where", Reading::Rendered, "Europe/Madrid".parse().unwrap()).unwrap()
}

/// What a line warns of that looks at these records.
fn warning<'a>(criteria: &Criteria, records: impl IntoIterator<Item = &'a Value>) -> Option<String> {
    let mut mismatches = Mismatches::default();
    for record in records.into_iter().filter(|record| criteria.judge(record) == Verdict::Undecided) {
        mismatches.note(criteria, record);
    }
    mismatches.warning(None)
}

fn keys(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.key.as_str()).collect()
}

/// An operand that the operator takes, made of a value.
fn operand(operator: &str, value: Value, other: Value) -> Value {
    let is_bound = matches!(operator, "lt" | "lte" | "gt" | "gte" | "between");
    let value = if is_bound && value.is_null() { json!(7) } else { value };
    match operator {
        "in" | "notIn" => json!([value, other]),
        "between" if other.is_null() => json!([value, 7]),
        "between" => json!([value, other]),
        "exists" | "isNull" | "isEmpty" => json!(value != json!(false)),
        "like" | "ilike" => json!("a%"),
        "matches" => json!("^a.?b"),
        "any" | "all" if value.is_object() => json!({"eq": value}),
        _ => value,
    }
}

#[tokio::test]
async fn every_operator_finds_the_same_with_every_value() {
    let pair = Pair::new().await;
    let mut matches = 0;
    for operator in OPERATORS {
        for value in delicate() {
            let test = json!({operator: operand(operator, value, json!("ab"))});
            matches += pair.find_the_same(&json!({"a": test})).await;
            matches += pair.find_the_same(&json!({"not": {"a.b": test}})).await;
        }
    }
    assert!(matches > 10_000, "the criteria should find something: {matches}");
}

fn criteria() -> impl Strategy<Value = Value> {
    let values = || select(delicate());
    let test = (select(OPERATORS.to_vec()), values(), values())
        .prop_map(|(operator, value, other)| json!({operator: operand(operator, value, other)}));
    let several = (test.clone(), test.clone()).prop_map(|(one, other)| {
        let parts = [one, other].into_iter().filter_map(|part| part.as_object().cloned());
        Value::Object(parts.flatten().collect())
    });
    let compared = select(FIELDS.to_vec()).prop_map(|field| json!({"gte": {"field": field}}));
    let leaf = (select(FIELDS.to_vec()), prop_oneof![4 => test, 2 => several, 1 => compared])
        .prop_map(|(field, test)| json!({field: test}));
    leaf.prop_recursive(4, 24, 4, |inner| {
        let several = prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            several.clone().prop_map(|all| json!({"and": all})),
            several.prop_map(|any| json!({"or": any})),
            inner.prop_map(|one| json!({"not": one})),
        ]
    })
}

#[test]
fn trees_of_criteria_find_the_same() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let pair = runtime.block_on(Pair::new());
    let places = (criteria(), prop::option::of(0..600_u32), 1..40_u32);
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() });
    let found = runner.run(&places, |(written, after, limit)| {
        runtime.block_on(async {
            pair.find_the_same(&written).await;
            pair.find_the_same_until(&written, Some(limit as usize)).await;
            pair.page_the_same(&written, after.map(|after| format!("{after:04}")), limit).await;
        });
        Ok(())
    });
    found.unwrap();
}

/// Criteria that no person would write, but somebody might send.
#[tokio::test]
async fn criteria_without_measure_are_still_answered() {
    let pair = Pair::new().await;
    let many: Vec<_> = (0..40_000).collect();
    assert!(pair.find_the_same(&json!({"a": {"in": many}})).await >= 4);
    let wide: Vec<_> = (0..3_000).map(|n| json!({"a": n})).collect();
    assert!(pair.find_the_same(&json!({"or": wide})).await >= 4);
    let narrow: Vec<_> = (0..3_000).map(|n| json!({"a": {"ne": n + 2}})).collect();
    pair.find_the_same(&json!({"and": narrow})).await;
    let deep = (0..100).fold(json!({"a": 1}), |inner, _| json!({"not": inner}));
    assert!(pair.find_the_same(&deep).await >= 1);
    let long = "x".repeat(900);
    pair.find_the_same(&json!({long: {"startsWith": "a".repeat(100_000)}})).await;
}
