//! Collections.

use chrono_tz::Tz;
use serde_json::{Value, json};
use tokio::sync::mpsc::channel;

use super::Stores;
use super::samples::{delicate, id, neighbours, scope, start};
use engine::model::collection::{Change, Entry, LONGEST_KEY, Written};
use engine::model::criteria::{Criteria, Reading, parse};
use engine::model::organization::OrgScope;
use engine::ports::StoreError;
use engine::ports::collections::{Collections, Find, Once, Wanted};

/// Keys that a store may confuse or sort wrongly, in the order of their bytes.
fn delicate_keys() -> Vec<String> {
    let long = "k".repeat(LONGEST_KEY);
    let keys = [
        " ", " a", "%", "10", "9", "A", "B", "_", "a", "a ", "a  ", "a%", "a.b", "aB", "ab", "e\u{301}", &long, "z",
        "Ä", "é", "ß", "日本", "\u{ffff}", "🪢",
    ];
    let mut keys: Vec<_> = keys.into_iter().map(str::to_owned).collect();
    keys.sort_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
    keys
}

pub(super) fn entry(key: &str, data: Value) -> Entry {
    Entry { key: key.to_owned(), data }
}

pub(super) fn insert(key: &str, data: Value) -> Change {
    Change::Insert(entry(key, data))
}

pub(super) fn upsert(key: &str, data: Value) -> Change {
    Change::Upsert(entry(key, data))
}

pub(super) fn delete(key: &str) -> Change {
    Change::Delete(key.to_owned())
}

pub(super) fn criteria(written: Value) -> Criteria {
    parse(&written, "where", Reading::Rendered, Tz::UTC).expect("criteria")
}

pub(super) fn everything() -> Criteria {
    criteria(json!({}))
}

/// All that a snapshot hands over; none if the collection is not there.
pub async fn taken(
    store: &impl Collections,
    scope: OrgScope,
    collection: &str,
    wanted: &Wanted,
) -> Result<Option<Vec<Entry>>, StoreError> {
    let (to, mut from) = channel::<Vec<Entry>>(1);
    let taking = async {
        let mut entries = Vec::new();
        while let Some(portion) = from.recv().await {
            assert!(!portion.is_empty());
            entries.extend(portion);
        }
        entries
    };
    let (there, entries) = futures_util::future::join(store.snapshot(scope, collection, wanted, to), taking).await;
    Ok(there?.then_some(entries))
}

/// Every record of a collection, if it is there.
pub(super) async fn everything_in(store: &impl Stores, scope: OrgScope, collection: &str) -> Option<Vec<Entry>> {
    taken(store, scope, collection, &whole()).await.expect("an answer")
}

pub(super) fn whole() -> Wanted {
    Wanted { criteria: everything(), limit: None }
}

pub(super) async fn write(store: &impl Stores, scope: OrgScope, collection: &str, changes: &[Change]) -> Written {
    store.write(scope, collection, changes, None).await.expect("an answer")
}

/// Records whose key is their number in three digits.
pub(super) async fn fill(store: &impl Stores, scope: OrgScope, count: u32) {
    let changes: Vec<_> = (0..count).map(|n| insert(&format!("{n:03}"), json!({"n": n, "even": n % 2 == 0}))).collect();
    write(store, scope, "c", &changes).await;
}

async fn all(store: &impl Stores, scope: OrgScope, collection: &str) -> Vec<Entry> {
    everything_in(store, scope, collection).await.expect("a collection")
}

pub(super) fn keys(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.key.as_str()).collect()
}

async fn count(store: &impl Stores, scope: OrgScope, collection: &str) -> Option<u64> {
    Collections::count(store, scope, collection, &everything()).await.expect("an answer")
}

async fn page(store: &impl Stores, scope: OrgScope, find: Find) -> (Vec<String>, Option<String>) {
    let page = Collections::find(store, scope, "c", &find).await.expect("a page");
    (page.entries.into_iter().map(|entry| entry.key).collect(), page.next)
}

pub async fn every_change_is_counted(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let first = write(store, acme, "c", &[insert("a", json!({"n": 1})), upsert("b", json!({"n": 2}))]).await;
    assert_eq!(first, Written { inserted: 2, ..Written::default() });
    let changes = [
        insert("a", json!({"n": 9})),
        upsert("a", json!({"n": 1})),
        upsert("b", json!({"n": 2.0})),
        delete("c"),
        insert("d", json!({})),
        delete("a"),
    ];
    let second = write(store, acme, "c", &changes).await;
    let [(0, reason)] = second.refused.as_slice() else { panic!("the first change alone is refused: {second:?}") };
    assert!(reason.contains("`a`"), "{reason}");
    let counts = Written { refused: Vec::new(), ..second.clone() };
    assert_eq!(counts, Written { inserted: 1, updated: 1, deleted: 1, unchanged: 2, refused: Vec::new() });
    assert_eq!(all(store, acme, "c").await, [entry("b", json!({"n": 2.0})), entry("d", json!({}))]);
}

