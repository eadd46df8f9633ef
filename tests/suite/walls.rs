//! The walls of the front door: what one client does, no other feels.
//!
//! While each attack goes on, another organization starts jobs of three lines and waits for their ends.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::served::Server;
use crate::support::folder;

/// How much longer a neighbour may wait than at rest, and what is allowed on top since the machine is shared.
const FACTOR: u32 = 3;
const SLACK: Duration = Duration::from_millis(150);

/// A server with two organizations, and what a job of the second takes at rest.
struct Scene {
    _data: tempfile::TempDir,
    server: Server,
    token: String,
    at_rest: Duration,
}

impl Scene {
    fn new() -> Self {
        Self::on(Server::start)
    }

    fn on(start: impl Fn(&std::path::Path) -> Server) -> Self {
        let data = folder();
        let server = start(data.path());
        let token = server.token().to_owned();
        let create =
            "mutation { createOrganization(input: {key: \"neighbour\", name: \"Neighbour\"}) { userErrors { code } } }";
        server.ask(&token, create, json!({}));
        let mut scene = Self { _data: data, server, token, at_rest: Duration::ZERO };
        let lines = json!([
            {"filter": {"where": {"n": {"gte": 2}}}},
            {"action": "sort", "parameters": {"by": "n"}},
            {"action": "set", "parameters": {"add": {"done": true}}},
        ]);
        let save = "mutation($input: SaveJobInput!) { saveJob(input: $input) { userErrors { message } } }";
        let saved = scene.neighbour(save, json!({"input": {"document": {"key": "quick", "lines": lines}}}));
        assert_eq!(saved["saveJob"]["userErrors"], json!([]));
        let waits = scene.waits(20);
        scene.at_rest = waits[waits.len() - 1];
        scene
    }

    fn neighbour(&self, query: &str, variables: Value) -> Value {
        let body = json!({"query": query, "variables": variables});
        let answer = self.server.post_in(Some("neighbour"), &self.token, &body).1;
        assert!(answer.get("errors").is_none(), "{answer:#}");
        answer["data"].clone()
    }

    /// How long the neighbour waits for the ends of jobs, sorted.
    fn waits(&self, jobs: usize) -> Vec<Duration> {
        let mut waits: Vec<_> = (0..jobs).map(|_| self.wait()).collect();
        waits.sort();
        waits
    }

    fn wait(&self) -> Duration {
        let began = Instant::now();
        let run = "mutation { runJob(input: {job: \"quick\", records: [{n: 3}, {n: 1}, {n: 2}]}) {
            jobResult { id } userErrors { message } } }";
        let id = self.neighbour(run, json!({}))["runJob"]["jobResult"]["id"].clone();
        loop {
            let query = "query($id: ID!) { jobResult(id: $id) { status } }";
            match self.neighbour(query, json!({"id": id}))["jobResult"]["status"].as_str() {
                Some("SUCCESS") => return began.elapsed(),
                Some("PENDING" | "RUNNING") => std::thread::sleep(Duration::from_millis(2)),
                other => panic!("it ended as {other:?}"),
            }
            assert!(began.elapsed() < Duration::from_secs(20), "the neighbour gets no answer");
        }
    }

    /// While an attack goes on, the neighbour must hardly feel it.
    fn hardly_felt(&self, what: &str) {
        let waits = self.waits(20);
        let (median, worst) = (waits[waits.len() / 2], waits[waits.len() - 1]);
        eprintln!("{what}: the neighbour waited {median:?}, at most {worst:?}; at rest at most {:?}", self.at_rest);
        assert!(worst <= self.at_rest * FACTOR + SLACK, "{what}: {worst:?}, at rest {:?}", self.at_rest);
    }

    /// Most memory that the server has had so far, in bytes.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.server.child.id())).expect("a process");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("peak memory");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") * 1024
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.server.address).expect("a connection")
    }

    /// A WebSocket whose handshake is done, as bare bytes.
    fn socket(&self) -> Option<TcpStream> {
        let mut stream = self.connect();
        let request = "GET /graphql/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("a request");
        let head = head_of(&mut stream);
        head.starts_with("HTTP/1.1 101").then_some(stream)
    }

    /// The same for a client that is authenticated.
    fn greeted(&self) -> TcpStream {
        let mut stream = self.socket().expect("a socket");
        let payload = json!({"authorization": format!("Bearer {}", self.token)});
        say(&mut stream, &json!({"type": "connection_init", "payload": payload}));
        stream
    }
}

fn head_of(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("text")
}

