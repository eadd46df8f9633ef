//! Valid and invalid responses of servers.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{Server, Trap, answer, client, get, get_within, read_request};
use crate::egress::{Error, Limits, Policy, Request};

async fn response_to(answer: impl Into<Vec<u8>>) -> Result<(u16, Vec<u8>), Error> {
    let server = Server::saying(answer).await;
    get_within(&server, Limits::default()).await.map(|got| (got.status, got.body))
}

#[tokio::test]
async fn well_formed_answers_are_read() {
    let cases: [(&str, u16, &str); 10] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"),
        ("HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, "until the end"),
        ("HTTP/1.0 200 OK\r\n\r\nold", 200, "old"),
        ("HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", 404, ""),
        ("HTTP/1.1 599 Odd\r\nContent-Length: 1\r\n\r\nx", 599, "x"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n", 200, "hello!"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Late: 1\r\n\r\n", 200, "hi"),
        // Nothing follows a 204, so what follows is not its body.
        ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", 204, ""),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi"),
        ("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi"),
    ];
    for (said, status, body) in cases {
        let got = response_to(said).await.unwrap_or_else(|error| panic!("{said:?}: {error}"));
        assert_eq!((got.0, String::from_utf8_lossy(&got.1).as_ref()), (status, body), "{said:?}");
    }
}

#[tokio::test]
async fn a_head_has_no_body_however_long_it_says() {
    let server = Server::saying("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n").await;
    let request = Request { method: "HEAD".into(), ..get(server.port, "/") };
    let got = client(Limits::default()).send(request, Policy::Unrestricted).await.unwrap();
    assert_eq!((got.status, got.body.len()), (200, 0));
}

#[tokio::test]
async fn invalid_responses_are_reported() {
    let cases: [&[u8]; 12] = [
        b"hello\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
        b"HTTP/1.1 200 OK\r\nX A: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: 1\x00\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    ];
    for said in cases {
        let said_text = String::from_utf8_lossy(said);
        let error = response_to(said).await.unwrap_err();
        assert!(
            matches!(&error, Error::Unreachable(message) if message.contains("GET http://127.0.0.1")),
            "{said_text:?}: {error:?}"
        );
    }
}

#[tokio::test]
async fn answers_that_break_off_are_reported() {
    let cases = [
        "",
        "HTTP/1.1 200 OK\r\nContent-",
        "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello",
        "HTTP/1.1 100 Continue\r\n\r\n",
    ];
    for said in cases {
        let error = response_to(said).await.unwrap_err();
        assert!(matches!(error, Error::Unreachable(_)), "{said:?}: {error:?}");
    }
}

#[tokio::test]
async fn switching_protocols_is_refused() {
    for upgrade in ["", "Upgrade: websocket\r\nConnection: Upgrade\r\n"] {
        let error = response_to(format!("HTTP/1.1 101 Switching Protocols\r\n{upgrade}\r\nhello")).await.unwrap_err();
        assert!(matches!(&error, Error::Unreachable(message) if message.contains("another protocol")), "{error:?}");
    }
}

#[tokio::test]
async fn a_reset_is_reported() {
    let server = Server::scripted(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello").await.unwrap();
        stream.set_zero_linger().unwrap();
    })
    .await;
    let error = get_within(&server, Limits::default()).await.unwrap_err();
    assert!(
        matches!(&error, Error::Unreachable(message) if message.contains("was lost") || message.contains("is incomplete")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_closed_port_is_reported() {
    let port = Trap::at("127.0.0.1").port;
    let error = client(Limits::default()).send(get(port, "/"), Policy::Unrestricted).await.unwrap_err();
    assert!(
        matches!(&error, Error::Unreachable(message) if message.contains(&format!("127.0.0.1:{port}"))),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_answer_before_the_whole_request_is_taken() {
    let server = Server::scripted(|mut stream| async move {
        stream.read_exact(&mut [0; 16]).await.unwrap();
        drop(stream.write_all(&answer("413 Content Too Large", &[], "no")).await);
        read_request(&mut stream).await;
    })
    .await;
    let request = Request { method: "POST".into(), body: Some(vec![b'x'; 4_000_000]), ..get(server.port, "/") };
    let got = client(Limits::default()).send(request, Policy::Unrestricted).await.unwrap();
    assert_eq!((got.status, got.body.as_slice()), (413, &b"no"[..]));
}

#[tokio::test]
async fn nothing_is_decompressed() {
    let said = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00";
    assert_eq!(response_to(said).await.unwrap().1, b"\x1f\x8b\x08\x00");
}

#[tokio::test]
async fn data_after_a_response_is_ignored() {
    let two = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno";
    assert_eq!(response_to(two).await.unwrap(), (200, b"hi".to_vec()));
}
