//! What goes over the wire, and what must not.

use super::support::{Server, answer, client, get, get_within, header};
use crate::egress::{Error, Limits, Policy, Request};

async fn sent(request: Request) -> Result<String, Error> {
    let server = Server::saying(answer("200 OK", &[], "")).await;
    let url = request.url.replace("PORT", &server.port.to_string());
    client(Limits::default()).send(Request { url, ..request }, Policy::Unrestricted).await?;
    Ok(server.only())
}

fn with(name: &str, value: &str) -> Request {
    let headers = vec![(name.to_owned(), value.to_owned())];
    Request { headers, ..Request::new("GET", "http://127.0.0.1:PORT/") }
}

#[tokio::test]
async fn a_request_is_framed_by_the_host() {
    let server = Server::saying(answer("200 OK", &[], "")).await;
    let mut request = get(server.port, "/a%20b/../c?x=1&y=ä#part");
    request.method = "POST".into();
    request.headers = vec![("X-One".into(), "1".into()), ("x-one".into(), "2".into())];
    request.body = Some(b"hello".to_vec());
    client(Limits::default()).send(request, Policy::Unrestricted).await.unwrap();
    let sent = server.only();
    assert!(sent.starts_with("POST /c?x=1&y=%C3%A4 HTTP/1.1\r\n"), "{sent}");
    assert!(sent.ends_with("\r\n\r\nhello"), "{sent}");
    let host = format!("127.0.0.1:{}", server.port);
    let agent = format!("ropewalk/{}", env!("CARGO_PKG_VERSION"));
    for (name, value) in [
        ("host", host.as_str()),
        ("connection", "close"),
        ("content-length", "5"),
        ("accept-encoding", "identity"),
        ("user-agent", agent.as_str()),
    ] {
        assert_eq!(header(&sent, name), Some(value), "{sent}");
        assert_eq!(sent.to_lowercase().matches(&format!("\r\n{name}:")).count(), 1, "{sent}");
    }
    assert!(sent.contains("x-one: 1\r\n") && sent.contains("x-one: 2\r\n"), "{sent}");
}

#[tokio::test]
async fn a_request_without_body_announces_none() {
    let sent_get = sent(Request::new("GET", "http://127.0.0.1:PORT/")).await.unwrap();
    assert_eq!(header(&sent_get, "content-length"), None);
    let sent_post = sent(Request::new("POST", "http://127.0.0.1:PORT/")).await.unwrap();
    assert_eq!(header(&sent_post, "content-length"), Some("0"));
}

#[tokio::test]
async fn callers_may_name_their_agent_and_encodings() {
    assert_eq!(header(&sent(with("User-Agent", "shop/2")).await.unwrap(), "user-agent"), Some("shop/2"));
    assert_eq!(header(&sent(with("Accept-Encoding", "gzip")).await.unwrap(), "accept-encoding"), Some("gzip"));
}

#[tokio::test]
async fn headers_of_the_connection_belong_to_the_host() {
    let owned = [
        "Host",
        "content-length",
        "Connection",
        "Transfer-Encoding",
        "Expect",
        "Upgrade",
        "TE",
        "Trailer",
        "Keep-Alive",
        "HTTP2-Settings",
        "Proxy-Authorization",
        "Proxy-Connection",
    ];
    for name in owned {
        let error = sent(with(name, "x")).await.unwrap_err();
        assert!(
            matches!(&error, Error::Invalid(message) if message.contains("set by Ropewalk itself")),
            "{name}: {error:?}"
        );
    }
}

#[tokio::test]
async fn no_header_smuggles_another() {
    let cases = [
        ("X-A", "1\r\nX-B: 2"),
        ("X-A", "1\nX-B: 2"),
        ("X-A", "1\r"),
        ("X-A", "1\0"),
        ("X-A", "ü"),
        ("X-A: 1\r\nX-B", "2"),
        ("X A", "1"),
        ("", "1"),
        ("X-A:", "1"),
        (" Host", "a.example"),
        ("Hóst", "a.example"),
    ];
    for (name, value) in cases {
        let error = sent(with(name, value)).await.unwrap_err();
        assert!(matches!(&error, Error::Invalid(_)), "{name:?} {value:?}: {error:?}");
        assert!(!error.to_string().contains(['\r', '\n']), "{error}");
    }
}

#[tokio::test]
async fn values_of_headers_are_never_shown() {
    let error = sent(with("Authorization", "Bearer s3cret\n")).await.unwrap_err().to_string();
    assert!(error.contains("`authorization`") && !error.contains("s3cret"), "{error}");
}

#[tokio::test]
async fn methods_are_capitals_and_no_tunnels() {
    for method in ["", "get", "Get", "GET /x HTTP/1.1\r\nX:", "G T", "CONNECT", "TRACE", "TRACK", &"A".repeat(33)] {
        let error = sent(Request::new(method, "http://127.0.0.1:PORT/")).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{method}: {error:?}");
    }
    for method in ["GET", "DELETE", "PATCH", "PROPFIND", "M-SEARCH"] {
        let sent = sent(Request::new(method, "http://127.0.0.1:PORT/")).await.unwrap();
        assert!(sent.starts_with(&format!("{method} / HTTP/1.1\r\n")), "{sent}");
    }
}

#[tokio::test]
async fn no_url_breaks_the_first_line() {
    for path in
        ["/a b", "/a\r\nX-B: 2", "/a?b c", "/a?b\r\nX-B: 2", "/\u{7f}", "/a\tb", "/{a}|\"<>`^", "/?{a}|\"<>`^'\\"]
    {
        let sent = sent(Request::new("GET", format!("http://127.0.0.1:PORT{path}"))).await.unwrap();
        let first = sent.lines().next().unwrap();
        assert_eq!(first.split(' ').count(), 3, "{path:?}: {first}");
        assert_eq!(header(&sent, "x-b"), None, "{sent}");
    }
}

#[tokio::test]
async fn too_many_headers_are_not_sent() {
    let server = Server::saying(answer("200 OK", &[], "")).await;
    let limits = || Limits { header_count: 3, header_bytes: 8192, ..Limits::default() };
    for headers in [vec![("X-A", "1".to_owned()); 4], vec![("X-A", "1".repeat(8192))]] {
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let request = Request { headers, ..get(server.port, "/") };
        let error = client(limits()).send(request, Policy::Unrestricted).await.unwrap_err();
        assert!(
            matches!(&error, Error::Limit(message) if message.contains("more than 3 headers, or more than 8 KiB")),
            "{error:?}"
        );
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn answered_headers_come_in_lower_case_and_as_text() {
    let headers = b"HTTP/1.1 200 OK\r\nX-One: 1\r\nX-Latin: caf\xe9\r\nX-Utf: caf\xc3\xa9\r\nX-One: 2\r\nContent-Length: 0\r\n\r\n";
    let server = Server::saying(headers.as_slice()).await;
    let got = get_within(&server, Limits::default()).await.unwrap();
    let values = |name: &str| -> Vec<_> {
        let named = got.headers.iter().filter(|(one, _)| one == name);
        named.map(|(_, value)| value.clone()).collect()
    };
    assert_eq!(values("x-one"), ["1", "2"]);
    assert_eq!((values("x-latin"), values("x-utf")), (vec!["café".to_owned()], vec!["café".to_owned()]));
}