/// Sends a text frame, masked with zeros.
fn say(stream: &mut TcpStream, message: &Value) {
    let text = message.to_string();
    let mut frame = vec![0x81];
    match u16::try_from(text.len()).expect("a short message") {
        length if length < 126 => frame.push(0x80 | u8::try_from(length).expect("below 126")),
        length => {
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    stream.write_all(&frame).expect("a message");
}

/// Whether the server closes the connection within a time.
fn is_closed_within(stream: &mut TcpStream, time: Duration) -> bool {
    stream.set_read_timeout(Some(time)).expect("a timeout");
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
    }
}

#[test]
fn watchers_that_do_not_read_hold_up_nobody() {
    let scene = Scene::new();
    let script = "const text = 'x'.repeat(8000); for (let i = 0; i < 1000; i++) console.log(text); return";
    scene
        .server
        .save(&scene.token, json!({"key": "loud", "lines": [{"action": "js", "parameters": {"script": script}}]}));
    let id = scene.server.start_job(&scene.token, "loud");
    scene.server.await_end(&scene.token, &id);
    let before = scene.memory();
    let mut sockets: Vec<_> = (0..3).map(|_| scene.greeted()).collect();
    let log = "subscription($id: ID!) { logAppended(jobResult: $id) { message } }";
    let lines = "subscription($id: ID!) { jobResultChanged(id: $id) { status lines { log { message } } } }";
    for socket in &mut sockets {
        for (number, query) in [log, log, log, log, lines].into_iter().enumerate() {
            let payload = json!({"query": query, "variables": {"id": id}});
            say(socket, &json!({"id": number.to_string(), "type": "subscribe", "payload": payload}));
        }
    }
    let began = Instant::now();
    scene.hardly_felt("watchers that do not read");
    let grown = scene.memory().saturating_sub(before) >> 20;
    eprintln!("the server grew by {grown} MiB");
    assert!(grown < 200, "the server grew by {grown} MiB");
    // Nothing is read before the server has given up.
    std::thread::sleep(Duration::from_secs(15).saturating_sub(began.elapsed()));
    for socket in &mut sockets {
        assert!(is_closed_within(socket, Duration::from_secs(5)), "a client that does not read is disconnected");
    }
}

#[test]
fn an_answer_holds_no_more_than_its_budget() {
    let scene = Scene::new();
    let filler = "y".repeat(850_000);
    for number in 0..20 {
        let lines = json!([{"action": "set", "parameters": {"add": {"filler": filler}}}]);
        let saved = scene.server.save(&scene.token, json!({"key": format!("large-{number}"), "lines": lines}));
        assert_eq!(saved["userErrors"], json!([]), "{}", saved["userErrors"]);
    }
    let aliases: String =
        (0..8).map(|no| format!("a{no}: jobs(first: 100) {{ nodes {{ document again: document }} }} ")).collect();
    let body = json!({"query": format!("{{ {aliases} }}")});
    let before = scene.memory();
    let asking = AtomicBool::new(true);
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                while asking.load(Ordering::Relaxed) {
                    let (status, answer) = scene.server.post(&scene.token, &body);
                    assert!(answer.to_string().len() < 17 << 20, "an answer of {status}");
                }
            });
        }
        scene.hardly_felt("large answers");
        asking.store(false, Ordering::Relaxed);
    });
    let grown = scene.memory().saturating_sub(before) >> 20;
    eprintln!("the server grew by {grown} MiB");
    assert!(grown < 600, "the server grew by {grown} MiB");
    // A page that is too large for its budget is cut, and goes on behind its cursor: nothing is skipped.
    let (mut found, mut after) = (0, Value::Null);
    loop {
        let query = "query($after: String) { jobs(first: 100, after: $after) {
            nodes { key document } pageInfo { hasNextPage endCursor } } }";
        let page = scene.server.ask(&scene.token, query, json!({"after": after}))["jobs"].clone();
        found += page["nodes"].as_array().map_or(0, Vec::len);
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
    }
    assert_eq!(found, 20);
}

#[test]
fn half_requests_and_slow_readers_are_cut_off() {
    let scene = Scene::new();
    let mut half: Vec<_> = (0..200).map(|_| scene.connect()).collect();
    for stream in &mut half {
        stream.write_all(b"POST /graphql HTTP/1.1\r\nHost: x\r\nX-Slow: ").expect("half a header");
    }
    let mut http2 = scene.connect();
    http2.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("a preface");
    assert!(is_closed_within(&mut http2, Duration::from_secs(5)), "HTTP/2 is not spoken");
    scene.hardly_felt("half requests");
    // A byte now and then does not keep a header alive.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(11) {
        half.iter_mut().for_each(|stream| drop(stream.write_all(b"a")));
        std::thread::sleep(Duration::from_millis(500));
    }
    let open = half
        .iter_mut()
        .map(|stream| is_closed_within(stream, Duration::from_millis(100)))
        .filter(|closed| !closed)
        .count();
    assert_eq!(open, 0, "of 200 half requests {open} are still open");
}

