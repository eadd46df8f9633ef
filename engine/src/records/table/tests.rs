use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::records::table::{Table, TableFault, TableWriter};
use crate::records::tests::faulty_disk;
use crate::records::{Bound, SpillConfig};

/// Keeps at most this many bytes of a table in memory.
fn in_memory(bytes: usize) -> SpillConfig {
    SpillConfig::default().bounded(Bound { records: 1, bytes })
}

fn table<'a>(spill: &SpillConfig, records: impl IntoIterator<Item = (&'a str, Value)>) -> Result<Table, TableFault> {
    let mut writer = TableWriter::of(spill);
    for (key, record) in records {
        writer.push(key, &record)?;
    }
    writer.finish()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_table_finds_what_a_map_has(
        map in btree_map("[a-c\u{1f600}]{0,4}", any::<u64>(), 0..200),
        wanted in vec("[a-c\u{1f600}]{0,4}", 0..50),
        bytes in 0..3000_usize,
    ) {
        let record = |n: &u64| json!({"z": n, "a": "line\nend".repeat((n % 9) as usize)});
        let expected: BTreeMap<&str, Value> = map.iter().map(|(key, n)| (key.as_str(), record(n))).collect();
        let table = table(&in_memory(bytes), expected.clone()).unwrap();
        prop_assert_eq!(table.len(), expected.len());
        for key in wanted.iter().chain(map.keys()) {
            prop_assert_eq!(table.find(key).unwrap(), expected.get(key.as_str()).cloned());
        }
    }

    #[test]
    fn a_key_that_two_records_have_is_a_fault(keys in vec("[a-d]{1,3}", 1..100), bytes in 0..500_usize) {
        let mut sorted = keys.clone();
        sorted.sort();
        let duplicates: Vec<_> = sorted.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect();
        match table(&in_memory(bytes), keys.iter().map(|key| (key.as_str(), json!({})))) {
            Ok(_) => prop_assert!(duplicates.is_empty()),
            Err(TableFault::DuplicateKey(key)) => prop_assert!(duplicates.contains(&key), "{}", key),
            Err(other) => prop_assert!(false, "{other:?}"),
        }
    }
}

fn many() -> Vec<(String, Value)> {
    (0..1000).map(|n| (format!("key {n}"), json!({"n": n}))).collect()
}

#[test]
fn a_small_table_needs_no_disk() {
    let few = [("a", json!({"n": 1})), ("b", json!({"n": 2}))];
    assert_eq!(table(&faulty_disk(0, false), few).unwrap().find("b").unwrap(), Some(json!({"n": 2})));
}

#[test]
fn a_full_disk_is_a_fault_and_no_panic() {
    let many = many();
    let full = table(&faulty_disk(3, false), many.iter().map(|(key, record)| (key.as_str(), record.clone())));
    assert!(matches!(full, Err(TableFault::Scratch(fault)) if fault.0 == "the disk is full"));
}

#[test]
fn a_disk_that_loses_data_is_a_fault_and_not_a_record_that_is_missing() {
    let many = many();
    let table =
        table(&faulty_disk(100, true), many.iter().map(|(key, record)| (key.as_str(), record.clone()))).unwrap();
    let message = table.find("key 0").unwrap_err().0;
    assert!(message.starts_with("A scratch file does not hold what was written to it: "), "{message}");
}
