//! Collections, as callers write and read them.

use engine::model::organization::Role;
use serde_json::{Value, json};

use super::world::{World, code};

const WRITE: &str = "mutation ($input: WriteRecordsInput!) { writeRecords(input: $input) {
    collection { name totalCount } inserted updated deleted unchanged userErrors { code path message } } }";
const DELETE: &str = "mutation ($input: DeleteRecordsInput!) { deleteRecords(input: $input) {
    deleted userErrors { code path } } }";
const REMOVE: &str = "mutation ($collection: String!) { deleteCollection(input: {collection: $collection}) {
    deleted userErrors { code path message } } }";
const PAGE: &str = "query ($name: String!, $first: Int!, $after: String, $where: JSON) { collection(name: $name) {
    records(first: $first, after: $after, where: $where) {
        totalCount nodes { key data } pageInfo { hasNextPage hasPreviousPage endCursor } } } }";

async fn write(world: &World, changes: Value) -> Value {
    let answer = world.data(WRITE, json!({"input": {"collection": "orders", "changes": changes}})).await;
    answer["writeRecords"].clone()
}

/// `orders` with a record for each number.
async fn with_orders(count: u32) -> World {
    let world = World::new().await;
    let changes: Vec<_> = (0..count).map(|n| json!({"insert": {"key": format!("{n:03}"), "data": {"n": n}}})).collect();
    assert_eq!(write(&world, json!(changes)).await["inserted"], count);
    world
}

#[tokio::test]
async fn every_change_is_counted_and_a_taken_key_is_told_with_its_place() {
    let world = World::new().await;
    let insert = |key: &str, data: Value| json!({"insert": {"key": key, "data": data}});
    let first =
        write(&world, json!([insert("a", json!({"n": 1})), insert("b", json!({"n": 9_007_199_254_740_993_u64}))]))
            .await;
    assert_eq!((&first["inserted"], &first["userErrors"]), (&json!(2), &json!([])));
    assert_eq!(first["collection"], json!({"name": "orders", "totalCount": 2}));
    let changes = json!([
        {"upsert": {"key": "a", "data": {"n": 2}}},
        insert("b", json!({})),
        {"delete": "none"},
        {"delete": "a"},
        insert("c", json!({})),
    ]);
    let second = write(&world, changes).await;
    let counts = ["inserted", "updated", "deleted", "unchanged"].map(|count| second[count].clone());
    assert_eq!(counts, [1, 1, 1, 1]);
    let message = "There is already a record with the key `b`; use `upsert` to replace it.";
    assert_eq!(second["userErrors"], json!([{"code": "TAKEN", "path": "changes[1].insert.key", "message": message}]));
    let page = world.data(PAGE, json!({"name": "orders", "first": 10})).await;
    let kept = json!([{"key": "b", "data": {"n": 9_007_199_254_740_993_u64}}, {"key": "c", "data": {}}]);
    assert_eq!(page["collection"]["records"]["nodes"], kept, "integers are exact");
}

#[tokio::test]
async fn a_write_with_a_fault_writes_nothing() {
    let world = World::new().await;
    let good = json!({"upsert": {"key": "a", "data": {}}});
    let many: Vec<_> = (0..=1000).map(|n| json!({"delete": n.to_string()})).collect();
    for (collection, changes, path) in [
        ("orders", json!([good, {"upsert": {"key": "", "data": {}}}]), "changes[1]"),
        ("orders", json!([good, {"upsert": {"key": "b", "data": [1]}}]), "changes[1]"),
        ("orders", json!(many), "changes"),
        ("My Orders", json!([good]), "collection"),
    ] {
        let answer = world.data(WRITE, json!({"input": {"collection": collection, "changes": changes}})).await;
        let errors = answer["writeRecords"]["userErrors"].as_array().unwrap();
        let told: Vec<_> = errors.iter().map(|error| (error["code"].as_str(), error["path"].as_str())).collect();
        assert_eq!(told, [(Some("INVALID"), Some(path))], "{answer}");
        assert_eq!(answer["writeRecords"]["collection"], Value::Null);
    }
    let two = json!([{"upsert": {"key": "a", "data": {}}, "delete": "a"}]);
    let caller = world.administrator("main").await;
    let refused = world.ask(&caller, WRITE, json!({"input": {"collection": "orders", "changes": two}})).await;
    assert_eq!(code(&refused), "BAD_REQUEST", "a change is one change");
    assert_eq!(world.data("{ collections { totalCount } }", json!({})).await["collections"]["totalCount"], 0);
}

