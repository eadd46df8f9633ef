//! Organizations, tokens and the audit log.

use engine::model::organization::{Access, Role};
use engine::model::rights::{Operation, Right};
use serde_json::{Value, json};

use super::rights::CALLS;
use super::world::{World, code};
use crate::state::Credentials;

const LOG: &str = "query ($server: Boolean!) { auditLog(server: $server, first: 100) {
    nodes { who operation target outcome reason } } }";

/// The entries of a log, newest first.
async fn log(world: &World, server: bool) -> Vec<Value> {
    let mut data = world.data(LOG, json!({"server": server})).await;
    let Value::Array(entries) = data["auditLog"]["nodes"].take() else { panic!("a list") };
    entries
}

async fn refused(world: &World, caller: &Access, document: &str) -> String {
    code(&world.ask(caller, document, json!({})).await)
}

#[tokio::test]
async fn each_mutation_leaves_exactly_one_entry_whoever_asks() {
    for role in Role::ALL {
        let world = World::new().await;
        let caller = world.caller(role).await;
        each_leaves_one_entry(&world, &caller).await;
    }
    let world = World::new().await;
    let administrator = world.administrator("main").await;
    each_leaves_one_entry(&world, &administrator).await;
}

async fn each_leaves_one_entry(world: &World, caller: &Access) {
    let mut counts = [0, 0];
    for (field, call) in CALLS {
        world.ask(caller, &format!("mutation {{ alias: {call} }}"), json!({})).await;
        let operation = Operation::from_word(field).unwrap();
        let of_server = usize::from(operation.right() == Right::Server);
        counts[of_server] += 1;
        let logs = [log(world, false).await, log(world, true).await];
        assert_eq!(logs.each_ref().map(Vec::len), counts, "{field}");
        let newest = &logs[of_server][0];
        assert_eq!((newest["operation"].as_str(), newest["who"].as_str()), (Some(field), Some(caller.who.as_str())));
        let allowed = operation.right().is_held_by(caller);
        assert!(allowed || newest["outcome"] == "REFUSED", "{newest}");
        assert_eq!(newest["reason"].is_null(), newest["outcome"] == "DONE", "{newest}");
    }
}

#[tokio::test]
async fn an_entry_says_what_was_asked_for_in_variables_too() {
    let world = World::new().await;
    world.save("weekly").await;
    world.start("weekly").await;
    let administrator = world.administrator("main").await;
    let set = "mutation ($input: SetJobActiveInput!) { setJobActive(input: $input) { userErrors { code } } }";
    world.ask(&administrator, set, json!({"input": {"key": "nothing", "active": true}})).await;
    world
        .ask(&administrator, "mutation { createToken(input: {name: \"t\", server: true}) { token } }", json!({}))
        .await;
    let shown = |entry: &Value| ["operation", "target", "outcome"].map(|name| entry[name].as_str().unwrap().to_owned());
    let entries: Vec<_> = log(&world, false).await.iter().map(shown).collect();
    let expected =
        [["setJobActive", "nothing", "REFUSED"], ["runJob", "weekly", "DONE"], ["saveJob", "weekly", "DONE"]];
    assert_eq!(entries, expected.map(|entry| entry.map(str::to_owned)));
    assert_eq!(shown(&log(&world, true).await[0]), ["createToken", "t", "DONE"], "it concerns all organizations");
    let default = "mutation ($s: Boolean = true) { createToken(input: {name: \"u\", server: $s}) { token } }";
    world.ask(&administrator, default, json!({})).await;
    assert_eq!(shown(&log(&world, true).await[0]), ["createToken", "u", "DONE"], "a default counts like a value");
    let viewer = world.caller(Role::Viewer).await;
    world.ask(&viewer, "mutation { saveJob(input: {server: true, document: {}}) { job { key } } }", json!({})).await;
    assert_eq!(shown(&log(&world, false).await[0]), ["saveJob", "", "REFUSED"], "nobody chooses the log");
}

