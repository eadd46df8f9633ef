//! As little of HTTP and WebSocket as it takes to call a server over its real socket.

use std::future::Future;

use engine::engine::Engine;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::options::Options;
use crate::server::serve;

/// A server on a free port, and the way to stop it.
pub(super) struct Running {
    pub(super) address: String,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Running {
    pub(super) async fn of(engine: Engine, options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move { stopped.await.unwrap_or_default() };
        let ended = tokio::spawn(serve(listener, engine, options, shutdown));
        Self { address, stop, ended }
    }

    /// Stops it, and waits until it has.
    pub(super) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.ended.await.unwrap().unwrap();
    }

    /// Sends one request; what came back.
    pub(super) async fn call(&self, request: &str, headers: &str, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let length = body.len();
        let head =
            format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        // A server that refuses need not take the body.
        let _ = stream.write_all(body).await;
        Answer::read(&mut stream).await
    }

    /// Posts a document with a token.
    pub(super) async fn post(&self, token: &str, body: &Value) -> Answer {
        let headers = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
        self.call("POST /graphql", &headers, body.to_string().as_bytes()).await
    }

    /// Opens a socket.
    pub(super) async fn open(&self, headers: &str) -> Socket {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let request = format!(
            "GET /graphql/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: graphql-transport-ws\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        assert!(
            head.starts_with("http/1.1 101") && head.contains("sec-websocket-protocol: graphql-transport-ws"),
            "{head}"
        );
        Socket(stream)
    }
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    /// In lower case.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    async fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        // The connection may be reset while the rest of a refused body is on its way.
        let _ = stream.read_to_end(&mut bytes).await;
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer with a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: bytes[end + 4..].to_vec() }
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Status, and the code of the first error.
    pub(super) fn refusal(&self) -> (u16, String) {
        let code = self.json()["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned();
        (self.status, code)
    }
}

/// An open WebSocket.
pub(super) struct Socket(TcpStream);

/// What a socket hears.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    Message(Value),
    Closed(u16),
}

impl Socket {
    pub(super) async fn say(&mut self, message: &Value) {
        self.frame(0x81, message.to_string().as_bytes()).await;
    }

    /// Sends a frame, masked with zeros, as a client must mask.
    pub(super) async fn frame(&mut self, kind: u8, payload: &[u8]) {
        let mut frame = vec![kind];
        match u16::try_from(payload.len()) {
            Ok(length) if length < 126 => frame.push(0x80 | u8::try_from(length).unwrap()),
            Ok(length) => {
                frame.push(0x80 | 126);
                frame.extend(length.to_be_bytes());
            }
            Err(_) => {
                frame.push(0x80 | 127);
                frame.extend((payload.len() as u64).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(payload);
        // A server that has closed takes nothing more.
        let _ = self.0.write_all(&frame).await;
    }

    pub(super) async fn hear(&mut self) -> Heard {
        let heard = self.read();
        tokio::time::timeout(std::time::Duration::from_secs(5), heard).await.expect("the server says something soon")
    }

    async fn read(&mut self) -> Heard {
        loop {
            let Ok(kind) = self.0.read_u8().await else { return Heard::Closed(0) };
            let length = match self.0.read_u8().await.unwrap() {
                126 => u64::from(self.0.read_u16().await.unwrap()),
                127 => self.0.read_u64().await.unwrap(),
                length => u64::from(length),
            };
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            self.0.read_exact(&mut payload).await.unwrap();
            match kind & 0x0f {
                1 => return Heard::Message(serde_json::from_slice(&payload).unwrap()),
                8 => return Heard::Closed(u16::from_be_bytes([payload[0], payload[1]])),
                _ => {}
            }
        }
    }
}

/// Runs `test` against a server on `engine`, and stops the server.
pub(super) async fn served<T>(engine: Engine, options: Options, test: impl AsyncFnOnce(&Running) -> T) -> T {
    let running = Running::of(engine, options).await;
    let outcome = test(&running).await;
    within(running.stop()).await;
    outcome
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(std::time::Duration::from_secs(10), work).await.expect("the server stops soon")
}
