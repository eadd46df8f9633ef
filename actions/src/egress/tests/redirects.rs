//! Where redirects may lead, and which headers go there.

use serde_json::json;

use super::support::{
    Names, Server, Trap, answer, client, client_of, get, grants, grants_here, header, redirect, send_as,
};
use crate::egress::{Error, Limits, Policy, Request};

/// A server that redirects `/` and answers everything else.
async fn redirecting(status: &'static str, location: impl Into<String>) -> Server {
    let location = location.into();
    let first = move |request: &str| request.split(' ').nth(1) == Some("/");
    Server::answering(move |request| match first(request) {
        true => redirect(status, &location),
        false => answer("200 OK", &[], "end"),
    })
    .await
}

async fn refused_to(location: &str) -> Error {
    let server = redirecting("302 Found", location).await;
    let names = Names::of(&[("inner.example", &[&["127.0.0.2"]]), ("both.example", &[&["127.0.0.1", "127.0.0.2"]])]);
    let error =
        send_as(&client_of(&names, Limits::default()), get(server.port, "/"), &grants_here()).await.unwrap_err();
    assert_eq!(server.seen().len(), 1);
    error
}

#[tokio::test]
async fn every_hop_is_checked_again() {
    // The first server is granted as 127.0.0.1; the trap is elsewhere on the loopback.
    let trap = Trap::at("127.0.0.2");
    for place in ["127.0.0.2", "2130706434", "[::ffff:127.0.0.2]", "inner.example", "both.example", "[::1]", "0"] {
        let error = refused_to(&format!("http://{place}:{}/", trap.port)).await;
        assert!(matches!(&error, Error::Refused(message) if message.contains("not public")), "{place}: {error:?}");
        assert!(trap.is_untouched(), "{place}");
    }
}

#[tokio::test]
async fn https_is_tested_like_http() {
    let trap = Trap::at("127.0.0.2");
    let error = refused_to(&format!("https://127.0.0.2:{}/", trap.port)).await;
    assert!(matches!(error, Error::Refused(_)), "{error:?}");
    assert!(trap.is_untouched());
}

#[tokio::test]
async fn redirects_that_lead_out_of_http_are_refused() {
    let locations =
        ["file:///etc/passwd", "ftp://a.example/", "javascript:1", "data:,x", "http://", "http://[::1%25lo]/"];
    for location in locations {
        let error = refused_to(location).await;
        assert!(matches!(&error, Error::Refused(message) if message.contains("redirects")), "{location}: {error:?}");
    }
}

#[tokio::test]
async fn redirects_with_a_user_are_refused() {
    let trap = Trap::at("127.0.0.1");
    let error = refused_to(&format!("http://good.example@127.0.0.1:{}/", trap.port)).await;
    assert!(matches!(&error, Error::Refused(message) if message.contains("user name before its host")), "{error:?}");
    assert!(trap.is_untouched());
}

#[tokio::test]
async fn a_name_that_changes_between_hops_is_caught() {
    let trap = Trap::at("127.0.0.2");
    let server = redirecting("307 Temporary Redirect", format!("http://changing.example:{}/", trap.port)).await;
    let names = Names::of(&[("changing.example", &[&["127.0.0.1"], &["127.0.0.2"]])]);
    let request = Request::new("GET", format!("http://changing.example:{}/", server.port));
    let error = send_as(&client_of(&names, Limits::default()), request, &grants_here()).await.unwrap_err();
    assert!(matches!(&error, Error::Refused(message) if message.contains("127.0.0.2")), "{error:?}");
    assert!(trap.is_untouched());
}

#[tokio::test]
async fn every_hop_needs_its_grant() {
    let trap = Trap::at("127.0.0.1");
    let names = Names::of(&[("good.example", &[&["127.0.0.1"]]), ("other.example", &[&["127.0.0.1"]])]);
    let server = redirecting("302 Found", format!("http://other.example:{}/", trap.port)).await;
    let granted = grants(json!({"hosts": ["good.example"], "addresses": ["127.0.0.1"]}));
    let request = Request::new("GET", format!("http://good.example:{}/", server.port));
    let error = send_as(&client_of(&names, Limits::default()), request, &granted).await.unwrap_err();
    assert!(matches!(&error, Error::Denied(denial) if denial.grant == "http=other.example"), "{error:?}");
    assert_eq!(names.asked(), ["good.example"]);
    assert!(trap.is_untouched());
}

