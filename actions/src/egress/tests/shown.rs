//! What messages show of a URL, and what they leave out.

use url::Url;

use super::support::{Names, Server, client, client_of, get, redirect};
use crate::egress::{Limits, Policy, Request, redact};

fn shown(text: &str) -> String {
    redact::url(&Url::parse(text).unwrap())
}

#[test]
fn secrets_of_a_url_are_left_out() {
    let cases = [
        ("https://a.example/orders?page=2&key=s3cret#part", "https://a.example/orders?page=…&key=…"),
        ("https://user:s3cret@a.example:8443/", "https://a.example:8443/"),
        ("https://a.example/?s3cret", "https://a.example/?…"),
        ("https://a.example/?s3cret1s3cret2s3cret3s3cret4=1", "https://a.example/?…"),
        ("https://a.example/hooks/T0/Xs3cretXs3cretXs3cret/x", "https://a.example/hooks/T0/…/x"),
        (
            "https://a.example/orders/2026/a-long-but-harmless-name",
            "https://a.example/orders/2026/a-long-but-harmless-name",
        ),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(text), expected);
    }
}

#[test]
fn shown_urls_are_short() {
    let long = shown(&format!("https://a.example/{}", "x/".repeat(5000)));
    assert!(long.chars().count() <= 301 && long.ends_with('…'), "{long}");
}

#[tokio::test]
async fn no_message_shows_the_secrets_of_its_url() {
    let names = Names::of(&[("inner.example", &[&["127.0.0.2"]])]);
    let loops = Server::answering(|request| redirect("302 Found", request.split(' ').nth(1).unwrap())).await;
    let breaks = Server::saying("").await;
    let garbles = Server::saying("garbage\r\n\r\n").await;
    let leaves = Server::saying(redirect("302 Found", "file:///?key=s3cret")).await;
    let grants = super::support::grants(serde_json::json!({"hosts": ["*"], "addresses": ["127.0.0.1"]}));
    let urls = [
        format!("http://127.0.0.1:{}/x?key=s3cret", loops.port),
        format!("http://127.0.0.1:{}/x?key=s3cret", breaks.port),
        format!("http://127.0.0.1:{}/x?key=s3cret", garbles.port),
        format!("http://127.0.0.1:{}/x?key=s3cret", leaves.port),
        "http://inner.example/x?key=s3cret".to_owned(),
        "http://absent.example/x?key=s3cret".to_owned(),
        "http://user:s3cret@inner.example/x".to_owned(),
        "ftp://user:s3cret@inner.example/x".to_owned(),
        "https://user:s3cret@[::1/x".to_owned(),
    ];
    for url in urls {
        let request = Request::new("GET", url.clone());
        let policy = Policy::Granted { module: "shop", grants: &grants };
        let error = client_of(&names, Limits::default()).send(request, policy).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{url}: {error}");
        assert!(error.to_string().ends_with('.'), "{error}");
    }
}

#[tokio::test]
async fn hops_are_fit_to_be_shown() {
    let server = Server::saying(super::support::answer("200 OK", &[], "")).await;
    let got = client(Limits::default()).send(get(server.port, "/x?key=s3cret"), Policy::Unrestricted).await.unwrap();
    assert!(got.url.ends_with("/x?key=s3cret"), "{}", got.url);
    assert_eq!(got.hops[0].url, format!("http://127.0.0.1:{}/x?key=…", server.port));
    assert!(got.time >= got.hops[0].time);
}