#[tokio::test]
async fn pages_of_records_follow_each_other_without_gap_or_repeat() {
    let world = with_orders(25).await;
    let criteria = json!({"n": {"gte": 5, "lt": 15}});
    for first in [1, 3, 5, 10] {
        let (mut after, mut seen, mut pages) = (Value::Null, Vec::new(), 0);
        loop {
            let variables = json!({"name": "orders", "first": first, "after": after, "where": criteria});
            let answer = world.data(PAGE, variables).await;
            let page = &answer["collection"]["records"];
            assert_eq!(page["totalCount"], 10, "of what matches");
            assert_eq!(page["pageInfo"]["hasPreviousPage"], json!(pages > 0));
            seen.extend(page["nodes"].as_array().unwrap().iter().map(|node| node["data"]["n"].as_u64().unwrap()));
            after = page["pageInfo"]["endCursor"].clone();
            pages += 1;
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        assert_eq!(seen, (5..15).collect::<Vec<_>>());
        assert_eq!(pages, 10_usize.div_ceil(first), "a full last page has none after it");
    }
}

#[tokio::test]
async fn criteria_that_cannot_be_read_are_told_with_their_place() {
    let world = with_orders(1).await;
    let caller = world.caller(Role::Viewer).await;
    let variables = json!({"name": "orders", "first": 5, "where": {"n": {"grt": 1}}});
    let answer = world.ask(&caller, PAGE, variables).await;
    assert_eq!(code(&answer), "BAD_REQUEST");
    assert!(answer.errors[0].message.starts_with("where.n.grt: there is no operator `grt`"), "{:?}", answer.errors);
    let sorted = world
        .ask(&caller, "{ collection(name: \"orders\") { records(orderBy: \"n\") { nodes { key } } } }", json!({}))
        .await;
    assert_eq!(code(&sorted), "BAD_REQUEST", "there is one order");
}

#[tokio::test]
async fn records_are_deleted_by_key_or_by_criteria() {
    let world = with_orders(20).await;
    let delete = async |input: Value| world.data(DELETE, json!({"input": input})).await["deleteRecords"].clone();
    let done = |count: u32| json!({"deleted": count, "userErrors": []});
    assert_eq!(delete(json!({"collection": "orders", "keys": ["001", "002", "x"]})).await, done(2));
    assert_eq!(delete(json!({"collection": "orders", "where": {"n": {"lt": 10}}})).await, done(8));
    for (input, expected) in [
        (json!({"collection": "orders"}), ("INVALID", "where")),
        (json!({"collection": "orders", "where": null}), ("INVALID", "where")),
        (json!({"collection": "orders", "keys": [], "where": {}}), ("INVALID", "where")),
        (json!({"collection": "orders", "where": {"n": {"in": 1}}}), ("INVALID", "where.n.in")),
        (json!({"collection": "orders", "keys": [""]}), ("INVALID", "keys[0]")),
        (json!({"collection": "nothing", "where": {}}), ("NOT_FOUND", "collection")),
    ] {
        let answer = delete(input.clone()).await;
        let error = json!({"code": expected.0, "path": expected.1});
        assert_eq!(answer, json!({"deleted": 0, "userErrors": [error]}), "{input}");
    }
    assert_eq!(delete(json!({"collection": "orders", "where": {}})).await, done(10));
}

#[tokio::test]
async fn a_collection_is_removed_once_and_the_nearest_name_is_told() {
    let world = with_orders(2).await;
    let removed = world.data(REMOVE, json!({"collection": "orders"})).await;
    assert_eq!(removed["deleteCollection"], json!({"deleted": true, "userErrors": []}));
    let gone = world.data("{ collection(name: \"orders\") { name } }", json!({})).await;
    assert_eq!(gone["collection"], Value::Null);
    let again = world.data(REMOVE, json!({"collection": "orders"})).await;
    assert_eq!(again["deleteCollection"]["userErrors"][0]["code"], "NOT_FOUND");
    write(&world, json!([])).await;
    let near = world.data(REMOVE, json!({"collection": "order"})).await;
    let message = near["deleteCollection"]["userErrors"][0]["message"].as_str().unwrap();
    assert!(message.contains("did you mean `orders`?"), "{message}");
}

#[tokio::test]
async fn collections_are_listed_by_name() {
    let world = World::new().await;
    for name in ["b", "a", "a.b"] {
        let changes = json!([{"upsert": {"key": "k", "data": {}}}]);
        world.data(WRITE, json!({"input": {"collection": name, "changes": changes}})).await;
    }
    let document = "query ($after: String) { collections(first: 2, after: $after) {
        totalCount nodes { name totalCount } pageInfo { hasNextPage endCursor } } }";
    let first = world.data(document, json!({})).await["collections"].clone();
    assert_eq!(first["nodes"], json!([{"name": "a", "totalCount": 1}, {"name": "a.b", "totalCount": 1}]));
    assert_eq!((&first["totalCount"], &first["pageInfo"]["hasNextPage"]), (&json!(3), &json!(true)));
    let second = world.data(document, json!({"after": first["pageInfo"]["endCursor"]})).await["collections"].clone();
    assert_eq!(second["nodes"], json!([{"name": "b", "totalCount": 1}]));
    assert_eq!(second["pageInfo"]["hasNextPage"], false);
}

