//! HTTP, over a real socket.

use std::time::Duration;

use engine::model::organization::Role;
use engine::model::token::ChosenSecret;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::client::{Running, served};
use super::world::World;
use crate::options::Options;

const JSON: &str = "Content-Type: application/json\r\n";

#[tokio::test]
async fn a_query_is_answered_in_json() {
    let world = World::new().await;
    served(world.engine.clone(), Options::default(), async |server| {
        let query =
            "query Who($x: String!) { viewer { who role } action(name: $x) { name } } query Else { __typename }";
        let body = json!({"query": query, "operationName": "Who", "variables": {"x": "sort"}});
        let answer = server.post(&world.root, &body).await;
        assert!(
            answer.head.contains("content-type: application/json") && answer.head.contains("cache-control: no-store")
        );
        let data = json!({"viewer": {"who": "token root", "role": "ADMIN"}, "action": {"name": "standard/sort"}});
        assert_eq!((answer.status, answer.json()), (200, json!({"data": data})));
    })
    .await;
}

#[tokio::test]
async fn metrics_are_behind_a_token_if_one_is_configured() {
    let world = World::new().await;
    let secret = "0123456789abcdef";
    let options = Options { metrics_token: Some(ChosenSecret::read(secret).unwrap()), ..Options::default() };
    served(world.engine.clone(), options, async |server| {
        for headers in [
            "".to_owned(),
            format!("Authorization: Bearer {}\r\n", world.root),
            format!("Authorization: Basic {secret}\r\n"),
        ] {
            let answer = server.call("GET /metrics", &headers, b"").await;
            assert_eq!(answer.refusal(), (401, "UNAUTHENTICATED".into()), "{headers}");
            assert!(answer.head.contains("www-authenticate: bearer"), "{}", answer.head);
        }
        let headers = format!("Authorization: Bearer {secret}\r\n");
        assert_eq!(server.call("GET /metrics", &headers, b"").await.status, 200);
    })
    .await;
    served(world.engine.clone(), Options::default(), async |server| {
        assert_eq!(server.call("GET /metrics", "", b"").await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_damaged_database_is_shown_to_those_who_ask_and_to_monitors() {
    let world = World::new().await;
    served(world.engine.clone(), Options::default(), async |server| {
        let query = json!({"query": "{ serverInfo { databaseCheck { at faults whatToDo } } }"});
        let asked =
            async || server.post(&world.root, &query).await.json()["data"]["serverInfo"]["databaseCheck"].take();
        assert_eq!(asked().await, json!(null), "before the first check");
        world.engine.note_database_check(vec!["table jobs: page 7".into(), "table jobs: page 8".into()]);
        let found = asked().await;
        assert_eq!((&found["at"], &found["faults"]), (&json!("2026-03-01T08:00:00.000000Z"), &json!(2)));
        assert!(found["whatToDo"].as_str().unwrap().contains("restore the database from a backup"));
        let metrics = server.call("GET /metrics", "", b"").await.body;
        assert!(String::from_utf8_lossy(&metrics).contains("ropewalk_database_faults 2"));
        world.engine.note_database_check(Vec::new());
        assert_eq!((&asked().await["faults"], &asked().await["whatToDo"]), (&json!(0), &json!(null)));
    })
    .await;
}

#[tokio::test]
async fn only_posted_json_is_taken() {
    let world = World::new().await;
    let body = json!({"query": "mutation { createToken(input: {name: \"t\", server: true}) { token } }"}).to_string();
    let bearer = format!("Authorization: Bearer {}\r\n", world.root);
    served(world.engine.clone(), Options::default(), async |server| {
        for method in ["GET", "PUT", "DELETE", "PATCH"] {
            let line = format!(
                "{method} /graphql?query=mutation%7BcreateToken(input:%7Bname:%22t%22,server:true%7D)%7Btoken%7D%7D"
            );
            let answer = server.call(&line, &format!("{bearer}{JSON}"), b"").await;
            assert_eq!(answer.refusal(), (405, "BAD_REQUEST".into()), "{method}");
            assert!(answer.head.contains("allow: post"));
        }
        let kinds = [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/json-seq",
            "",
        ];
        for kind in kinds {
            let headers = format!("{bearer}Content-Type: {kind}\r\n");
            let answer = server.call("POST /graphql", &headers, body.as_bytes()).await;
            assert_eq!(answer.refusal(), (415, "BAD_REQUEST".into()), "{kind}");
        }
        let answer = server
            .call(
                "POST /graphql",
                &format!("{bearer}Content-Type: Application/JSON; charset=utf-8\r\n"),
                body.as_bytes(),
            )
            .await;
        assert_eq!(answer.status, 200);
    })
    .await;
}

#[tokio::test]
async fn batches_and_what_is_no_request_are_refused() {
    let world = World::new().await;
    served(world.engine.clone(), Options::default(), async |server| {
        let batch = json!(vec![json!({"query": "{ __typename }"}); 2_000]);
        assert_eq!(server.post(&world.root, &batch).await.refusal(), (400, "BAD_REQUEST".into()));
        assert!(
            server.post(&world.root, &batch).await.json()["errors"][0]["message"].as_str().unwrap().contains("Batches")
        );
        for body in ["", "{", "null", "{\"query\": 1}", "{\"query\": \"{ __typename }\", \"variables\": 1}"] {
            let headers = format!("Authorization: Bearer {}\r\n{JSON}", world.root);
            let answer = server.call("POST /graphql", &headers, body.as_bytes()).await;
            assert_eq!(answer.refusal(), (400, "BAD_REQUEST".into()), "{body}");
        }
        for query in ["", "{", "{ nothing }", "subscription { jobResultChanged(id: \"x\") { id } }"] {
            let answer = server.post(&world.root, &json!({"query": query})).await;
            assert_eq!(answer.refusal(), (400, "BAD_REQUEST".into()), "{query}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_huge_body_is_refused_whether_it_is_announced_or_not() {
    let world = World::new().await;
    served(world.engine.clone(), Options::default(), async |server| {
        let huge = vec![b' '; 8 << 20];
        let headers = format!("Authorization: Bearer {}\r\n{JSON}", world.root);
        assert_eq!(server.call("POST /graphql", &headers, &huge).await.refusal(), (413, "TOO_LARGE".into()));
        assert_eq!(chunked(server, &headers, 2_000).await, 413);
        assert_eq!(chunked(server, &headers, 2).await, 400);
    })
    .await;
}

/// Sends chunks of a kibibyte, without saying how many; the status.
async fn chunked(server: &Running, headers: &str, chunks: usize) -> u16 {
    use tokio::io::AsyncReadExt;
    let (mut read, mut write) = TcpStream::connect(&server.address).await.unwrap().into_split();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n{headers}\r\n"
    );
    let sender = tokio::spawn(async move {
        let _ = write.write_all(head.as_bytes()).await;
        for _ in 0..chunks {
            let _ = write.write_all(format!("400\r\n{}\r\n", " ".repeat(1024)).as_bytes()).await;
        }
        let _ = write.write_all(b"0\r\n\r\n").await;
        write
    });
    let mut status = [0; 12];
    read.read_exact(&mut status).await.unwrap();
    sender.abort();
    std::str::from_utf8(&status[9..]).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let world = World::new().await;
    let options = Options { timeout: Duration::from_millis(200), ..Default::default() };
    served(world.engine.clone(), options, async |server| {
        let headers = format!("Authorization: Bearer {}\r\n{JSON}Transfer-Encoding: chunked\r\n", world.root);
        let mut stream = TcpStream::connect(&server.address).await.unwrap();
        stream
            .write_all(format!("POST /graphql HTTP/1.1\r\nHost: x\r\n{headers}\r\n400\r\n").as_bytes())
            .await
            .unwrap();
        let mut status = [0; 12];
        let read = tokio::io::AsyncReadExt::read_exact(&mut stream, &mut status);
        tokio::time::timeout(Duration::from_secs(5), read).await.unwrap().unwrap();
        assert_eq!(&status[9..], b"503");
    })
    .await;
}

#[tokio::test]
async fn without_a_good_token_there_is_a_challenge() {
    let world = World::new().await;
    let end = "2026-03-01T08:00:01Z".parse().unwrap();
    let short = world.token_until(Role::Viewer, Some(end)).await;
    let body = json!({"query": "{ viewer { organization { key } } }"});
    served(world.engine.clone(), Options::default(), async |server| {
        assert_eq!(server.post(&short, &body).await.status, 200);
        world.clock.advance(chrono::TimeDelta::seconds(1));
        let other = world.root.replace(&world.root[world.root.len() - 4..], "AAAA");
        for token in ["", "nonsense", &other, &short] {
            let answer = server.post(token, &body).await;
            assert_eq!(answer.refusal(), (401, "UNAUTHENTICATED".into()), "{token}");
            assert!(answer.head.contains("www-authenticate: bearer realm=\"ropewalk\""), "{}", answer.head);
        }
        let answer = server.call("POST /graphql", JSON, body.to_string().as_bytes()).await;
        assert_eq!(answer.refusal(), (401, "UNAUTHENTICATED".into()));
    })
    .await;
}

#[tokio::test]
async fn a_server_token_chooses_its_organization_and_another_cannot() {
    let world = World::new().await;
    let viewer = world.token(Role::Viewer).await;
    let body = json!({"query": "{ organization { key } }"}).to_string();
    served(world.engine.clone(), Options::default(), async |server| {
        for (token, organization, expected) in [
            (&world.root, "other", 200),
            (&world.root, "nowhere", 401),
            (&viewer, "main", 200),
            (&viewer, "other", 401),
        ] {
            let headers = format!("Authorization: Bearer {token}\r\n{JSON}Ropewalk-Organization: {organization}\r\n");
            let answer = server.call("POST /graphql", &headers, body.as_bytes()).await;
            assert_eq!(answer.status, expected, "{organization}");
            if expected == 200 {
                assert_eq!(answer.json()["data"]["organization"]["key"], organization);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_supervisor_is_answered() {
    let world = World::new().await;
    served(world.engine.clone(), Options::default(), async |server| {
        for path in ["/healthz", "/readyz"] {
            assert_eq!(server.call(&format!("GET {path}"), "", b"").await.status, 200, "{path}");
        }
        assert_eq!(server.call("GET /nothing", "", b"").await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn a_node_that_is_paused_says_so_and_not_more() {
    let world = World::new().await;
    world.save("a").await;
    world.results.broken.store(true, std::sync::atomic::Ordering::SeqCst);
    served(world.engine.clone(), Options::default(), async |server| {
        let start = json!({"query": "mutation { runJob(input: {job: \"a\", since: \"2026-01-01T00:00:00Z\"}) { userErrors { code } } }"});
        let refused = server.post(&world.root, &start).await.json();
        assert_eq!(refused["errors"][0]["extensions"]["code"], "UNAVAILABLE");
        let ready = server.call("GET /readyz", "", b"").await;
        assert_eq!((ready.status, &ready.json()["reason"]), (503, &json!("store-away")));
        let info = server.post(&world.root, &json!({"query": "{ serverInfo { paused { since reason } } }"})).await;
        let paused = info.json()["data"]["serverInfo"]["paused"].take();
        assert_eq!(paused["since"], "2026-03-01T08:00:00.000000Z");
        for told in [paused.to_string(), ready.json().to_string(), refused.to_string()] {
            assert!(!told.contains("hunter2"), "{told}");
        }
        assert_eq!(server.call("GET /healthz", "", b"").await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn the_page_and_its_files_are_served_and_can_be_left_out() {
    let world = World::new().await;
    served(world.engine.clone(), Options::default(), async |server| {
        let page = server.call("GET /graphiql", "", b"").await;
        assert!(
            page.status == 200 && page.head.contains("content-security-policy: default-src 'none'; script-src 'self';")
        );
        let page = String::from_utf8(page.body).unwrap();
        for path in page.split('"').filter(|part| part.starts_with("/graphiql/")) {
            let file = server.call(&format!("GET {path}"), "", b"").await;
            let packed = file.head.contains("content-encoding: gzip");
            assert!(
                file.status == 200 && packed != (path.ends_with("start.js") || path.ends_with("page.css")),
                "{path}: {}",
                file.head
            );
        }
        assert_eq!(server.call("GET /graphiql/Cargo.toml", "", b"").await.status, 404);
    })
    .await;
    served(world.engine.clone(), Options { graphiql: false, ..Default::default() }, async |server| {
        assert_eq!(server.call("GET /graphiql", "", b"").await.status, 404);
    })
    .await;
}