pub async fn changes_of_one_record_are_made_in_their_order(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let changes = [
        delete("a"),
        insert("a", json!({"n": 1})),
        insert("a", json!({"n": 2})),
        upsert("a", json!({"n": 3})),
        delete("a"),
        insert("a", json!({"n": 4})),
        insert("gone", json!({})),
        delete("gone"),
    ];
    let written = write(store, acme, "c", &changes).await;
    assert_eq!((written.inserted, written.updated, written.deleted, written.unchanged), (3, 1, 2, 1));
    assert_eq!(written.refused.iter().map(|(position, _)| *position).collect::<Vec<_>>(), [2]);
    assert_eq!(all(store, acme, "c").await, [entry("a", json!({"n": 4}))]);
}

pub async fn records_are_in_the_order_of_their_keys_bytes(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let sorted = delicate_keys();
    let changes: Vec<_> = sorted.iter().rev().map(|key| insert(key, json!({"key": key}))).collect();
    let written = write(store, acme, "c", &changes).await;
    assert_eq!(written.inserted as usize, sorted.len(), "no two of these keys are the same");
    assert_eq!(keys(&all(store, acme, "c").await), sorted);
    for limit in [1, 2, 5] {
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let (found, next) = page(store, acme, Find { criteria: everything(), after, limit }).await;
            seen.extend(found);
            after = next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, sorted, "in pages of {limit}");
    }
}

pub async fn records_are_got_by_their_keys(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    let sorted = delicate_keys();
    let changes: Vec<_> = sorted.iter().map(|key| insert(key, json!({"key": key}))).collect();
    write(store, acme, "c", &changes).await;
    let asked: Vec<_> = ["z", "absent", "a", "é", "e\u{301}", "a ", "z"].into_iter().map(str::to_owned).collect();
    let got = store.get(acme, "c", &asked).await.expect("an answer");
    let expected: Vec<_> = asked.iter().map(|key| (key != "absent").then(|| json!({"key": key}))).collect();
    assert_eq!(got, expected, "in the order of the question, each as often as it was asked for");
    assert_eq!(store.get(acme, "nothing", &asked[..2]).await.expect("an answer"), [None, None]);
    assert_eq!(store.get(acme, "c", &[]).await.expect("an answer"), []);
}

pub async fn a_record_comes_back_exactly(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    write(store, acme, "c", &[insert("a", delicate())]).await;
    let found = all(store, acme, "c").await;
    assert_eq!(found[0].data.to_string(), delicate().to_string(), "to the letter, in the order of its members");
    let turned: serde_json::Map<_, _> = delicate().as_object().expect("an object").clone().into_iter().rev().collect();
    let again = write(store, acme, "c", &[upsert("a", Value::Object(turned))]).await;
    assert_eq!(again, Written { unchanged: 1, ..Written::default() }, "the order of members says nothing");
    assert_eq!(
        all(store, acme, "c").await[0].data.to_string(),
        delicate().to_string(),
        "what is unchanged is not touched"
    );
    let asked = ["a".to_owned()];
    assert_eq!(store.get(acme, "c", &asked).await.expect("an answer"), [Some(delicate())]);
}

pub async fn a_call_that_is_made_once_changes_nothing_the_second_time(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for number in [1, 2] {
        store.start(acme, start(number, "job")).await.expect("a start");
    }
    let once = |number, call: &str| Once { result: id(number), call: call.to_owned() };
    let changes = [insert("a", json!({"n": 1})), insert("b", json!({"n": 1}))];
    let first = store.write(acme, "c", &changes, Some(&once(1, "10:1"))).await.expect("an answer");
    assert_eq!(first, Written { inserted: 2, ..Written::default() });
    write(store, acme, "c", &[upsert("a", json!({"n": 7})), delete("b")]).await;
    for again in [&changes[..], &[upsert("z", json!({}))], &[]] {
        let answer = store.write(acme, "c", again, Some(&once(1, "10:1"))).await.expect("an answer");
        assert_eq!(answer, first, "the answer of the first call, whatever is asked");
    }
    assert_eq!(all(store, acme, "c").await, [entry("a", json!({"n": 7}))], "nothing was written again");
    let refused = store.write(acme, "c", &changes, Some(&once(1, "10:2"))).await.expect("an answer");
    assert_eq!((refused.inserted, refused.refused.len()), (1, 1), "another call of the line is another call");
    let other = store.write(acme, "c", &changes, Some(&once(2, "10:1"))).await.expect("an answer");
    assert_eq!(other.refused.len(), 2, "another result's call is another call");
    let again = store.write(acme, "c", &changes, Some(&once(1, "10:2"))).await.expect("an answer");
    assert_eq!(again, refused, "refusals are answered again too");
}

