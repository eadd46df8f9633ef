//! The server, over its sockets, with clients that nobody here wrote.

use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::served::Server;
use crate::support::{folder, program, root};

fn job(lines: Value) -> Value {
    json!({"key": "a-job", "name": "A job", "lines": lines})
}

fn three_lines() -> Value {
    json!([
        {"name": "few", "filter": {"source": {"inline": [{"n": 3}, {"n": 1}, {"n": 2}]}, "where": {"n": {"gte": 2}}}},
        {"action": "sort", "parameters": {"by": ["n"]}},
        {"name": "half", "action": "js", "parameters": {"script": "return records.map(r => ({ ...r, half: r.n / 2, on: ctx.today }))"}},
    ])
}

#[test]
fn a_job_is_saved_run_polled_and_still_there_after_a_restart() {
    let data = folder();
    let server = Server::start(data.path());
    let token = server.token().to_owned();
    let saved = server.save(&token, job(three_lines()));
    assert_eq!(saved["job"], json!({"key": "a-job", "version": 1}));
    let id = server.start_job(&token, "a-job");
    let result = server.await_end(&token, &id);
    assert_eq!(result["status"], "SUCCESS", "{result:#}");
    assert_eq!(result["lines"][2]["sample"]["records"][1]["half"], 1.5);
    server.crash();

    let again = Server::start_again(data.path());
    assert_eq!(again.result(&token, &id), result);
    let second = again.start_job(&token, "a-job");
    assert_eq!(again.await_end(&token, &second)["status"], "SUCCESS");
    let listed = again.ask(
        &token,
        "{ jobResults(first: 10) { totalCount edges { node { id } } } jobs(first: 10) { edges { node { key } } } }",
        json!({}),
    );
    assert_eq!(listed["jobResults"]["totalCount"], 2);
    assert_eq!(listed["jobResults"]["edges"][0]["node"]["id"], json!(second), "newest first");
    let printed = again.crash();
    assert!(!printed.iter().any(|line| line.contains("rw_")), "the token is shown only once: {printed:?}");
}

#[test]
fn many_starts_of_one_call_follow_one_another() {
    let data = folder();
    let server = Server::start(data.path());
    let token = server.token().to_owned();
    let wait = json!([{"action": "js", "parameters": {"script": "for (;;) {}"}}]);
    server.save(&token, json!({"key": "a-job", "overlap": "replace", "lines": wait}));
    let start = |title: usize| json!({"job": "a-job", "title": title.to_string()});
    let starts: Vec<_> = (1..=500).map(start).collect();
    let run = "mutation ($starts: [RunJobInput!]!) { runJobs(input: {starts: $starts}) {
        starts { jobResult { id title } userErrors { message } } userErrors { message } } }";
    let answer = server.ask(&token, run, json!({"starts": starts}));
    let titles: Vec<_> = answer["runJobs"]["starts"]
        .as_array()
        .expect("starts")
        .iter()
        .map(|start| &start["jobResult"]["title"])
        .collect();
    assert_eq!(
        titles,
        (1..=500).map(|title: usize| json!(title.to_string())).collect::<Vec<_>>().iter().collect::<Vec<_>>()
    );
    let open = "{ pending: jobResults(status: PENDING) { nodes { title } } running: jobResults(status: RUNNING) { nodes { title } } }";
    let open = server.ask(&token, open, json!({}));
    let left: Vec<_> =
        ["pending", "running"].iter().flat_map(|status| open[status]["nodes"].as_array().expect("nodes")).collect();
    assert_eq!(left, [&json!({"title": "500"})], "each start replaces the one before it");
}

#[test]
fn work_cut_by_a_crash_goes_on_at_the_next_start() {
    let data = folder();
    let server = Server::start(data.path());
    let token = server.token().to_owned();
    server.save(&token, job(json!([{"action": "js", "timeout": "700ms", "onError": "continue", "parameters": {"script": "for (;;) {}"}}, {"action": "set", "parameters": {}}])));
    let id = server.start_job(&token, "a-job");
    while server.result(&token, &id)["status"] != "RUNNING" {}
    server.crash();
    let again = Server::start_again(data.path());
    let result = again.await_end(&token, &id);
    assert_eq!(
        (result["status"].as_str(), result["lines"].as_array().map(Vec::len)),
        (Some("ERROR"), Some(2)),
        "{result:#}"
    );
}

