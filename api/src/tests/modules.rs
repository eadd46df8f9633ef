//! Modules: sent over HTTP, installed, granted, upgraded and removed.

use std::sync::Arc;

use engine::model::organization::{Access, Role};
use serde_json::{Value, json};

use super::client::served;
use super::world::{World, code};
use crate::options::Options;

const INSTALL: &str = "mutation ($upload: ID!, $global: Boolean) { installModule(input: {upload: $upload, global: $global}) {
    module { key version owner pure capabilities grants installedBy actions { name version } } userErrors { code path message } } }";
const GRANT: &str = "mutation ($input: GrantModuleInput!) { grantModule(input: $input) {
    module { grants } userErrors { code path message } } }";
const UPGRADE: &str = "mutation ($input: UpgradeModuleInput!) { upgradeModule(input: $input) {
    module { version } jobs { job version from possible savedVersion userErrors { path message } } userErrors { code message } } }";
const REMOVE: &str =
    "mutation ($module: String!, $version: String!) { removeModule(input: {module: $module, version: $version}) {
    removed usedBy { job version } userErrors { code path message } } }";
const SAVE: &str = "mutation ($document: JSON!) { saveJob(input: {document: $document}) { job { version } userErrors { path message } } }";

/// Installs a module, of the organization of the caller or of all; the field's answer.
async fn install(world: &World, caller: &Access, component: &str, global: bool) -> Value {
    let content: Arc<[u8]> = Arc::from(component.as_bytes());
    let upload = world.engine.modules().upload(caller, content).await.unwrap();
    let variables = json!({"upload": upload.id.to_string(), "global": global});
    let answer = world.ask(caller, INSTALL, variables).await;
    assert_eq!(answer.errors, []);
    answer.data.into_json().unwrap()["installModule"].clone()
}

async fn said(world: &World, caller: &Access, document: &str, variables: Value) -> Value {
    let answer = world.ask(caller, document, variables).await;
    assert_eq!(answer.errors, [], "{document}");
    answer.data.into_json().unwrap()
}

fn job(action: &str) -> Value {
    json!({"key": "mailing", "lines": [{"action": action, "parameters": {"to": "${job.key}"}}]})
}

async fn modules(world: &World, caller: &Access) -> Vec<String> {
    let seen = said(world, caller, "{ modules { key version } }", json!({})).await;
    let name = |module: &Value| format!("{}@{}", module["key"].as_str().unwrap(), module["version"].as_str().unwrap());
    seen["modules"].as_array().unwrap().iter().map(name).collect()
}

#[tokio::test]
async fn a_module_is_sent_and_installed_and_used_at_once() {
    let world = World::new().await;
    served(world.engine.clone(), Options::default(), async |server| {
        let headers = format!("Authorization: Bearer {}\r\nContent-Type: application/wasm\r\n", world.root);
        let answer = server.call("POST /uploads", &headers, b"shop@1.2.0").await;
        assert_eq!((answer.status, &answer.json()["size"]), (201, &json!(10)));
        let body = json!({"query": INSTALL, "variables": {"upload": answer.json()["id"]}});
        let installed = server.post(&world.root, &body).await.json()["data"]["installModule"].clone();
        let expected = json!({
            "key": "shop", "version": "1.2.0", "owner": "ORGANIZATION", "pure": false, "capabilities": ["LOG", "HTTP"],
            "grants": {}, "installedBy": "token root", "actions": [{"name": "shop/send", "version": "1.2.0"}],
        });
        assert_eq!((&installed["module"], &installed["userErrors"]), (&expected, &json!([])));
    })
    .await;
    let saved = world.data(SAVE, json!({"document": job("send")})).await;
    assert_eq!(saved["saveJob"]["userErrors"], json!([]));
}

#[tokio::test]
async fn an_upload_is_a_bounded_body_of_one_who_administers() {
    let world = World::new().await;
    let operator = world.token(Role::Editor).await;
    let options = Options { upload_limit: 100, ..Options::default() };
    served(world.engine.clone(), options, async |server| {
        let send = async |token: &str, kind: &str, body: &[u8]| {
            let headers = format!("Authorization: Bearer {token}\r\nContent-Type: {kind}\r\n");
            server.call("POST /uploads", &headers, body).await.refusal()
        };
        assert_eq!(send(&world.root, "application/wasm", &[0; 101]).await, (413, "TOO_LARGE".into()));
        assert_eq!(send(&world.root, "multipart/form-data", b"x").await, (415, "BAD_REQUEST".into()));
        assert_eq!(send(&operator, "application/wasm", b"x").await, (403, "FORBIDDEN".into()));
        assert_eq!(send("rw_nonsense", "application/wasm", b"x").await, (401, "UNAUTHENTICATED".into()));
        assert_eq!(server.call("GET /uploads", "", b"").await.refusal(), (405, "BAD_REQUEST".into()));
    })
    .await;
}

