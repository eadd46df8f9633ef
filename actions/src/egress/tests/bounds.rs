//! Every call ends: at a limit of size, number or time, or because it was dropped.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::support::{Server, Trap, answer, client, get, get_within, read_request, short};
use crate::egress::{Client, Dialer, Error, Limits, Policy, Request, Resolve, Trust};

/// A server that sends a beginning, and then one piece again and again with pauses.
async fn endless(start: &'static str, piece: impl Into<String>, pause: Duration) -> Server {
    let piece = piece.into();
    Server::scripted(move |stream| {
        let piece = piece.clone();
        async move { repeat_piece(stream, start, &piece, pause).await }
    })
    .await
}

async fn repeat_piece(mut stream: TcpStream, start: &str, piece: &str, pause: Duration) {
    read_request(&mut stream).await;
    let mut written = stream.write_all(start.as_bytes()).await;
    while written.is_ok() {
        sleep(pause).await;
        written = stream.write_all(piece.as_bytes()).await;
    }
}

fn is_limit(error: &Error, word: &str) -> bool {
    matches!(error, Error::Limit(message) if message.contains(word))
}

#[tokio::test]
async fn a_body_ends_at_the_limit() {
    let limits = || Limits { response_body: 1000, ..Limits::default() };
    let exact = Server::saying(answer("200 OK", &[], &"x".repeat(1000))).await;
    assert_eq!(get_within(&exact, limits()).await.unwrap().body.len(), 1000);

    let announced = Server::saying("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n").await;
    let error = get_within(&announced, limits()).await.unwrap_err();
    assert!(is_limit(&error, "more than 1000 bytes"), "{error:?}");

    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
    for (head, piece) in [("", "x".repeat(999)), ("Transfer-Encoding: chunked\r\n", chunk)] {
        let start = format!("HTTP/1.1 200 OK\r\n{head}\r\n").leak();
        let server = endless(start, piece, Duration::ZERO).await;
        let error = get_within(&server, limits()).await.unwrap_err();
        assert!(is_limit(&error, "more than 1000 bytes"), "{error:?}");
    }
}

#[tokio::test]
async fn headers_end_at_the_limit() {
    let limits = || Limits { header_count: 10, header_bytes: 10_000, ..Limits::default() };
    let fits = "X-A: 1\r\n".repeat(9);
    let server = Server::saying(format!("HTTP/1.1 200 OK\r\n{fits}Content-Length: 0\r\n\r\n")).await;
    assert_eq!(get_within(&server, limits()).await.unwrap().headers.len(), 10);

    for head in ["X-A: 1\r\n".repeat(11), format!("X-A: {}\r\n", "1".repeat(10_000))] {
        let server = Server::saying(format!("HTTP/1.1 200 OK\r\n{head}\r\n")).await;
        let error = get_within(&server, limits()).await.unwrap_err();
        assert!(is_limit(&error, "more than 10 headers"), "{error:?}");
    }
}

#[tokio::test]
async fn endless_heads_and_trailers_end() {
    let limits = || Limits { header_count: 100, header_bytes: 16 * 1024, ..Limits::default() };
    let trailers = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n";
    let extension = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;";
    for (start, piece) in [
        ("HTTP/1.1 200 OK\r\n", "X-A: 1\r\n"),
        ("HTTP/1.1 200 OK\r\nX-A: ", "11111111111111111111111111"),
        ("", "\r\n\r\n\r\n\r\n"),
        (trailers, "X-A: 1\r\n"),
        (extension, "xxxxxxxxxxxxxxxx"),
    ] {
        let server = endless(start, piece.repeat(100), Duration::ZERO).await;
        let error = get_within(&server, limits()).await.unwrap_err();
        assert!(matches!(error, Error::Limit(_) | Error::Unreachable(_)), "{start:?}: {error:?}");
    }
}