#[test]
fn half_requests_take_no_descriptors_from_others() {
    let scene = Scene::on(|data| Server::start_with_descriptors(data, 200));
    let mut half = Vec::new();
    for _ in 0..400 {
        let mut stream = scene.connect();
        let _ = stream.write_all(b"POST /graphql HTTP/1.1\r\nHost: x\r\nX-Slow: ");
        half.push(stream);
    }
    let processor = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", scene.server.child.id())).expect("a process");
        let fields: Vec<_> = stat.rsplit_once(") ").expect("fields").1.split(' ').collect();
        fields[11].parse::<u64>().expect("ticks") + fields[12].parse::<u64>().expect("ticks")
    };
    scene.hardly_felt("more half requests than descriptors");
    let before = processor();
    std::thread::sleep(Duration::from_secs(1));
    // In hundredths of a second.
    assert!(processor() - before < 20, "accepting spins");
}

#[test]
fn sockets_without_a_token_take_nobodys_place() {
    let scene = Scene::new();
    let mut silent: Vec<_> = (0..200).filter_map(|_| scene.socket()).collect();
    assert!(silent.len() <= 60, "{} sockets of one address wait for their greeting", silent.len());
    let before = scene.memory();
    for socket in &mut silent {
        // The beginning of a frame of a megabyte.
        let mut frame = vec![0x81, 0xff];
        frame.extend(1_000_000_u64.to_be_bytes());
        frame.extend([0; 4]);
        frame.extend([b'x'; 100_000]);
        let _ = socket.write_all(&frame);
    }
    for socket in &mut silent {
        assert!(is_closed_within(socket, Duration::from_secs(5)), "more than 4 KiB came before the greeting");
    }
    let grown = scene.memory().saturating_sub(before) >> 20;
    assert!(grown < 30, "the server grew by {grown} MiB");
    let mut open = scene.greeted();
    let mut head = [0; 2];
    open.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    open.read_exact(&mut head).expect("an answer");
    assert_eq!(head[0], 0x81, "a client with a token is served");
    scene.hardly_felt("sockets without a token");
}

#[test]
fn checking_a_job_is_bounded() {
    let scene = Scene::new();
    let check = |document: Value| {
        let began = Instant::now();
        let query = "query($document: JSON!) { validateJob(document: $document) { path message } }";
        let answer = scene.server.ask(&scene.token, query, json!({"document": document}));
        (answer["validateJob"].as_array().expect("faults").clone(), began.elapsed())
    };
    let patterns: Vec<_> = (0..99).map(|no| json!({"f": {"matches": format!("a{{1,{}}}b", 500 + no)}})).collect();
    let lines: Vec<_> = (0..20).map(|_| json!({"filter": {"where": {"and": patterns}}})).collect();
    let (faults, took) = check(json!({"key": "a", "lines": lines}));
    assert!(faults[0]["message"].as_str().is_some_and(|told| told.contains("patterns")), "{faults:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");

    let (faults, took) = check(json!({"key": "a", "lines": vec![json!({}); 60_000]}));
    assert_eq!(faults[0]["message"], "has 60000 lines; a job may have at most 1000", "{took:?}");

    let lines: Vec<_> = (0..1000).map(|no| json!({"name": format!("l{no}"), "action": "set", "parameters": {"add": {"a": "$<lines.nothing.count>"}}})).collect();
    let (faults, took) = check(json!({"key": "a", "lines": lines}));
    assert_eq!(faults.len(), 100);
    assert!(took < Duration::from_secs(3), "{took:?}");
    let level = |no: usize| json!({"anyOf": [{"$ref": format!("#/$defs/d{no}")}, {"$ref": format!("#/$defs/d{no}")}]});
    let mut defs: serde_json::Map<_, _> = (0..24).map(|no| (format!("d{no}"), level(no + 1))).collect();
    defs.insert("d24".to_owned(), json!({"type": "integer"}));
    let arguments = json!({"properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": defs});
    let (faults, took) =
        check(json!({"key": "a", "arguments": arguments, "lines": [{"action": "set", "parameters": {}}]}));
    assert_eq!(faults[0]["path"], "arguments", "{faults:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
}