#[tokio::test]
async fn what_is_no_module_is_refused_with_every_fault() {
    let world = World::new().await;
    let caller = world.administrator("main").await;
    let refused = install(&world, &caller, "random bytes", false).await;
    assert_eq!((&refused["module"], refused["userErrors"].as_array().unwrap().len()), (&Value::Null, 2));
    let name = install(&world, &caller, "Shop!@1.0.0", false).await;
    assert!(name["userErrors"][0]["message"].as_str().unwrap().contains("cannot be a key"), "{name}");
    let taken = install(&world, &caller, "standard@9.0.0", false).await;
    assert!(taken["userErrors"][0]["message"].as_str().unwrap().contains("comes with the program"), "{taken}");
    let unknown = said(&world, &caller, INSTALL, json!({"upload": "nonsense"})).await;
    assert_eq!(unknown["installModule"]["userErrors"][0]["code"], "NOT_FOUND");
    assert_eq!(modules(&world, &caller).await, ["standard@1.0.0"]);
}

#[tokio::test]
async fn modules_belong_to_one_organization_or_to_all() {
    let world = World::new().await;
    let (main, other) = (world.administrator("main").await, world.administrator("other").await);
    install(&world, &main, "shop@1.0.0", false).await;
    install(&world, &main, "all@1.0.0", true).await;
    assert_eq!(modules(&world, &main).await, ["all@1.0.0", "shop@1.0.0", "standard@1.0.0"]);
    assert_eq!(modules(&world, &other).await, ["all@1.0.0", "standard@1.0.0"]);
    let shop = said(&world, &main, "{ module(key: \"shop\") { id usedBy { job } } }", json!({})).await;
    let node = "query ($id: ID!) { node(id: $id) { id } }";
    let id = json!({"id": shop["module"]["id"]});
    assert_eq!(said(&world, &main, node, id.clone()).await["node"]["id"], id["id"]);
    assert_eq!(said(&world, &other, node, id).await, json!({"node": null}));
    let upload = world.engine.modules().upload(&main, Arc::from(*b"x@1.0.0")).await.unwrap();
    let stolen = said(&world, &other, INSTALL, json!({"upload": upload.id.to_string()})).await;
    assert_eq!(stolen["installModule"]["userErrors"][0]["code"], "NOT_FOUND");
    let admin = world.caller(Role::Admin).await;
    let own = world.engine.modules().upload(&admin, Arc::from(*b"y@1.0.0")).await.unwrap();
    let global = world.ask(&admin, INSTALL, json!({"upload": own.id.to_string(), "global": true})).await;
    assert_eq!(code(&global), "FORBIDDEN");
}

#[tokio::test]
async fn a_grant_is_all_that_a_module_may_do() {
    let world = World::new().await;
    let (root, admin) = (world.administrator("main").await, world.caller(Role::Admin).await);
    install(&world, &root, "shop@1.0.0", false).await;
    let grant = async |caller: &Access, input: Value| {
        said(&world, caller, GRANT, json!({"input": input})).await["grantModule"].clone()
    };
    let granted =
        grant(&admin, json!({"module": "shop", "http": {"hosts": ["*.example.com"], "methods": ["GET"]}})).await;
    let expected = json!({"http": {"hosts": ["*.example.com"], "methods": ["GET"], "addresses": []}});
    assert_eq!(granted, json!({"module": {"grants": expected}, "userErrors": []}));
    let unasked = grant(&admin, json!({"module": "shop", "jobs": {"keys": ["*"]}})).await;
    assert_eq!(unasked["userErrors"][0]["message"], "`shop` does not ask for `jobs`");
    let wrong = grant(&admin, json!({"module": "shop", "http": {"hosts": []}})).await;
    assert_eq!(wrong["userErrors"][0]["path"], "http.hosts");
    let absent = grant(&admin, json!({"module": "none"})).await;
    assert_eq!(
        (&absent["userErrors"][0]["code"], &absent["userErrors"][0]["path"]),
        (&json!("NOT_FOUND"), &json!("module"))
    );
    let private = json!({"module": "shop", "http": {"hosts": ["*"], "addresses": ["127.0.0.0/8"]}});
    let refused = world.ask(&admin, GRANT, json!({"input": private})).await;
    assert_eq!(code(&refused), "FORBIDDEN", "an organization does not open the server's own network");
    assert_eq!(grant(&root, private).await["userErrors"], json!([]));
    let withdrawn = grant(&admin, json!({"module": "shop"})).await;
    assert_eq!(withdrawn["module"]["grants"], json!({}));
}