pub async fn a_call_is_made_once_though_it_comes_twice_at_the_same_time(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    store.start(acme, start(1, "job")).await.expect("a start");
    let once = Once { result: id(1), call: "10:1".to_owned() };
    let changes = [insert("a", json!({}))];
    let (one, other) = futures_util::future::join(
        store.write(acme, "c", &changes, Some(&once)),
        store.write(acme, "c", &changes, Some(&once)),
    )
    .await;
    let expected = Written { inserted: 1, ..Written::default() };
    assert_eq!((one.expect("an answer"), other.expect("an answer")), (expected.clone(), expected));
}

pub async fn pages_lose_nothing_and_repeat_nothing(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    fill(store, acme, 100).await;
    let even = || criteria(json!({"even": true}));
    for limit in [1, 7, 10, 25, 49, 50, 51, 99] {
        let (mut after, mut seen, mut pages) = (None, Vec::new(), 0);
        loop {
            let (found, next) = page(store, acme, Find { criteria: even(), after, limit }).await;
            assert!(found.len() <= limit as usize);
            assert!(next.is_none() || next.as_ref() == found.last(), "the next page begins after the last record");
            seen.extend(found);
            after = next;
            pages += 1;
            if after.is_none() {
                break;
            }
        }
        let expected: Vec<_> = (0..50).map(|n| format!("{:03}", n * 2)).collect();
        assert_eq!(seen, expected, "in pages of {limit}");
        assert_eq!(pages, 50_u32.div_ceil(limit), "a full last page has none after it");
    }
}

pub async fn a_page_may_begin_anywhere(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    fill(store, acme, 10).await;
    let from = |after: &str, limit| Find { criteria: everything(), after: Some(after.to_owned()), limit };
    assert_eq!(
        page(store, acme, from("0045", 2)).await,
        (vec!["005".to_owned(), "006".to_owned()], Some("006".to_owned()))
    );
    assert_eq!(page(store, acme, from("009", 2)).await, (vec![], None));
    assert_eq!(page(store, acme, from("", 1)).await.0, ["000"]);
    write(store, acme, "c", &[delete("003"), insert("0035", json!({}))]).await;
    assert_eq!(page(store, acme, from("003", 1)).await.0, ["0035"], "also where a record was that is gone");
    let none = Find { criteria: criteria(json!({"n": 99})), after: None, limit: 3 };
    assert_eq!(page(store, acme, none).await, (vec![], None));
}

pub async fn records_that_meet_criteria_are_counted_and_deleted(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    fill(store, acme, 10).await;
    let even = criteria(json!({"even": true}));
    assert_eq!(Collections::count(store, acme, "c", &even).await.expect("an answer"), Some(5));
    let asked: Vec<_> = ["000", "001", "002", "absent", "002"].into_iter().map(str::to_owned).collect();
    let deleted = Collections::delete(store, acme, "c", &asked, &even).await.expect("an answer");
    assert_eq!(deleted, 2, "only those that meet the criteria, each once");
    assert_eq!(keys(&all(store, acme, "c").await), ["001", "003", "004", "005", "006", "007", "008", "009"]);
    assert_eq!(Collections::delete(store, acme, "c", &asked, &everything()).await.expect("an answer"), 1);
    assert_eq!(Collections::delete(store, acme, "nothing", &asked, &everything()).await.expect("an answer"), 0);
    assert_eq!(count(store, acme, "nothing").await, None, "deleting makes no collection");
    assert_eq!(count(store, acme, "c").await, Some(7));
}

pub async fn collections_are_listed_by_name_in_pages(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    for name in ["b", "a.b", "a-b", "ab", "a"] {
        write(store, acme, name, &[insert("k", json!({}))]).await;
    }
    let page = async |after: Option<&str>, limit| {
        let listed = Collections::list(store, acme, after, limit).await.expect("a page");
        (listed.items.join(" "), listed.more)
    };
    assert_eq!(page(None, 2).await, ("a a-b".to_owned(), true), "names sort by their bytes");
    assert_eq!(page(Some("a-b"), 2).await, ("a.b ab".to_owned(), true));
    assert_eq!(page(Some("ab"), 2).await, ("b".to_owned(), false));
    assert_eq!(page(None, 5).await, ("a a-b a.b ab b".to_owned(), false), "a full last page has no more after it");
    assert_eq!(page(Some("b"), 5).await, (String::new(), false));
    assert_eq!(store.tally(acme).await.expect("an answer"), 5);
}