#[tokio::test]
async fn the_log_of_another_organization_and_of_the_server_is_out_of_reach() {
    let world = World::new().await;
    world.save("weekly").await;
    let admin = world.caller(Role::Admin).await;
    assert_eq!(refused(&world, &admin, "{ auditLog(server: true) { nodes { who } } }").await, "FORBIDDEN");
    let other = world.administrator("other").await;
    let seen = world.ask(&other, LOG, json!({"server": false})).await.data.into_json().unwrap();
    assert_eq!(seen["auditLog"]["nodes"], json!([]));
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once() {
    let world = World::new().await;
    let created =
        world.data("mutation { createToken(input: {name: \"ci\", role: VIEWER}) { token created { id } } }", json!({}));
    let created = created.await["createToken"].take();
    let token = created["token"].as_str().unwrap().to_owned();
    let credentials = Credentials { token, organization: None };
    world.state.authenticate(Some(&credentials)).await.unwrap();
    let list = "{ tokens { nodes { id name role createdBy } } }";
    let listed = world.data(list, json!({})).await;
    let id = created["created"]["id"].as_str().unwrap();
    let expected = json!([{"id": id, "name": "ci", "role": "VIEWER", "createdBy": "token root"}]);
    assert_eq!(listed["tokens"]["nodes"], expected);

    let revoke = "mutation ($id: ID!) { revokeToken(input: {id: $id}) { revoked { name } userErrors { code } } }";
    let stranger = world.administrator("other").await;
    let answer = world.ask(&stranger, revoke, json!({"id": id})).await.data.into_json().unwrap();
    assert_eq!(answer["revokeToken"]["userErrors"][0]["code"], "NOT_FOUND", "it belongs to another organization");
    world.state.authenticate(Some(&credentials)).await.unwrap();
    let revoked = world.data(revoke, json!({"id": id})).await;
    assert_eq!(revoked["revokeToken"], json!({"revoked": {"name": "ci"}, "userErrors": []}));
    assert!(world.state.authenticate(Some(&credentials)).await.is_err());
    assert_eq!(world.data(list, json!({})).await["tokens"]["nodes"], json!([]));
}

#[tokio::test]
async fn the_last_administrator_cannot_lock_the_server() {
    let world = World::new().await;
    let listed = world.data("{ tokens(server: true) { nodes { id } } }", json!({})).await;
    let id = &listed["tokens"]["nodes"][0]["id"];
    let revoke = "mutation ($id: ID!) { revokeToken(input: {id: $id, server: true}) { userErrors { code message } } }";
    let answer = world.data(revoke, json!({"id": id})).await;
    assert_eq!(answer["revokeToken"]["userErrors"][0]["code"], "IN_USE");
    world.data("mutation { createToken(input: {name: \"second\", server: true}) { token } }", json!({})).await;
    let answer = world.data(revoke, json!({"id": id})).await;
    assert_eq!(answer["revokeToken"]["userErrors"], json!([]));
}

#[tokio::test]
async fn nothing_starts_in_a_deactivated_organization() {
    let world = World::new().await;
    world.save("weekly").await;
    let ended = world.start("weekly").await;
    world.work().await;
    let credentials = Credentials { token: world.token(Role::Admin).await, organization: None };
    let set =
        "mutation ($active: Boolean!) { updateOrganization(input: {key: \"main\", active: $active, name: \"New\"}) {
        organization { name active deactivatedAt } userErrors { code } } }";
    let changed = world.data(set, json!({"active": false})).await;
    let expected = json!({"name": "New", "active": false, "deactivatedAt": "2026-03-01T08:00:00.000000Z"});
    assert_eq!(changed["updateOrganization"]["organization"], expected);
    let refused_token = world.state.authenticate(Some(&credentials)).await.unwrap_err();
    assert!(refused_token.message.contains("`main` is deactivated"), "{}", refused_token.message);
    let administrator = world.administrator("main").await;
    let start = "mutation { runJob(input: {job: \"weekly\"}) { userErrors { code } } }";
    let retry = format!("mutation {{ retryJobResult(input: {{jobResult: \"{ended}\"}}) {{ userErrors {{ code }} }} }}");
    for document in [start, &retry] {
        assert_eq!(refused(&world, &administrator, document).await, "FORBIDDEN", "{document}");
    }
    world.data(set, json!({"active": true})).await;
    world.state.authenticate(Some(&credentials)).await.unwrap();
    world.start("weekly").await;
}

#[tokio::test]
async fn server_administrators_list_all_organizations() {
    let world = World::new().await;
    let list = "query ($after: String) { organizations(first: 1, after: $after) {
        nodes { key active openResults } pageInfo { hasNextPage endCursor } } }";
    let first = world.data(list, json!({})).await["organizations"].take();
    assert_eq!(first["nodes"], json!([{"key": "main", "active": true, "openResults": 0}]));
    let second = world.data(list, json!({"after": first["pageInfo"]["endCursor"]})).await["organizations"].take();
    assert_eq!(second["nodes"], json!([{"key": "other", "active": true, "openResults": null}]));
    assert_eq!(second["pageInfo"]["hasNextPage"], false);
    let admin = world.caller(Role::Admin).await;
    assert_eq!(refused(&world, &admin, "{ organizations { nodes { key } } }").await, "FORBIDDEN");
}
