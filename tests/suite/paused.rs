//! A worker that is stopped in the middle of a line for longer than its lease lasts, as a paused virtual
//! machine is, changes nothing when it wakes up. Two processes, one database.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use engine::engine::Engine;
use engine::execution::outcome::Ending;
use engine::execution::start::Start;
use engine::model::fairness::Capacity;
use engine::model::grant::Grants;
use engine::model::organization::Access;
use engine::model::result::{JobResult, LineResult, ResultId};
use engine::model::status::Status;
use engine::ports::Page;
use engine::ports::queue::{Claim, Queue};
use schema::Store;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::node::{node, operator};
use crate::support::folder;

/// Names the data folder to a worker process.
const DATA: &str = "ROPEWALK_TEST_WORKER";
/// After so much silence a worker counts as lost.
const SILENCE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(30);

async fn open(folder: &Path) -> (Engine, Arc<Store>) {
    let store = Store::open_sqlite_shared(folder.join("ropewalk.db")).await.expect("a store");
    let store = Arc::new(store);
    (node(Arc::clone(&store), folder).await, store)
}

/// Not a test: the worker process of the test below, which performs one result and says how that ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it is the worker of another test"]
async fn a_worker_of_its_own() {
    let Some(folder) = std::env::var_os(DATA) else { return };
    let (engine, store) = open(Path::new(&folder)).await;
    store.beat(engine.node_id(), engine.now()).await.expect("a store");
    let other = engine.clone();
    tokio::spawn(async move { other.beat(SILENCE, CancellationToken::new()).await });
    loop {
        let claim = Claim { node: engine.node_id(), capacity: Capacity { slots: 1, spare: 0 }, now: engine.now() };
        if let Some(claimed) = store.claim(claim).await.expect("a store").claimed.pop() {
            println!("worker: claimed under lease {}", claimed.lease.number);
            let word = match engine.perform(claimed).await.expect("a store") {
                Ending::Ended(performed) => format!("ended as {}", performed.result.status),
                Ending::Lost => "lost the lease".to_owned(),
                other => format!("{other:?}"),
            };
            println!("worker: {word}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

struct Worker {
    child: Child,
    said: mpsc::Receiver<String>,
}

impl Worker {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["paused::a_worker_of_its_own", "--exact", "--ignored", "--nocapture"])
            .env(DATA, folder)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let (say, said) = mpsc::channel();
        let printed = BufReader::new(child.stdout.take().expect("standard output"));
        std::thread::spawn(move || {
            let lines = printed.lines().map_while(Result::ok);
            let own = |line: String| line.split_once("worker: ").map(|(_, word)| word.to_owned());
            lines.filter_map(own).try_for_each(|word| say.send(word))
        });
        Self { child, said }
    }

    fn says(&self) -> String {
        self.said.recv_timeout(PATIENCE).expect("the worker says something")
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is told of a result.
async fn told(engine: &Engine, access: &Access, id: ResultId) -> (JobResult, Vec<LineResult>, usize) {
    let scope = access.scope();
    let result = engine.results().find(scope, id).await.expect("a store").expect("the result");
    let lines =
        engine.results().lines(scope, &[id]).await.expect("a store").into_iter().map(|(_, line)| line).collect();
    let page = Page { before: None, limit: 100 };
    let history = engine.results().list(scope, &engine::ports::results::ResultFilter::default(), page).await;
    (result, lines, history.expect("a store").items.len())
}

/// Stops a process at a moment when it does not hold the database.
async fn pause(worker: &Worker, (engine, store): (&Engine, &Store)) {
    loop {
        worker.signal("-STOP");
        let written = store.beat(engine.node_id(), engine.now());
        if tokio::time::timeout(Duration::from_millis(300), written).await.is_ok() {
            return;
        }
        worker.signal("-CONT");
        tokio::time::sleep(Duration::from_millis(7)).await;
    }
}

/// The next request: its idempotency key, and where it is answered.
async fn request(listener: &Arc<TcpListener>) -> (String, TcpStream) {
    let listener = Arc::clone(listener);
    let taken = tokio::task::spawn_blocking(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut head = Vec::new();
        let mut bytes = [0; 4096];
        while !head.ends_with(b"}]") {
            let read = stream.read(&mut bytes).expect("a request");
            assert!(read > 0, "the request is cut: {}", String::from_utf8_lossy(&head));
            head.extend_from_slice(&bytes[..read]);
        }
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let key = head.lines().find_map(|line| line.strip_prefix("idempotency-key:")).expect("a key").trim().to_owned();
        (key, stream)
    });
    tokio::time::timeout(PATIENCE, taken).await.expect("a request in time").expect("no panic")
}

fn answer(mut stream: TcpStream) {
    // Whoever asked may be gone.
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_was_paused_past_its_lease_changes_nothing() {
    let folder = folder();
    let (engine, store) = open(folder.path()).await;
    let access = operator(&engine).await;
    let listener = Arc::new(TcpListener::bind("127.0.0.1:0").expect("a port"));
    let url = format!("http://{}/orders", listener.local_addr().expect("an address"));
    let grants = json!({"http": {"hosts": ["127.0.0.1"], "addresses": ["127.0.0.0/8"]}});
    engine.modules().grant(&access, "http", &Grants::read(&grants).expect("grants")).await.expect("a store");
    let lines = json!([
        {"action": "http.request", "parameters": {"url": url, "method": "POST"}},
        {"action": "set", "parameters": {"add": {"sent": true}}},
    ]);
    engine.jobs().save(&access, json!({"key": "job", "lines": lines}), None).await.expect("a job");
    let start = Start { job: "job".into(), records: Some(vec![json!({"n": 1})]), ..Start::default() };
    let id = engine.jobs().start(&access, start).await.expect("a start").id;

    let first = Worker::start(folder.path());
    assert_eq!(first.says(), "claimed under lease 1");
    let (key, unanswered) = request(&listener).await;
    pause(&first, (&engine, &store)).await;
    let second = Worker::start(folder.path());
    assert_eq!(second.says(), "claimed under lease 2");
    let (again, stream) = request(&listener).await;
    assert_eq!(again, key, "what is asked for again has the same key");
    answer(stream);
    assert_eq!(second.says(), "ended as success");
    let before = told(&engine, &access, id).await;
    assert_eq!((before.0.status, before.0.attempt, before.1.len()), (Status::Success, 2, 2), "{before:#?}");

    first.signal("-CONT");
    answer(unanswered);
    assert_eq!(first.says(), "lost the lease");
    assert_eq!(told(&engine, &access, id).await, before);
}
