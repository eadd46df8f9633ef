//! Collections and other jobs, from a script.

use ropewalk_sdk::collections::Error;
use ropewalk_sdk::testing::{host, run};
use ropewalk_sdk::{jobs, json};

use super::super::Js;
use super::{fails, gives, js};

#[test]
fn collections_are_read() {
    let host = host();
    host.put("c", "1", json!({"n": 1, "id": 9007199254740993_i64}));
    host.put("c", "b", json!({"n": 1}));
    host.put("c", "z", json!({"n": 2}));
    gives(
        "const c = ctx.collection('c');
         const all = []; for await (const { key } of c.entries()) all.push(key);
         const two = []; for await (const { key } of c.entries({}, { limit: 2 })) two.push(key);
         return [{ name: c.name, one: await c.get(1), none: await c.get('x'), many: await c.get(['b', 'x', 1n]), all, two,
                   found: await c.find({ n: 1 }), first: await c.find({}, { limit: 1 }) }]",
        json!([]),
        json!([{"name": "c", "one": {"n": 1, "id": 9007199254740993_i64}, "none": null,
                "many": [{"n": 1}, null, {"n": 1, "id": 9007199254740993_i64}], "all": ["1", "b", "z"], "two": ["1", "b"],
                "found": [{"n": 1, "id": 9007199254740993_i64}, {"n": 1}], "first": [{"n": 1, "id": 9007199254740993_i64}]}]),
    );
}

#[test]
fn collections_are_written() {
    let host = host();
    host.put("c", "old", json!({}));
    gives(
        "const c = ctx.collection('c');
         await c.insert('a', { n: 1 });
         const many = await c.insert([{ key: 'a', data: {} }, { key: 'b', data: { n: 2n } }]);
         await c.upsert(7, { n: 3 });
         const mixed = await c.write([{ delete: 'old' }, { upsert: { key: 'a', data: { n: 4 } } }, { insert: { key: 'd', data: {} } }]);
         const gone = await c.delete(['d', 'nope']);
         return [{ many, mixed, gone }]",
        json!([]),
        json!([{
            "many": {"inserted": 1, "updated": 0, "deleted": 0, "unchanged": 0,
                     "refused": [{"index": 0, "reason": "There is already a record with the key `a`"}]},
            "mixed": {"inserted": 1, "updated": 1, "deleted": 1, "unchanged": 0, "refused": []},
            "gone": {"inserted": 0, "updated": 0, "deleted": 1, "unchanged": 1, "refused": []}
        }]),
    );
    let kept = [("7", json!({"n": 3})), ("a", json!({"n": 4})), ("b", json!({"n": 2}))];
    assert_eq!(host.records("c"), kept.map(|(key, record)| (key.to_owned(), record)));
    fails(
        "\nawait ctx.collection('c').insert('a', {})",
        "Error: There is already a record with the key `a` (script line 2, column ",
    );
}

#[test]
fn find_never_drops_records_silently() {
    let host = host();
    for n in 0..10_001 {
        host.put("c", &format!("{n:05}"), json!({"n": n}));
    }
    fails("await ctx.collection('c').find()", "RangeError: More than 10000 records of \"c\" match the criteria");
    gives(
        "const c = ctx.collection('c'); let n = 0; for await (const _ of c.entries()) n++;
         return [{ all: (await c.find({}, { limit: 20000 })).length, some: (await c.find({}, { limit: 10000 })).length, n }]",
        json!([]),
        json!([{"all": 10_001, "some": 10_000, "n": 10_001}]),
    );
}

#[test]
fn wrong_calls_are_reported() {
    let host = host();
    fails("ctx.collection('')", "takes the name of a collection");
    fails("await ctx.collection('c').get({})", "A key must be a text or an integer, not an object (Object)");
    fails("await ctx.collection('c').get(1.5)", "A key must be a text or an integer, not a number");
    fails("await ctx.collection('c').upsert('a', [1])", "The record for the key \"a\" is an array, not an object");
    fails("await ctx.collection('c').upsert('a', { x: NaN })", "the record for the key \"a\".x is NaN");
    fails("await ctx.collection('c').write([{ put: 1 }])", "write takes a list of");
    fails("await ctx.collection('c').insert([{ key: 'a' }])", "insert takes a key and a record");
    fails("await ctx.startJob('')", "takes the key of a job");
    fails("await ctx.startJob('x', { records: [1] })", "an array of objects");
    fails("await ctx.startJob('x', { arguments: [] })", "The arguments of a job must be an object, not an array");
    host.close_collections(Error::Unavailable("The store is away".to_owned()));
    let failure = run::<Js>(json!({"script": "await ctx.collection('c').get('a')"}), &[json!([])]).expect_err("away");
    assert!(failure.temporary);
    assert!(failure.message.starts_with("Error: The store is away (script line 1, column "), "{failure}");
}

#[test]
fn jobs_are_started() {
    let host = host();
    gives(
        "return [{ id: await ctx.startJob('other', { arguments: { n: 5n }, records: [{ a: 1 }], title: 'T' }), second: await ctx.startJob('more') }]",
        json!([]),
        json!([{"id": "result-1", "second": "result-2"}]),
    );
    let started = host.started();
    assert_eq!((started[0].job.as_str(), started[0].title.as_deref()), ("other", Some("T")));
    assert_eq!(started[0].arguments.get("n"), Some(&json!(5)));
    assert_eq!(started[0].records.as_ref().map(|records| records.text().to_owned()).as_deref(), Some("[{\"a\":1}]"));
    assert!(started[1].records.is_none());
    host.refuse_starts(jobs::Error::Invalid("There is no job `x`".to_owned()));
    assert!(js("await ctx.startJob('x')", json!([])).is_err_and(|message| message.contains("There is no job `x`")));
}
