//! Webhooks of the built program: made through its API, used by a sender that has the address only.

use ring::hmac::{HMAC_SHA256, Key, sign};
use serde_json::{Value, json};

use crate::served::Server;
use crate::support::folder;

const CREATE: &str = "mutation($input: CreateWebhookInput!) { createWebhook(input: $input) {
    webhook { key signed } path signingSecret userErrors { code message } } }";

fn job() -> Value {
    let lines = json!([
        {"name": "large", "filter": {"where": {"total": {"gte": 100}}}},
        {"action": "sort", "parameters": {"by": ["total"]}},
    ]);
    json!({"key": "orders", "name": "Orders", "lines": lines})
}

/// Status and answer of a message.
fn send(server: &Server, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request = agent.post(format!("http://{}{path}", server.address)).header("Content-Type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut answer = request.send(body).expect("an answer");
    (answer.status().as_u16(), answer.body_mut().read_json().expect("JSON"))
}

fn signed(secret: &str, body: &str) -> String {
    let tag = sign(&Key::new(HMAC_SHA256, secret.as_bytes()), body.as_bytes());
    tag.as_ref().iter().fold("sha256=".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

#[test]
fn a_signed_message_starts_a_job_once_and_survives_a_crash() {
    let data = folder();
    let server = Server::start(data.path());
    let token = server.token().to_owned();
    server.save(&token, job());
    let input = json!({"job": "orders", "key": "shop", "signed": true});
    let made = server.ask(&token, CREATE, json!({"input": input}))["createWebhook"].clone();
    assert_eq!(made["webhook"], json!({"key": "shop", "signed": true}), "{made:#}");
    let (path, secret) = (made["path"].as_str().expect("a path"), made["signingSecret"].as_str().expect("a secret"));
    let body = r#"[{"total": 250}, {"total": 30}, {"total": 120}]"#;
    let signature = signed(secret, body);
    let headers = [("X-Hub-Signature-256", signature.as_str()), ("X-GitHub-Delivery", "7d1")];
    let (status, first) = send(&server, path, &headers, body);
    assert_eq!(status, 202, "{first:#}");
    let id = first["jobResult"].as_str().expect("an id").to_owned();
    let result = server.await_end(&token, &id);
    assert_eq!((&result["status"], &result["recordsOut"]), (&json!("SUCCESS"), &json!(2)), "{result:#}");
    assert_eq!(result["lines"][1]["sample"]["records"], json!([{"total": 120}, {"total": 250}]));
    let forged = send(&server, path, &[("X-Hub-Signature-256", &signed("whsec_AAAA", body))], body);
    assert_eq!((forged.0, &forged.1["errors"][0]["extensions"]["code"]), (401, &json!("UNAUTHENTICATED")));
    let printed = server.crash();
    assert!(!printed.iter().any(|line| line.contains("rwh_") || line.contains("whsec_")), "{printed:?}");
    nothing_secret_is_stored(data.path(), path, secret);

    let again = Server::start_again(data.path());
    let (status, repeated) = send(&again, path, &headers, body);
    assert_eq!((status, &repeated["jobResult"]), (202, &json!(id)), "it is the same message");
    let counted = again.ask(&token, "{ jobResults { totalCount nodes { startedBy } } }", json!({}));
    assert_eq!(counted["jobResults"], json!({"totalCount": 1, "nodes": [{"startedBy": "webhook shop"}]}));
    let delete = "mutation { deleteWebhook(input: {job: \"orders\", key: \"shop\"}) { deleted } }";
    assert_eq!(again.ask(&token, delete, json!({}))["deleteWebhook"]["deleted"], true);
    let gone = send(&again, path, &headers, body);
    assert_eq!((gone.0, gone), (404, send(&again, "/hooks/nothing", &headers, body)));
}

/// Neither the address nor what signs stands in any file.
fn nothing_secret_is_stored(data: &std::path::Path, path: &str, secret: &str) {
    let token = path.splitn(3, '_').nth(2).expect("a secret part").as_bytes();
    let signing = secret.strip_prefix("whsec_").expect("a prefix").as_bytes();
    let mut looked_at = 0;
    for entry in std::fs::read_dir(data).expect("a folder").flatten().filter(|entry| entry.path().is_file()) {
        let bytes = std::fs::read(entry.path()).expect("a file");
        looked_at += bytes.len();
        for part in [&token[..40], &signing[..40]] {
            assert!(!bytes.windows(part.len()).any(|window| window == part), "{:?}", entry.path());
        }
    }
    assert!(looked_at > 4096, "there is a database");
}
