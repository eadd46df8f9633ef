//! A line that is tried again is tried when it said so, also by a server that has nothing else to do.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::ledger::Ledger;
use crate::served::Server;
use crate::support::folder;

#[test]
fn a_retry_comes_in_time_on_a_server_at_rest() {
    let (data, ledger) = (folder(), Ledger::open());
    let server = Server::start(data.path());
    let token = server.token().to_owned();
    let grant = "mutation { grantModule(input: {module: \"http\", http: {hosts: [\"*\"], addresses: [\"127.0.0.0/8\"]}}) { userErrors { message } } }";
    server.ask(&token, grant, json!({}));
    // The ledger is busy the first two times.
    let line = json!({"action": "http.request", "retry": {"attempts": 3, "delay": "50ms"},
        "parameters": {"url": format!("http://{}/busy", ledger.address), "method": "POST", "body": {"a": 1}}});
    server.save(&token, json!({"key": "busy", "lines": [line]}));
    let (began, id) = (Instant::now(), server.start_job(&token, "busy"));
    let result = server.await_end(&token, &id);
    assert_eq!(result["status"], "SUCCESS", "{result:#}");
    assert!(began.elapsed() < Duration::from_secs(5), "it slept through the wait");
    let keys: Vec<_> = ledger.entries().into_iter().map(|entry| entry.key).collect();
    assert!(keys.len() == 3 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}