#[tokio::test]
async fn an_upgrade_tells_what_would_change_before_it_changes_it() {
    let world = World::new().await;
    let caller = world.administrator("main").await;
    install(&world, &caller, "shop@1.0.0", false).await;
    world.data(SAVE, json!({"document": job("shop/send")})).await;
    let mut narrow = job("shop@=1.0.0/send");
    narrow["key"] = json!("narrow");
    world.data(SAVE, json!({"document": narrow})).await;
    install(&world, &caller, "shop@2.0.0", false).await;
    let upgrade = async |apply| {
        said(&world, &caller, UPGRADE, json!({"input": {"module": "shop", "apply": apply}})).await["upgradeModule"]
            .clone()
    };
    let told = upgrade(false).await;
    assert_eq!(told["module"]["version"], "2.0.0");
    let jobs = told["jobs"].as_array().unwrap();
    assert_eq!(
        (&jobs[0]["job"], &jobs[0]["from"], &jobs[0]["possible"], &jobs[0]["savedVersion"]),
        (&json!("mailing"), &json!("1.0.0"), &json!(true), &Value::Null)
    );
    assert_eq!((&jobs[1]["job"], &jobs[1]["possible"]), (&json!("narrow"), &json!(false)));
    assert!(jobs[1]["userErrors"][0]["message"].as_str().unwrap().contains("requires shop@=1.0.0"), "{told}");
    let applied = upgrade(true).await;
    assert_eq!(applied["jobs"][0]["savedVersion"], 2);
    assert_eq!(upgrade(true).await["jobs"].as_array().unwrap().len(), 1, "nothing is left but what cannot change");
    let users =
        said(&world, &caller, "{ module(key: \"shop\", version: \"2.0.0\") { usedBy { job version } } }", json!({}))
            .await;
    assert_eq!(users["module"]["usedBy"], json!([{"job": "mailing", "version": 2}]));
}

#[tokio::test]
async fn a_module_in_use_is_not_removed_and_the_users_are_named() {
    let world = World::new().await;
    let caller = world.administrator("main").await;
    install(&world, &caller, "shop@1.0.0", false).await;
    world.data(SAVE, json!({"document": job("shop/send")})).await;
    let remove = async |version: &str| {
        said(&world, &caller, REMOVE, json!({"module": "shop", "version": version})).await["removeModule"].clone()
    };
    let refused = remove("1.0.0").await;
    assert_eq!((&refused["removed"], &refused["usedBy"]), (&Value::Null, &json!([{"job": "mailing", "version": 1}])));
    assert_eq!(refused["userErrors"][0]["code"], "IN_USE");
    assert!(
        refused["userErrors"][0]["message"]
            .as_str()
            .unwrap()
            .starts_with("shop@1.0.0 is in use by mailing (version 1)"),
        "{refused}"
    );
    assert_eq!(
        remove("9.0.0").await["userErrors"][0]["message"],
        "The version shop@9.0.0 is not installed; these versions are: 1.0.0."
    );
    world.data(SAVE, json!({"document": {"key": "mailing", "lines": [{"filter": {}}]}})).await;
    assert_eq!(remove("1.0.0").await["removed"], "shop@1.0.0");
    assert_eq!(modules(&world, &caller).await, ["standard@1.0.0"]);
    let bundled = world.ask(&caller, REMOVE, json!({"module": "standard", "version": "1.0.0"})).await;
    assert_eq!(code(&bundled), "FORBIDDEN");
}

#[tokio::test]
async fn a_dry_run_is_marked_as_one() {
    let world = World::new().await;
    world.save("a").await;
    let start = "mutation { dryRunJob(input: {job: \"a\"}) { jobResult { dryRun } userErrors { message } } }";
    let started = world.data(start, json!({})).await;
    assert_eq!(started["dryRunJob"], json!({"jobResult": {"dryRun": true}, "userErrors": []}));
    world.work().await;
    let seen = world.data("{ jobResults { nodes { dryRun status lines { effects { summary } } } } }", json!({})).await;
    assert_eq!(seen["jobResults"]["nodes"][0]["status"], "SUCCESS");
    world.start("a").await;
    let since = world.data("{ jobResults(first: 1) { nodes { dryRun since } } }", json!({})).await;
    assert_eq!(since["jobResults"]["nodes"], json!([{"dryRun": false, "since": null}]), "a dry run is no success");
}
