//! What the host does for guests: under their grants, counted, noted, and interrupted when it hangs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use actions::host::{Host, Limits};
use engine::model::effect::Effect;
use engine::model::grant::Capability;
use engine::model::module::ModuleInfo;
use engine::ports::actions::{ActionLine, Failure, FailureKind, Severity};
use serde_json::{Value, json};

use crate::stage::{GrantedCalls, Opening, host, hostile, load, prebuilt};

fn limits() -> Limits {
    Limits { instances: 8, ..Limits::default() }
}

/// A server that takes connections and tells of each.
fn listen() -> (SocketAddr, mpsc::Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || listener.incoming().flatten().try_for_each(|stream| tell.send(stream)));
    (address, told)
}

/// A server that answers every request with its own text, as JSON.
fn echo() -> SocketAddr {
    let (address, connections) = listen();
    std::thread::spawn(move || {
        for mut stream in connections {
            let mut request = vec![0; 64 * 1024];
            let read = stream.read(&mut request).unwrap_or(0);
            let body = json!({"request": String::from_utf8_lossy(&request[..read])}).to_string();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length";
            let _ = write!(stream, "{head}: {}\r\n\r\n{body}", body.len());
        }
    });
    address
}

/// The line waits for a server that never answers.
async fn hanging(host: &Host, module: &ModuleInfo, timeout: Duration) -> (Waiting, TcpStream) {
    let (address, connections) = listen();
    let parameters = json!({"how": "hang", "url": format!("http://{address}/")});
    let opening = Opening { timeout, ..Opening::misbehave(module, parameters) };
    let (cancellation, host) = (opening.cancellation.clone(), host.clone());
    let taking = tokio::spawn(async move {
        let mut line = opening.open(&host).await.expect("a line");
        let failure = line.take(0, &[json!({})]).await.map(drop).expect_err("nothing answers");
        (failure, line.drain().effects)
    });
    let connected = tokio::task::spawn_blocking(move || connections.recv_timeout(Duration::from_secs(5)));
    let stream = connected.await.expect("no panic").expect("a connection");
    (Waiting { taking, cancellation }, stream)
}

struct Waiting {
    taking: tokio::task::JoinHandle<(Failure, Vec<Effect>)>,
    cancellation: tokio_util::sync::CancellationToken,
}