#[tokio::test]
async fn the_method_of_each_hop_needs_its_grant() {
    let server = redirecting("303 See Other", "/there").await;
    let granted = grants(json!({"hosts": ["*"], "methods": ["POST"], "addresses": ["127.0.0.1"]}));
    let request = Request { method: "POST".into(), ..get(server.port, "/") };
    let error = send_as(&client(Limits::default()), request, &granted).await.unwrap_err();
    assert!(matches!(&error, Error::Denied(denial) if denial.grant == "http.methods=GET"), "{error:?}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn methods_and_bodies_follow_as_the_status_says() {
    let cases = [
        ("301 Moved Permanently", "POST", "GET", false),
        ("302 Found", "POST", "GET", false),
        ("303 See Other", "POST", "GET", false),
        ("303 See Other", "PUT", "GET", false),
        ("303 See Other", "HEAD", "HEAD", true),
        ("301 Moved Permanently", "PUT", "PUT", true),
        ("302 Found", "DELETE", "DELETE", true),
        ("307 Temporary Redirect", "POST", "POST", true),
        ("308 Permanent Redirect", "PATCH", "PATCH", true),
    ];
    for (status, method, then, keeps) in cases {
        let server = redirecting(status, "/there").await;
        let headers = vec![("Content-Type".to_owned(), "text/plain".to_owned())];
        let body = Some(b"hello".to_vec());
        let request = Request { method: method.into(), headers, body, ..get(server.port, "/") };
        let got = client(Limits::default()).send(request, Policy::Unrestricted).await.unwrap();
        let second = &server.seen()[1];
        assert!(second.starts_with(&format!("{then} /there ")), "{status} {method}: {second}");
        assert_eq!(second.ends_with("hello"), keeps, "{status} {method}: {second}");
        assert_eq!(header(second, "content-type").is_some(), keeps, "{status} {method}: {second}");
        assert_eq!(got.url, format!("http://127.0.0.1:{}/there", server.port));
        let hops: Vec<_> = got.hops.iter().map(|hop| (hop.method.as_str(), hop.status)).collect();
        assert_eq!(hops, [(method, status[..3].parse().unwrap()), (then, 200)]);
    }
}

#[tokio::test]
async fn other_answers_are_no_redirects() {
    let cases = [
        answer("300 Multiple Choices", &[("Location", "/there")], "x"),
        answer("304 Not Modified", &[("Location", "/there")], ""),
        answer("201 Created", &[("Location", "/there")], "x"),
        answer("302 Found", &[], "x"),
    ];
    for response in cases {
        let server = Server::saying(response).await;
        let got = client(Limits::default()).send(get(server.port, "/"), Policy::Unrestricted).await.unwrap();
        assert_eq!((server.seen().len(), got.hops.len()), (1, 1), "{got:?}");
    }
}

#[tokio::test]
async fn a_request_that_does_not_follow_gets_the_redirect() {
    let server = redirecting("302 Found", "http://127.0.0.2:1/").await;
    let request = Request { follow: false, ..get(server.port, "/") };
    let got = send_as(&client(Limits::default()), request, &grants_here()).await.unwrap();
    assert_eq!(got.status, 302);
    assert!(got.headers.contains(&("location".to_owned(), "http://127.0.0.2:1/".to_owned())), "{got:?}");
}

#[tokio::test]
async fn relative_locations_are_joined() {
    let cases = [("there", "/a/there"), ("../there", "/there"), ("/there?x=1", "/there?x=1"), ("?x=1", "/a/b?x=1")];
    for (location, target) in cases {
        let server = Server::answering(move |request| match request.starts_with("GET /a/b ") {
            true => redirect("302 Found", location),
            false => answer("200 OK", &[], ""),
        })
        .await;
        let got = client(Limits::default()).send(get(server.port, "/a/b"), Policy::Unrestricted).await.unwrap();
        assert_eq!(got.url, format!("http://127.0.0.1:{}{target}", server.port), "{location}");
    }
}

#[tokio::test]
async fn loops_and_long_chains_end() {
    let endless = Server::saying(redirect("302 Found", "/")).await;
    let error = client(Limits::default()).send(get(endless.port, "/"), Policy::Unrestricted).await.unwrap_err();
    assert!(matches!(&error, Error::Limit(message) if message.contains("redirected more than 5 times")), "{error:?}");
    assert_eq!(endless.seen().len(), 6);

    let steps = |request: &str| request.split(['/', ' ']).nth(2).unwrap().parse::<usize>().unwrap();
    let chain = Server::answering(move |request| match steps(request) {
        5 => answer("200 OK", &[], "end"),
        step => redirect("302 Found", &format!("/{}", step + 1)),
    })
    .await;
    let got = client(Limits::default()).send(get(chain.port, "/0"), Policy::Unrestricted).await.unwrap();
    assert_eq!((got.body.as_slice(), got.hops.len()), (&b"end"[..], 6));
}

#[tokio::test]
async fn bodies_of_redirects_are_not_read() {
    let endless = "x".repeat(100_000);
    let server = Server::answering(move |request| match request.starts_with("GET / ") {
        true => answer("302 Found", &[("Location", "/there")], &endless),
        false => answer("200 OK", &[], "end"),
    })
    .await;
    let limits = Limits { response_body: 10, ..Limits::default() };
    let got = client(limits).send(get(server.port, "/"), Policy::Unrestricted).await.unwrap();
    assert_eq!(got.body, b"end");
}

/// What a call with secrets of all kinds sends to the second hop.
async fn second_hop(first: &Server, last: &Server) -> String {
    let secrets = ["Authorization", "Cookie", "X-Api-Key", "X-Auth-Token", "PRIVATE-TOKEN", "X-Anything"];
    let harmless = [("Accept", "text/csv"), ("Content-Type", "text/plain"), ("Idempotency-Key", "k")];
    let secrets = secrets.iter().map(|name| ((*name).to_owned(), "s3cret".to_owned()));
    let harmless = harmless.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let marked = [("Prefer".to_owned(), "s3cret".to_owned())];
    let headers = secrets.chain(harmless).chain(marked).collect();
    let credentials = vec!["Prefer".to_owned()];
    let request = Request { headers, credentials, ..get(first.port, "/") };
    let names = Names::of(&[("same.example", &[&["127.0.0.1"]])]);
    client_of(&names, Limits::default()).send(request, Policy::Unrestricted).await.unwrap();
    last.seen().last().unwrap().clone()
}

#[tokio::test]
async fn credentials_stay_with_their_origin() {
    let last = Server::saying(answer("200 OK", &[], "")).await;
    // Another port, and another name for the same machine and port.
    let port = redirecting("307 Temporary Redirect", format!("http://127.0.0.1:{}/", last.port)).await;
    let second = second_hop(&port, &last).await;
    assert!(!second.contains("s3cret"), "{second}");
    for (name, value) in [("accept", "text/csv"), ("content-type", "text/plain"), ("idempotency-key", "k")] {
        assert_eq!(header(&second, name), Some(value), "{second}");
    }
    let host = Server::answering(|request| match request.starts_with("GET / ") {
        true => redirect("302 Found", &format!("http://same.example:{}/there", request_port(request))),
        false => answer("200 OK", &[], ""),
    })
    .await;
    let second = second_hop(&host, &host).await;
    assert!(second.starts_with("GET /there ") && !second.contains("s3cret"), "{second}");
}

fn request_port(request: &str) -> &str {
    header(request, "host").unwrap().rsplit(':').next().unwrap()
}

#[tokio::test]
async fn credentials_follow_on_the_same_origin() {
    let server = redirecting("302 Found", "/there").await;
    let second = second_hop(&server, &server).await;
    assert_eq!(second.matches("s3cret").count(), 7, "{second}");
}

#[tokio::test]
async fn credentials_do_not_come_back_with_a_way_back() {
    let home = std::sync::Arc::new(std::sync::OnceLock::<u16>::new());
    let back = std::sync::Arc::clone(&home);
    let away =
        Server::answering(move |_| redirect("302 Found", &format!("http://127.0.0.1:{}/there", back.get().unwrap())))
            .await;
    let server = redirecting("302 Found", format!("http://127.0.0.1:{}/", away.port)).await;
    home.set(server.port).unwrap();
    let third = second_hop(&server, &server).await;
    assert!(third.starts_with("GET /there ") && !third.contains("s3cret"), "{third}");
}
