//! Components that nobody should load, and lines that nobody should open: refused or
//! contained, with a clear sentence, and nobody else notifications.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actions::host::{Host, Limits};
use engine::model::module::ModuleInfo;
use engine::ports::actions::{Actions, FailureKind};
use serde_json::json;

use crate::stage::{Opening, host, hostile, load, prebuilt};

/// Small, so that what breaks a limit does so soon.
fn limits() -> Limits {
    Limits { memory: 64 << 20, output: 4 << 20, instances: 8, function: 256 << 10, ..Limits::default() }
}

/// The component is refused within this time, with these words in its faults.
async fn assert_refused(host: &Host, component: Vec<u8>, seconds: u64, told: &[&str]) {
    let began = Instant::now();
    let faults = host.load(component.into()).await.expect_err("it is hostile");
    assert!(began.elapsed() < Duration::from_secs(seconds), "{told:?} took {:?}", began.elapsed());
    assert_eq!(faults.len(), told.len(), "{faults:#?}");
    for (fault, told) in faults.iter().zip(told) {
        assert!(fault.contains(told), "`{told}` is not in {fault}");
        assert!(fault.len() < 1500 && !fault.contains('\n'), "{fault}");
    }
}

fn text(component: &str) -> Vec<u8> {
    wat::parse_str(component).expect("a component")
}