#[tokio::test]
async fn endless_responses_end_at_the_deadline() {
    let pause = Duration::from_millis(10);
    for (start, piece, doing) in [
        ("", "", "Waiting for the response"),
        ("HTTP/1.1 200 OK\r\nX-A: ", "1", "Waiting for the response"),
        ("", "HTTP/1.1 100 Continue\r\n\r\n", "Waiting for the response"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", "x", "Reading the response"),
    ] {
        let server = endless(start, piece, pause).await;
        let began = Instant::now();
        let error = get_within(&server, short()).await.unwrap_err();
        let fits = |message: &str| message.starts_with(doing) && message.contains("longer than 300 ms");
        assert!(matches!(&error, Error::TimedOut(message) if fits(message)), "{start:?}: {error:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "{start:?}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_flood_of_interim_answers_ends_at_the_deadline() {
    let server = endless("", "HTTP/1.1 102 Processing\r\n\r\n".repeat(1000), Duration::ZERO).await;
    let error = get_within(&server, short()).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut(_)), "{error:?}");
}

#[tokio::test]
async fn a_server_that_does_not_read_ends_at_the_deadline() {
    let server = Server::scripted(|stream| async move {
        sleep(Duration::from_secs(30)).await;
        drop(stream);
    })
    .await;
    let request = Request { method: "POST".into(), body: Some(vec![0; 16 << 20]), ..get(server.port, "/") };
    let error = client(short()).send(request, Policy::Unrestricted).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut(_)), "{error:?}");
}

#[tokio::test]
async fn redirects_share_one_deadline() {
    let server = Server::scripted(|mut stream| async move {
        read_request(&mut stream).await;
        sleep(Duration::from_millis(120)).await;
        drop(stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n").await);
    })
    .await;
    let error = get_within(&server, short()).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut(_)), "{error:?}");
}

#[tokio::test]
async fn callers_may_ask_for_less_time_but_not_for_more() {
    let server = endless("", "", Duration::from_millis(10)).await;
    for (asked, shown_time) in [(Duration::from_millis(40), "40 ms"), (Duration::MAX, "300 ms")] {
        let request = Request { timeout: Some(asked), ..get(server.port, "/") };
        let error = client(short()).send(request, Policy::Unrestricted).await.unwrap_err();
        assert!(matches!(&error, Error::TimedOut(message) if message.contains(shown_time)), "{error:?}");
    }
}

struct Silent;

#[async_trait]
impl Resolve for Silent {
    async fn resolve(&self, _: &str) -> std::io::Result<Vec<std::net::IpAddr>> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn names_that_are_never_resolved_end_at_the_connect_limit() {
    let limits = Limits { connect: Duration::from_millis(50), ..Limits::default() };
    let client = Client::new(Dialer::with(std::sync::Arc::new(Silent)), std::sync::Arc::new(Trust::default()), limits);
    let error = client.send(Request::new("GET", "http://slow.example/"), Policy::Unrestricted).await.unwrap_err();
    let fits = |message: &str| message.contains("Resolving the name `slow.example`") && message.contains("50 ms");
    assert!(matches!(&error, Error::TimedOut(message) if fits(message)), "{error:?}");
}

#[tokio::test]
async fn requests_that_are_too_large_are_not_sent() {
    let trap = Trap::at("127.0.0.1");
    let limits = || Limits { request_body: 10, url: 60, ..Limits::default() };
    let body = Request { body: Some(vec![0; 11]), ..get(trap.port, "/") };
    let url = get(trap.port, &"/x".repeat(30));
    for request in [body, url] {
        let error = client(limits()).send(request, Policy::Unrestricted).await.unwrap_err();
        assert!(matches!(error, Error::Limit(_)), "{error:?}");
    }
    assert!(trap.is_untouched());
}

#[tokio::test]
async fn a_dropped_call_closes_its_connection_at_once() {
    let (sender, mut seen) = mpsc::unbounded_channel();
    let server = Server::scripted(move |mut stream| {
        let sender = sender.clone();
        async move {
            read_request(&mut stream).await;
            sender.send("arrived").unwrap();
            // A hung-up connection reads as its end, or as a reset.
            assert!(!matches!(stream.read(&mut [0; 16]).await, Ok(1..)));
            sender.send("closed").unwrap();
        }
    })
    .await;
    let port = server.port;
    let call = tokio::spawn(async move { client(Limits::default()).send(get(port, "/"), Policy::Unrestricted).await });
    assert_eq!(seen.recv().await, Some("arrived"));
    call.abort();
    let closed = timeout(Duration::from_secs(2), seen.recv()).await;
    assert_eq!(closed, Ok(Some("closed")), "without a kill it would stay open for a minute");
}