/// The far side sees the end of the connection.
async fn assert_closed(mut stream: TcpStream) {
    stream.set_read_timeout(Some(Duration::from_secs(2))).expect("a timeout");
    let read = tokio::task::spawn_blocking(move || stream.read_to_end(&mut Vec::new()));
    read.await.expect("no panic").expect("the end of the connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_hangs_in_a_call_is_killed_at_once() {
    let host = host(limits()).await;
    let module = load(&host, hostile("honest")).await;
    let (waiting, stream) = hanging(&host, &module, Duration::from_secs(60)).await;
    let began = Instant::now();
    waiting.cancellation.cancel();
    let (failure, effects) = waiting.taking.await.expect("no panic");
    assert!(began.elapsed() < Duration::from_millis(100), "it went on for {:?}", began.elapsed());
    assert_eq!(failure.kind, FailureKind::Cancelled);
    // It was sent, whatever came of it.
    assert!(effects[0].done && effects[0].summary.ends_with("no answer before the line ended"), "{effects:?}");
    assert_closed(stream).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_hangs_in_a_call_runs_out_of_time() {
    let host = host(limits()).await;
    let module = load(&host, hostile("honest")).await;
    let (began, timeout) = (Instant::now(), Duration::from_millis(500));
    let (waiting, stream) = hanging(&host, &module, timeout).await;
    let (failure, effects) = waiting.taking.await.expect("no panic");
    assert_eq!(effects.len(), 1);
    assert!(began.elapsed() < timeout + Duration::from_millis(100), "it went on for {:?}", began.elapsed());
    assert!(failure.message.contains("timeout of 500ms"), "{}", failure.message);
    assert_closed(stream).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_in_a_loop_is_killed_at_once_even_among_others() {
    let host = host(limits()).await;
    let module = load(&host, hostile("honest")).await;
    let mut spinning = Vec::new();
    for _ in 0..4 {
        let opening = Opening::misbehave(&module, json!({"how": "spin"}));
        let (cancellation, host) = (opening.cancellation.clone(), host.clone());
        spinning.push((
            cancellation,
            tokio::spawn(async move { opening.take(&host).await.map(drop).expect_err("it spins") }),
        ));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    for (cancellation, line) in spinning {
        let began = Instant::now();
        cancellation.cancel();
        assert_eq!(line.await.expect("no panic").kind, FailureKind::Cancelled);
        assert!(began.elapsed() < Duration::from_millis(100), "it went on for {:?}", began.elapsed());
    }
}

/// A script with `fetch`, granted to this server.
fn script(js: &ModuleInfo, server: SocketAddr, script: &str) -> Opening {
    let grants = json!({"http": {"hosts": ["127.0.0.1"], "addresses": ["127.0.0.0/8"]}});
    let script = script.replace("SERVER", &format!("http://{server}"));
    Opening { host_calls: Arc::new(GrantedCalls::with(grants)), ..Opening::of(js, "js", json!({"script": script})) }
}

async fn records(line: &mut Box<dyn ActionLine>) -> Vec<Value> {
    line.take(0, &[json!({})]).await.expect("an outcome").records.expect("records")
}

fn summaries(effects: &[Effect]) -> Vec<&str> {
    effects.iter().map(|effect| effect.summary.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_carry_the_key_of_their_line_and_are_told_without_secrets() {
    let host = host(limits()).await;
    let (js, server) = (load(&host, prebuilt("js")).await, echo());
    let text = r#"
        const ask = async (init, path = '/a?token=secret') => (await (await fetch('SERVER' + path, init)).json()).request;
        const post = headers => ask({ method: 'POST', body: 'four', headers });
        return [{ all: [await ask(), await post(), await post({ 'Idempotency-Key': 'mine' }), await post()] }];
    "#;
    let mut line = script(&js, server, text).open(&host).await.expect("a line");
    let sent = records(&mut line).await;
    let keys: Vec<_> = sent[0]["all"].as_array().expect("requests").iter().map(key_of).collect();
    let [None, Some(first), Some(own), Some(third)] = &keys[..] else { panic!("{keys:?}") };
    assert_eq!(own, "mine");
    let (first, third) = (first.strip_prefix("result:10:0.0:"), third.strip_prefix("result:10:0.2:"));
    assert!(first.is_some() && first == third, "the same request has the same digest: {keys:?}");
    let effects = line.drain().effects;
    let told = summaries(&effects);
    assert!(told[0].starts_with(&format!("GET http://{server}/a?token=…: 200 in ")), "{told:?}");
    assert!(told[1].starts_with(&format!("POST http://{server}/a?token=…, 4 bytes: 200 in ")), "{told:?}");
    assert!(effects.iter().all(|effect| effect.done && effect.capability == Capability::Http));
    assert!(!format!("{effects:?}").contains("secret"));
    assert_eq!(line.close().await.expect("an outcome").severity, Severity::Success);
}

fn key_of(request: &Value) -> Option<String> {
    let text = request.as_str().expect("a text").to_ascii_lowercase();
    text.lines().find_map(|line| Some(line.strip_prefix("idempotency-key: ")?.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_reads_and_sends_nothing() {
    let host = host(limits()).await;
    let (js, server) = (load(&host, prebuilt("js")).await, echo());
    let text = r#"
        const got = await fetch('SERVER/a');
        const posted = await fetch('SERVER/a', { method: 'DELETE' });
        return [{ got: got.status, posted: posted.status, marked: posted.headers.get('ropewalk-dry-run') }];
    "#;
    let mut line = Opening { dry_run: true, ..script(&js, server, text) }.open(&host).await.expect("a line");
    assert_eq!(records(&mut line).await, [json!({"got": 200, "posted": 202, "marked": "1"})]);
    let effects = line.drain().effects;
    assert_eq!(effects.iter().map(|effect| effect.done).collect::<Vec<_>>(), [true, false]);
    assert!(effects[1].summary.ends_with("not sent, since this is a dry run"), "{}", effects[1].summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_is_told_even_if_the_guest_keeps_it_to_itself() {
    let host = host(limits()).await;
    let (module, js) = (load(&host, hostile("honest")).await, load(&host, prebuilt("js")).await);
    let (address, connections) = listen();
    let parameters = json!({"how": "storm", "count": 3, "url": format!("http://{address}/")});
    let mut line = Opening::of(&module, "misbehave", parameters).take(&host).await.expect("a line");
    let outcome = line.close().await.expect("an outcome");
    assert_eq!(outcome.severity, Severity::Warning);
    let told = outcome.message.expect("a message");
    assert!(told.contains("ropewalk module grant hostile http=127.0.0.1"), "{told}");
    assert_eq!(line.drain().log.len(), 1);
    // A host that is granted is not enough where its address is not public.
    let host_calls = Arc::new(GrantedCalls::with(json!({"http": {"hosts": ["*"]}})));
    let text = format!("try {{ await fetch('http://{address}/') }} catch {{}} throw new Error('gave up')");
    let opening = Opening { host_calls, ..Opening::of(&js, "js", json!({"script": text})) };
    let failure = opening.take(&host).await.map(drop).expect_err("it throws");
    assert!(failure.message.contains("gave up") && failure.message.contains("loopback"), "{}", failure.message);
    assert!(connections.try_recv().is_err(), "the server saw a connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_and_starts_are_effects_and_carry_their_number() {
    let host = host(limits()).await;
    let js = load(&host, prebuilt("js")).await;
    let grants = json!({"collections": {"names": ["orders"]}, "jobs": {"keys": ["nightly"]}});
    let text = r#"
        const orders = ctx.collection('orders');
        await orders.upsert('a', { n: 1 });
        const id = await ctx.startJob('nightly', {});
        await orders.upsert('b', { n: 2 });
        return [{ id: String(id) }];
    "#;
    for dry_run in [false, true] {
        let host_calls = Arc::new(GrantedCalls { dry_run, ..GrantedCalls::with(grants.clone()) });
        let opening = Opening::of(&js, "js", json!({"script": text}));
        let mut line =
            Opening { host_calls: Arc::clone(&host_calls), dry_run, ..opening }.open(&host).await.expect("a line");
        let id = if dry_run { "dry-run" } else { "result-1" };
        assert_eq!(records(&mut line).await, [json!({"id": id})]);
        let written = [("orders".to_owned(), 1, 0), ("orders".to_owned(), 1, 2)];
        assert_eq!(*host_calls.writes.lock().expect("no panic"), written);
        assert_eq!(*host_calls.starts.lock().expect("no panic"), [("nightly".to_owned(), 1)]);
        let effects = line.drain().effects;
        assert!(effects.iter().all(|effect| effect.done != dry_run), "{effects:?}");
        let started = if dry_run { "Start nightly: not started" } else { "Started nightly: result result-1" };
        assert!(effects[0].summary.starts_with("orders: 1 inserted") && effects[1].summary.starts_with(started));
    }
}

/// One instance at a time, so that each line gets the memory that the one before it had.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_one_line_is_left_for_the_next() {
    let host = host(Limits { instances: 1, ..Limits::default() }).await;
    let js = load(&host, prebuilt("js")).await;
    let text = r#"
        const was = [globalThis.mark ?? null, Math.random(), Array.prototype.mark ?? null];
        globalThis.mark = new Uint8Array(1 << 20).fill(7);
        Array.prototype.mark = 1;
        return [{ was }];
    "#;
    let mut seen = Vec::new();
    for _ in 0..20 {
        let mut line = Opening::of(&js, "js", json!({"script": text})).open(&host).await.expect("a line");
        seen.push(records(&mut line).await);
    }
    assert_eq!((&seen[0][0]["was"][0], &seen[0][0]["was"][2]), (&Value::Null, &Value::Null));
    assert!(seen.iter().all(|records| *records == seen[0]), "{seen:?}");
}
