use serde_json::json;

use super::*;
use crate::{Failure, testing};

#[test]
fn what_is_written_is_found_again() {
    let host = testing::host();
    host.put("c", "a", json!({"n": 1, "kind": "x"}));
    let changes = [
        Change::insert("a", json!({"n": 2})),
        Change::upsert("a", json!({"n": 1, "kind": "x"})),
        Change::upsert("b", json!({"n": 2, "kind": "x"})),
        Change::upsert("a", json!({"n": 3, "kind": "x"})),
        Change::delete("z"),
        Change::insert("c", json!({"n": 4})),
        Change::delete("c"),
    ];
    let written = write("c", &changes).expect("writes");
    let counts = (written.inserted, written.updated, written.deleted, written.unchanged);
    assert_eq!(counts, (2, 1, 1, 2));
    assert_eq!(written.refused[0].index, 0);
    assert_eq!(
        host.records("c"),
        [("a".into(), json!({"n": 3, "kind": "x"})), ("b".into(), json!({"n": 2, "kind": "x"}))]
    );
    let found = get("c", &["b", "z"]).expect("reads");
    assert_eq!(found[0].as_ref().map(|record| record.value().expect("JSON")), Some(json!({"n": 2, "kind": "x"})));
    assert_eq!(found[1], None);
    assert_eq!(find("c", &json!({"kind": "x"}), 10).expect("reads").len(), 2);
    assert_eq!(find("c", &json!({}), 1).expect("reads")[0].key, "a");
    assert_eq!(find("c", &json!({"n": 2}), 10).expect("reads")[0].key, "b");
}

#[test]
fn pages_follow_each_other() {
    let host = testing::host();
    for n in 0..25_000 {
        host.put("many", &format!("{n:05}"), json!({"n": n}));
    }
    let found = find("many", &json!({}), usize::MAX).expect("reads");
    assert_eq!((found.len(), found[24_999].key.as_str()), (25_000, "24999"));
    assert_eq!(find("many", &json!({}), 10_001).expect("reads").len(), 10_001);
    assert!(matches!(page("many", "{}", None, 0), Err(Error::Invalid(_))));
}

#[test]
fn errors_become_failures_of_the_right_kind() {
    let host = testing::host();
    for (error, temporary) in [
        (Error::Denied("no".to_owned()), false),
        (Error::Invalid("no".to_owned()), false),
        (Error::Unavailable("no".to_owned()), true),
    ] {
        host.close_collections(error.clone());
        let failure = Failure::from(get("c", &["a"]).expect_err("closed"));
        assert_eq!((failure.temporary, failure.message.as_str()), (temporary, "no"));
        assert_eq!(write("c", &[]), Err(error));
    }
}