#[test]
fn a_running_job_is_killed_at_once_and_for_good() {
    let data = folder();
    let server = Server::start(data.path());
    let token = server.token().to_owned();
    server.save(&token, job(json!([{"name": "spin", "action": "js", "parameters": {"script": "for (;;) {}"}}])));
    let id = server.start_job(&token, "a-job");
    while server.result(&token, &id)["lines"].as_array().is_none_or(Vec::is_empty) {}
    let query = "mutation($input: KillJobResultInput!) { killJobResult(input: $input) { jobResult { status message } userErrors { code } } }";
    let kill =
        || server.ask(&token, query, json!({"input": {"id": id, "reason": "too slow"}}))["killJobResult"].clone();
    let killed = kill();
    assert_eq!(killed["jobResult"]["status"], "KILLED", "{killed:#}");
    let message = killed["jobResult"]["message"].as_str().expect("a message");
    assert!(message.starts_with("Killed by token first administrator (too slow) in line 10 (spin)"), "{message}");
    assert_eq!(kill()["userErrors"][0]["code"], "ALREADY_FINISHED");
    let result = server.result(&token, &id);
    assert_eq!((result["status"].as_str(), result["lines"][0]["status"].as_str()), (Some("KILLED"), Some("KILLED")));
}

#[test]
fn bad_input_is_answered_with_its_place_and_cure() {
    let data = folder();
    std::fs::write(data.path().join("secret.jsonl"), "{\"a\": 1}").expect("a file");
    let server = Server::start(data.path());
    let token = server.token();
    let refused = server
        .save(token, job(json!([{"action": "sorrt"}, {"action": "set", "parameters": {"add": {"a": "$<tody>"}}}])));
    let told: Vec<_> = refused["userErrors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|error| format!("{} {}", error["code"], error["path"]))
        .collect();
    assert_eq!(told.len(), 2, "{refused:#}");
    assert!(refused["userErrors"].to_string().contains("did you mean `sort`"), "{refused:#}");
    assert_eq!(server.run_job(token, json!({"job": "nope"}))["userErrors"][0]["code"], "NOT_FOUND");
    server.save(token, job(json!([{"filter": {"source": {"file": "../secret.jsonl"}}}])));
    let id = server.start_job(token, "a-job");
    let result = server.await_end(token, &id);
    assert!(
        result["message"].as_str().expect("a message").contains("outside the organization's folder on the server"),
        "{result:#}"
    );
    assert_eq!(server.post("rw_wrong", &json!({"query": "{ viewer { who } }"})).0, 401);
}

#[test]
fn files_below_the_data_folder_are_sources() {
    let data = folder();
    let server = Server::start(data.path());
    std::fs::create_dir_all(data.path().join("files/main")).expect("a folder");
    std::fs::write(data.path().join("files/main/cities.csv"), "name\nVigo\n").expect("a file");
    server.save(server.token(), job(json!([{"filter": {"source": {"file": "cities.csv"}}}])));
    let id = server.start_job(server.token(), "a-job");
    let result = server.await_end(server.token(), &id);
    assert_eq!(result["lines"][0]["sample"]["records"], json!([{"name": "Vigo"}]));
}

#[test]
fn organizations_do_not_see_each_other() {
    let data = folder();
    let server = Server::start(data.path());
    let root = server.token();
    let create = "mutation { createOrganization(input: {key: \"other\", name: \"Other\"}) { organization { key } userErrors { code } } }";
    assert_eq!(server.ask(root, create, json!({}))["createOrganization"]["organization"]["key"], "other");
    let viewer = "mutation { createToken(input: {name: \"eyes\", role: VIEWER}) { token userErrors { code } } }";
    let eyes = server.ask(root, viewer, json!({}))["createToken"]["token"].as_str().expect("a token").to_owned();
    server.save(root, job(three_lines()));
    let id = server.start_job(root, "a-job");
    server.await_end(root, &id);
    assert_eq!(server.result(&eyes, &id)["status"], "SUCCESS");
    let refused =
        server.post(&eyes, &json!({"query": "mutation { runJob(input: {job: \"a-job\"}) { jobResult { id } } }"})).1;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN", "{refused:#}");
    let agent = ureq::Agent::new_with_defaults();
    let query = json!({"query": "query($id: ID!) { jobResult(id: $id) { status } jobs(first: 5) { edges { node { key } } } }", "variables": {"id": id}});
    let mut elsewhere = agent
        .post(format!("http://{}/graphql", server.address))
        .header("Authorization", format!("Bearer {root}"))
        .header("Ropewalk-Organization", "other")
        .send_json(&query)
        .expect("an answer");
    let seen: Value = elsewhere.body_mut().read_json().expect("JSON");
    assert_eq!(seen["data"], json!({"jobResult": null, "jobs": {"edges": []}}), "{seen:#}");
}

#[tokio::test]
async fn a_subscription_tells_every_status_until_the_end() {
    let data = folder();
    let server = Server::start(data.path());
    server.save(server.token(), job(three_lines()));
    let stream = tokio::net::TcpStream::connect(&server.address).await.expect("a connection");
    let mut request = format!("ws://{}/graphql/ws", server.address).into_client_request().expect("a request");
    request.headers_mut().insert("Sec-WebSocket-Protocol", "graphql-transport-ws".parse().expect("a header"));
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.expect("a socket");
    let init = json!({"type": "connection_init", "payload": {"authorization": format!("Bearer {}", server.token())}});
    socket.send(Message::text(init.to_string())).await.expect("sent");
    let id = server.start_job(server.token(), "a-job");
    let query = "subscription($id: ID!) { jobResultChanged(id: $id) { status lines { status } } }";
    let subscribe = json!({"type": "subscribe", "id": "1", "payload": {"query": query, "variables": {"id": id}}});
    socket.send(Message::text(subscribe.to_string())).await.expect("sent");
    let mut last = Value::Null;
    let told = async {
        while let Some(Ok(message)) = socket.next().await {
            let message: Value = serde_json::from_str(message.to_text().expect("text")).unwrap_or_default();
            match message["type"].as_str() {
                Some("next") => last = message["payload"]["data"]["jobResultChanged"].clone(),
                Some("complete") => return,
                Some("error") => panic!("{message:#}"),
                _ => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), told).await.expect("the subscription completes");
    assert_eq!(last["status"], "SUCCESS");
    assert_eq!(last["lines"].as_array().map(Vec::len), Some(3));
}

#[test]
fn the_page_to_try_the_api_asks_nobody_else() {
    let data = folder();
    let server = Server::start(data.path());
    let mut page = ureq::get(format!("http://{}/graphiql", server.address)).call().expect("a page");
    let html = page.body_mut().read_to_string().expect("text");
    assert!(html.contains("graphiql"), "{html}");
    assert!(!html.contains("//unpkg") && !html.contains("https://"), "{html}");
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let data = folder();
    let _server = Server::start(data.path());
    let second = program()
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data.path())
        .output()
        .expect("the program starts");
    assert_eq!(second.status.code(), Some(3));
    assert!(!second.stderr.is_empty());
}

#[test]
fn a_first_start_on_a_taken_port_keeps_the_token_for_the_next() {
    let data = folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let refused = program().args(["serve", "--listen", &address, "--data-dir"]).arg(data.path()).output();
    let refused = refused.expect("the program starts");
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("cannot listen on"), "{refused:?}");
    let server = Server::start(data.path());
    assert!(server.token().starts_with("rw_"));
}

#[cfg(unix)]
#[test]
fn a_server_that_is_asked_to_stop_stops() {
    let data = folder();
    let mut server = Server::start(data.path());
    let id = server.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).current_dir(root()).status().expect("kill runs").success());
    let deadline = Instant::now() + Duration::from_secs(10);
    while server.child.try_wait().expect("a child").is_none() {
        assert!(Instant::now() < deadline, "the server goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
}
