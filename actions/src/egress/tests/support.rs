//! Servers that answer by script, traps that must see nothing, and a table of names.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::engine::model::grant::Grants;
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::egress::{Client, Dialer, Error, Limits, Policy, Request, Resolve, Response, Trust};

/// A server on a free port of this machine; it stops when it is dropped.
pub struct Server {
    pub port: u16,
    seen: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Answers each request, which `answer` gets as text, and closes the connection.
    pub async fn answering(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        let mut server = Self::scripted(move |mut stream| {
            let (answer, record) = (Arc::clone(&answer), Arc::clone(&record));
            async move {
                let request = read_request(&mut stream).await;
                record.lock().unwrap().push(request.clone());
                // Clients may hang up before they have read everything.
                drop(stream.write_all(&answer(&request)).await);
                drop(stream.shutdown().await);
            }
        })
        .await;
        server.seen = seen;
        server
    }

    /// Always answers the same.
    pub async fn saying(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::answering(move |_| answer.clone()).await
    }

    /// Runs the script for each connection.
    pub async fn scripted<F: Future<Output = ()> + Send + 'static>(
        script: impl Fn(TcpStream) -> F + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(script(stream));
            }
        });
        Self { port, seen: Arc::default(), task }
    }

    /// The requests that arrived, as text.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// The only request that arrived.
    pub fn only(&self) -> String {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen[0].clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The head of a request, and as much body as it announces.
pub async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let (mut request, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&request).to_string();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= announced(head)
        {
            return text;
        }
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return text,
            Ok(length) => request.extend_from_slice(&piece[..length]),
        }
    }
}

fn announced(head: &str) -> usize {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let mut lengths = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths.next().map_or(0, |(_, length)| length.parse().unwrap())
}

/// A listener that must get no connection. The kernel queues a connection before `connect` returns
/// to the client, so that one look afterwards is proof.
pub struct Trap {
    listener: std::net::TcpListener,
    pub port: u16,
}

impl Trap {
    pub fn at(address: &str) -> Self {
        let address: IpAddr = address.parse().unwrap();
        let listener = std::net::TcpListener::bind(SocketAddr::new(address, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        Self { listener, port }
    }

    pub fn is_untouched(&self) -> bool {
        self.listener.accept().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// A table of names. Each lookup takes the next answer; the last one stays.
#[derive(Default)]
pub struct Names {
    answers: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    pub fn of(entries: &[(&str, &[&[&str]])]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        let entries = entries.iter().map(|(name, answers)| ((*name).to_owned(), answers.iter().map(parse).collect()));
        Arc::new(Self { answers: Mutex::new(entries.collect()), asked: Mutex::default() })
    }

    /// The names that were asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(name.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let answers = answers.get_mut(name).ok_or_else(|| io::Error::other("no such name"))?;
        Ok(if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() })
    }
}

/// A client that knows these names.
pub fn client_of(names: &Arc<Names>, limits: Limits) -> Client {
    let resolver: Arc<dyn Resolve> = Arc::<Names>::clone(names);
    Client::new(Dialer::with(resolver), Arc::new(Trust::only(vec![])), limits)
}

/// A client that knows no names.
pub fn client(limits: Limits) -> Client {
    client_of(&Names::of(&[]), limits)
}

pub fn grants(http: Value) -> Grants {
    Grants::read(&json!({ "http": http })).unwrap()
}

/// Every host on public addresses, and the one address where the servers of these tests listen.
pub fn grants_here() -> Grants {
    grants(json!({"hosts": ["*"], "addresses": ["127.0.0.1"]}))
}

/// Sends as a module that may do what is granted.
pub async fn send_as(client: &Client, request: Request, grants: &Grants) -> Result<Response, Error> {
    client.send(request, Policy::Granted { module: "shop", grants }).await
}

/// Gets `/` of a server, with whatever limits.
pub async fn get_within(server: &Server, limits: Limits) -> Result<Response, Error> {
    client(limits).send(get(server.port, "/"), Policy::Unrestricted).await
}

pub fn get(port: u16, path: &str) -> Request {
    Request::new("GET", format!("http://127.0.0.1:{port}{path}"))
}

/// An answer with this head line, these headers, and a body of the length that is announced.
pub fn answer(status: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

pub fn redirect(status: &str, location: &str) -> Vec<u8> {
    answer(status, &[("Location", location)], "")
}

/// Enough for everything that does not wait, little enough to wait for.
pub fn short() -> Limits {
    Limits { time: Duration::from_millis(300), ..Limits::default() }
}

/// The value of a header in the text of a request.
pub fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let lines = request.lines().filter_map(|line| line.split_once(": "));
    lines.into_iter().find(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