pub async fn a_collection_is_there_from_its_first_write_to_its_removal(store: &impl Stores) {
    let acme = scope(store, 1, "acme").await;
    assert_eq!(count(store, acme, "c").await, None);
    assert!(!store.remove(acme, "c").await.expect("an answer"));
    write(store, acme, "c", &[delete("a")]).await;
    assert_eq!(count(store, acme, "c").await, Some(0), "a write makes it, whatever it comes to");
    write(store, acme, "c", &[insert("a", json!({}))]).await;
    write(store, acme, "c", &[delete("a")]).await;
    assert_eq!(count(store, acme, "c").await, Some(0), "it stays when its last record is gone");
    fill(store, acme, 3).await;
    assert!(store.remove(acme, "c").await.expect("an answer"));
    assert_eq!(count(store, acme, "c").await, None);
    assert_eq!(everything_in(store, acme, "c").await, None);
    let nothing = Find { criteria: everything(), after: None, limit: 5 };
    assert_eq!(page(store, acme, nothing).await, (vec![], None));
    assert_eq!(store.get(acme, "c", &["001".to_owned()]).await.expect("an answer"), [None]);
    assert_eq!(Collections::list(store, acme, None, 5).await.expect("a page").items, [""; 0]);
    assert_eq!(store.tally(acme).await.expect("an answer"), 0);
    assert!(!store.remove(acme, "c").await.expect("an answer"), "it is removed once");
    write(store, acme, "c", &[insert("new", json!({}))]).await;
    assert_eq!(keys(&all(store, acme, "c").await), ["new"], "nothing of the one before comes back");
}

pub async fn another_organization_has_collections_of_its_own(store: &impl Stores) {
    let (acme, globex) = neighbours(store).await;
    fill(store, acme, 3).await;
    assert_eq!(count(store, globex, "c").await, None);
    assert_eq!(everything_in(store, globex, "c").await, None);
    assert_eq!(page(store, globex, Find { criteria: everything(), after: None, limit: 5 }).await, (vec![], None));
    assert_eq!(store.get(globex, "c", &["001".to_owned()]).await.expect("an answer"), [None]);
    assert_eq!(Collections::list(store, globex, None, 5).await.expect("a page").items, [""; 0]);
    assert_eq!(store.tally(globex).await.expect("an answer"), 0);
    assert_eq!(
        Collections::delete(store, globex, "c", &["001".to_owned()], &everything()).await.expect("an answer"),
        0
    );
    assert!(!store.remove(globex, "c").await.expect("an answer"));
    let written = write(store, globex, "c", &[insert("001", json!({"of": "globex"})), delete("002")]).await;
    assert_eq!((written.inserted, written.deleted), (1, 0));
    assert!(store.remove(globex, "c").await.expect("an answer"));
    assert_eq!(keys(&all(store, acme, "c").await), ["000", "001", "002"]);
    assert_eq!(all(store, acme, "c").await[1].data, json!({"n": 1, "even": false}));
    for (number, scope) in [(1, acme), (1, globex)] {
        store.start(scope, start(number, "job")).await.expect("a start");
        let once = Once { result: id(1), call: "10:1".to_owned() };
        let written = store.write(scope, "own", &[insert("a", json!({}))], Some(&once)).await.expect("an answer");
        assert_eq!(written.inserted, 1, "calls of another organization are other calls");
    }
}

pub async fn ten_thousand_changes_are_made_at_once(store: &impl Stores) {
    const MANY: u32 = 10_000;
    let acme = scope(store, 1, "acme").await;
    let changes = |make: fn(u32) -> Change| (0..MANY).map(make).collect::<Vec<_>>();
    let inserted = write(store, acme, "c", &changes(|n| insert(&format!("{n:05}"), json!({"n": n})))).await;
    assert_eq!(inserted.inserted, MANY);
    let mixed = changes(|n| match n % 4 {
        0 => upsert(&format!("{n:05}"), json!({"n": n})),
        1 => upsert(&format!("{n:05}"), json!({"n": -1})),
        2 => delete(&format!("{n:05}")),
        _ => insert(&format!("{n:05}"), json!({})),
    });
    let written = write(store, acme, "c", &mixed).await;
    assert_eq!((written.unchanged, written.updated, written.deleted), (MANY / 4, MANY / 4, MANY / 4));
    assert_eq!(written.refused.len(), MANY as usize / 4);
    assert_eq!(count(store, acme, "c").await, Some(u64::from(MANY) * 3 / 4));
    let asked: Vec<_> = (0..MANY).map(|n| format!("{n:05}")).collect();
    let got = store.get(acme, "c", &asked).await.expect("an answer");
    let right = |n: u32| match n % 4 {
        1 => Some(json!({"n": -1})),
        2 => None,
        _ => Some(json!({"n": n})),
    };
    assert!((0..MANY).zip(got).all(|(n, data)| data == right(n)), "each record is as its change left it");
    assert_eq!(Collections::delete(store, acme, "c", &asked, &everything()).await.expect("an answer"), MANY * 3 / 4);
}