#[tokio::test]
async fn what_is_no_component_is_refused() {
    let host = host(limits()).await;
    let random: Vec<u8> = (0_u32..100_000).map(|no| (no.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    assert_refused(&host, random, 1, &["not a WASM component"]).await;
    assert_refused(&host, Vec::new(), 1, &["not a WASM component"]).await;
    assert_refused(&host, text("(module)"), 1, &["core WASM module"]).await;
    assert_refused(&host, vec![0; 100 << 20], 1, &["has 100 MiB; at most 32 MiB"]).await;
    let whole = prebuilt("hostile");
    for part in [8, 9, 100, whole.len() / 2, whole.len() - 1] {
        let faults = host.load(whole[..part].to_vec().into()).await.expect_err("it is cut off");
        assert!(!faults.is_empty() && faults.iter().all(|fault| fault.len() < 500), "{part}: {faults:?}");
    }
}

/// Whatever one byte becomes, loading ends in time, and the program goes on.
#[tokio::test]
async fn a_damaged_component_harms_nobody() {
    let host = host(limits()).await;
    let whole = prebuilt("hostile");
    for step in 1..12_usize {
        let mut damaged = whole.clone();
        let place = (step * 7919 * 13) % damaged.len();
        damaged[place] ^= 1 << (step % 8);
        let began = Instant::now();
        // It may still be a module: what matters is that nothing breaks.
        let _ = host.load(damaged.into()).await;
        assert!(began.elapsed() < Duration::from_secs(15), "byte {place} took {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn every_fault_is_told_at_once() {
    let host = host(limits()).await;
    let nothing = r#"(component
        (import "ropewalk:host/files@1.0.0" (instance))
        (import "ropewalk:host/log@1.9.0" (instance))
        (import "wasi:keyvalue/store@0.2.0" (instance))
    )"#;
    let told = [
        "imports `ropewalk:host/files@1.0.0`, which this host does not know",
        "this host supports ropewalk:host/log@1.0.0",
        "imports `wasi:keyvalue/store@0.2.0`, which this host does not offer",
        "does not export `ropewalk:action/actions@1.0.0`",
        "has no name",
        "has no version",
    ];
    assert_refused(&host, text(nothing), 1, &told).await;
}

#[tokio::test]
async fn what_is_too_large_or_too_deep_is_refused_before_it_is_compiled() {
    let host = host(limits()).await;
    assert_refused(&host, nested(1000), 2, &["more than 10 levels deep"]).await;
    let large = "(component (core module (memory 2000) (table 10000000 funcref)))";
    let told = ["a table of 10000000 elements; at most 100000", "125 MiB of memory; at most 64 MiB"];
    assert_refused(&host, text(large), 2, &told).await;
    let functions = format!("(component (core module {}))", "(func)".repeat(150_000));
    assert_refused(&host, text(&functions), 5, &["has 150000 functions; at most 100000"]).await;
    let long = format!("(component (core module (func {})))", "i32.const 1 drop ".repeat(200_000));
    assert_refused(&host, text(&long), 5, &["has a function of 585 KiB; at most 256 KiB"]).await;
}

/// Components inside each other.
fn nested(depth: usize) -> Vec<u8> {
    let empty = text("(component)");
    (0..depth).fold(empty.clone(), |inner, _| {
        // A section of the kind 4, and its length in seven bits a byte.
        let mut outer = [empty.as_slice(), &[4]].concat();
        let mut length = inner.len();
        while length >= 0x80 {
            outer.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        outer.push(length as u8);
        outer.extend(inner);
        outer
    })
}

/// A module that would be one, but for the time or the memory that its compilation takes.
fn bomb(functions: usize) -> Vec<u8> {
    // Branches and many values that live on: that is what takes a compiler long.
    let step = |no: usize| {
        let [a, b, c] = [no % 61, (no * 7 + 1) % 61, (no * 13 + 2) % 61];
        format!(
            "local.get {a} if local.get {b} local.get {c} i32.mul local.set {a} \
             else local.get {c} call 0 local.set {b} end "
        )
    };
    let body = (0..12_000).map(step).collect::<String>();
    let function = format!("(func (param i32) (result i32) (local {}) {body} local.get 0)", "i32 ".repeat(60));
    let text = format!("(component (core module {}))", function.repeat(functions));
    let mut component = wat::parse_str(text).expect("a component");
    component.extend_from_slice(&actions_export());
    component
}

/// The end of a component that says that it is a module: what is checked before it is compiled.
fn actions_export() -> Vec<u8> {
    let named = r#"(component (instance $i) (export "ropewalk:action/actions@1.0.0" (instance $i)))"#;
    let mut metadata = wasm_metadata::AddMetadata::default();
    metadata.name = wasm_metadata::AddMetadataField::Set("bomb".to_owned());
    metadata.version = wasm_metadata::AddMetadataField::Set("1.0.0".parse().expect("a version"));
    let component = metadata.to_wasm(&text(named)).expect("a component");
    // Without the eight bytes that every component begins with.
    component[8..].to_vec()
}

#[tokio::test]
async fn a_bomb_is_stopped_in_its_own_process() {
    let slow = host(Limits { compile_time: Duration::from_secs(1), ..limits() }).await;
    assert_refused(&slow, bomb(12), 6, &[" 1s"]).await;
    let small = host(Limits { compile_memory: 8 << 20, ..limits() }).await;
    assert_refused(&small, bomb(12), 30, &["needs more than 8 MiB"]).await;
}

#[tokio::test]
async fn a_list_that_lies_is_refused() {
    let host = host(Limits { listing: Duration::from_millis(300), ..limits() }).await;
    let cases = [
        ("spin", "takes longer than 300ms to list its actions"),
        ("trap", "cannot list its actions: The action crashed (trap: "),
        ("schema", "gives action `misbehave` a schema that is not JSON"),
        ("array", "gives action `misbehave` a schema that does not describe an object"),
        ("twins", "lists two actions with the name `misbehave`"),
        ("name", "lists action `two words/one slash` (position 0), which is not a valid name"),
        ("many", "limit"),
        ("huge", "limit"),
        ("none", "lists no actions"),
    ];
    for (word, told) in cases {
        assert_refused(&host, hostile(word), 10, &[told]).await;
    }
    assert_eq!(load(&host, hostile("honest")).await.actions.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_breaks_a_limit_is_told_which() {
    let host = host(Limits { calls: 50, sentence: 1000, ..limits() }).await;
    let module = load(&host, hostile("honest")).await;
    let cases = [
        ("spin", FailureKind::Timeout, "longer than its timeout of 500ms"),
        ("trap", FailureKind::Trap, "crashed (trap: "),
        ("recurse", FailureKind::Limit, "ran out of stack"),
        ("grow", FailureKind::Limit, "memory limit of 64 MiB"),
        ("table", FailureKind::Limit, "a table of more than 100000 elements"),
        ("flood", FailureKind::Limit, "limit of "),
        ("no-list", FailureKind::Trap, "not a list of objects"),
        ("no-json", FailureKind::Trap, "not JSON"),
        ("deep", FailureKind::Trap, "nested more than 64 deep"),
        ("twice", FailureKind::Trap, "occurs twice"),
    ];
    for (how, kind, told) in cases {
        for place in [json!({}), json!({"in_open": true}), json!({"in_close": true})] {
            let mut parameters = json!({"how": how});
            parameters.as_object_mut().expect("an object").extend(place.as_object().expect("an object").clone());
            let answers = ["flood", "no-list", "no-json", "deep", "twice"].contains(&how);
            if answers && parameters.get("in_open").is_some() {
                continue;
            }
            let opening =
                Opening { timeout: Duration::from_millis(500), ..Opening::misbehave(&module, parameters.clone()) };
            let began = Instant::now();
            let failure = match opening.take(&host).await {
                Ok(mut line) => line.close().await.map(drop).expect_err(how),
                Err(failure) => failure,
            };
            assert!(began.elapsed() < Duration::from_secs(3), "{parameters} took {:?}", began.elapsed());
            assert!(failure.message.contains(told), "{parameters}: {}", failure.message);
            assert_eq!(failure.kind, kind, "{parameters}: {}", failure.message);
            assert!(failure.message.len() < 2000, "{parameters}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_line_says_is_cut() {
    let host = host(Limits { sentence: 1000, output: 16 << 20, ..limits() }).await;
    let module = load(&host, hostile("honest")).await;
    let wail = Opening::misbehave(&module, json!({"how": "wail"})).take(&host).await.map(drop);
    assert_eq!(wail.expect_err("it wails").message.len(), 1003);
    let mut line = Opening::misbehave(&module, json!({"how": "shout"})).open(&host).await.expect("a line");
    let outcome = line.take(0, &[json!({})]).await.expect("an outcome");
    assert_eq!(outcome.message.expect("a message").len(), 1003);
    let mut line = Opening::misbehave(&module, json!({"how": "whisper"})).take(&host).await.expect("a line");
    assert_eq!(line.drain().log.len(), 1001);
    for how in ["reject-all", "beyond"] {
        let mut line = Opening::misbehave(&module, json!({"how": how})).open(&host).await.expect("a line");
        match line.take(0, &[json!({})]).await {
            Ok(outcome) => assert_eq!(outcome.rejected.len(), 1),
            Err(failure) => assert!(failure.message.len() < 300, "{}", failure.message),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_without_end_are_counted() {
    let host = host(Limits { calls: 50, ..limits() }).await;
    let module = load(&host, hostile("honest")).await;
    let storm = json!({"how": "storm", "count": 1000, "url": "http://127.0.0.1:1/"});
    let mut line = Opening::misbehave(&module, storm).take(&host).await.expect("a line");
    assert_eq!(line.drain().effects.len(), 50);
}

/// What a well-behaved line takes beside those that misbehave, against what it takes alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: run it on a quiet machine, with `--ignored --nocapture`"]
async fn neighbours_keep_their_latency() {
    let host = Arc::new(host(Limits { instances: 16, ..limits() }).await);
    let module = load(&host, hostile("honest")).await;
    let set = load(&host, prebuilt("standard")).await;
    let (alone, mut worst) = (p99(&host, &set).await, Duration::ZERO);
    for how in ["spin", "grow", "chatter", "flood", "recurse", "table", "whisper"] {
        let stop = tokio_util::sync::CancellationToken::new();
        let (attacker, attacked, stopped) = (Arc::clone(&host), module.clone(), stop.clone());
        let attack = tokio::spawn(async move {
            while !stopped.is_cancelled() {
                let timeout = Duration::from_millis(200);
                let opening = Opening::misbehave(&attacked, json!({"how": how}));
                let _ = Opening { timeout, ..opening }.take(&attacker).await;
            }
        });
        let beside = p99(&host, &set).await;
        stop.cancel();
        attack.await.expect("no panic");
        println!("{how}: p99 {beside:?} beside it, {alone:?} alone");
        worst = worst.max(beside);
    }
    assert!(worst < alone * 2, "{worst:?} beside the worst of them, {alone:?} alone");
}

/// As a server works: each line in a task of its own.
async fn p99(host: &Arc<Host>, module: &ModuleInfo) -> Duration {
    let mut times = Vec::new();
    for _ in 0..2000 {
        let (host, began) = (Arc::clone(host), Instant::now());
        let opening = Opening::of(module, "set", json!({"add": {"checked": true}}));
        let line = tokio::spawn(async move {
            let mut line = opening.take(&host).await.expect("a line");
            line.close().await.expect("an outcome");
        });
        line.await.expect("no panic");
        times.push(began.elapsed());
    }
    times.sort();
    times[times.len() * 99 / 100]
}