#[tokio::test]
async fn another_organizations_collection_is_absent_by_any_path() {
    let world = with_orders(3).await;
    let own = world.data("{ collection(name: \"orders\") { id } }", json!({})).await;
    let id = own["collection"]["id"].clone();
    let found = world.data("query ($id: ID!) { node(id: $id) { __typename id } }", json!({"id": id})).await;
    assert_eq!(found["node"], json!({"__typename": "Collection", "id": id}));
    let stranger = world.administrator("other").await;
    let ask = async |document: &str, variables: Value| {
        let answer = world.ask(&stranger, document, variables).await;
        assert_eq!(answer.errors, []);
        answer.data.into_json().unwrap()
    };
    let document = "query ($id: ID!) { node(id: $id) { id } collection(name: \"orders\") { id } collections { totalCount nodes { name } } }";
    let seen = ask(document, json!({"id": id})).await;
    assert_eq!(seen, json!({"node": null, "collection": null, "collections": {"totalCount": 0, "nodes": []}}));
    let deleted = ask(DELETE, json!({"input": {"collection": "orders", "where": {}}})).await;
    assert_eq!(deleted["deleteRecords"]["userErrors"], json!([{"code": "NOT_FOUND", "path": "collection"}]));
    let removed = ask(REMOVE, json!({"collection": "orders"})).await;
    let message = removed["deleteCollection"]["userErrors"][0]["message"].as_str().unwrap();
    assert_eq!(message, "There is no collection `orders` in this organization; the first write makes it.");
    let written = json!({"collection": "orders", "changes": [{"upsert": {"key": "000", "data": {"of": "other"}}}]});
    assert_eq!(ask(WRITE, json!({"input": written})).await["writeRecords"]["inserted"], 1);
    let page = world.data(PAGE, json!({"name": "orders", "first": 1})).await;
    assert_eq!(page["collection"]["records"]["nodes"], json!([{"key": "000", "data": {"n": 0}}]));
}

#[tokio::test]
async fn an_operator_reads_and_an_editor_writes() {
    let world = with_orders(1).await;
    let input = json!({"input": {"collection": "orders", "changes": [{"delete": "000"}]}});
    let operator = world.caller(Role::Operator).await;
    assert_eq!(code(&world.ask(&operator, WRITE, input.clone()).await), "FORBIDDEN");
    let read = world.ask(&world.caller(Role::Viewer).await, PAGE, json!({"name": "orders", "first": 1})).await;
    assert_eq!(read.errors, []);
    let written = world.ask(&world.caller(Role::Editor).await, WRITE, input).await;
    assert_eq!(written.data.into_json().unwrap()["writeRecords"]["deleted"], 1);
}

#[tokio::test]
async fn pages_of_records_inside_pages_of_collections_are_weighed() {
    let world = World::new().await;
    let document = "{ collections(first: 100) { nodes { records(first: 100) { nodes { key data } } } } }";
    let answer = world.ask(&world.caller(Role::Viewer).await, document, json!({})).await;
    assert_eq!(code(&answer), "TOO_COMPLEX");
}
