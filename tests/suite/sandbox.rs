//! Guests that misbehave: each ends its line in error within its limit, with the
//! limit named, and the program goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actions::host::{Host, Limits};
use engine::engine::Engine;
use engine::execution::outcome::Performed;
use engine::execution::start::Start;
use engine::model::organization::Access;
use engine::model::status::Status;
use engine::node::service_error::ServiceError;
use engine::ports::clock::SystemClock;
use engine::ports::files::Folder;
use engine::ports::stores::Stores;
use engine::services::organizations::NewOrganization;
use memory::MemoryStore;
use serde_json::{Value, json};

use crate::stage::{cache, compiler, prebuilt};
use crate::support::root;

struct Bench {
    engine: Engine,
    access: Access,
}

/// An engine with the bundled modules and one that no organization wants.
async fn bench() -> Bench {
    let modules = actions::bundled::modules().into_iter().chain([prebuilt("hostile").into()]);
    let limits = Limits { memory: 64 << 20, output: 4 << 20, ..Limits::default() };
    let host = Host::new(limits, compiler(), cache(), modules).await;
    let stores = Stores::of(Arc::new(MemoryStore::new()));
    let files = Arc::new(Folder::confined_to(root()));
    let engine = Engine::new(stores, Arc::new(host.expect("a host")), files, Arc::new(SystemClock));
    let new = NewOrganization { key: "main".into(), name: "Main".into(), time_zone: "UTC".into() };
    let organization = engine.organizations().add(new).await.expect("an organization");
    Bench { engine, access: Access::of_operator(organization, "tester") }
}

impl Bench {
    async fn perform(&self, line: Value) -> Performed {
        let after = json!({"action": "set", "parameters": {"add": {"after": true}}});
        let job = json!({"key": "job", "stopsOnError": false, "lines": [line, after]});
        self.engine.jobs().save(&self.access, job, None).await.expect("a job");
        let start = Start { job: "job".into(), records: Some(vec![json!({"n": 1})]), ..Start::default() };
        self.engine.jobs().start(&self.access, start).await.expect("a start");
        let performed = self.engine.worker(1).step().await.expect("a store");
        performed.expect("a result")
    }

    /// The line must end in error within five seconds, with these words; the line after it works.
    async fn assert_contained(&self, line: Value, told: &str) {
        let began = Instant::now();
        let performed = self.perform(line.clone()).await;
        assert!(began.elapsed() < Duration::from_secs(5), "{line} took {:?}", began.elapsed());
        let first = &performed.lines[0];
        assert_eq!(first.status, Status::Error, "{line}: {first:?}");
        assert!(first.message.contains(told), "{line}: {}", first.message);
        assert_eq!(performed.lines[1].status, Status::Success, "{line}: {:?}", performed.lines[1]);
        assert_eq!(performed.records.to_vec().expect("the records"), [json!({"n": 1, "after": true})]);
    }
}

fn script(script: &str) -> Value {
    json!({"action": "js", "timeout": "300ms", "parameters": {"script": script}})
}

fn misbehave(how: &str) -> Value {
    json!({"action": "hostile/misbehave", "timeout": "300ms", "parameters": {"how": how}})
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_scripts_are_contained() {
    let bench = bench().await;
    let timeout = "longer than its timeout of 300ms";
    bench.assert_contained(script("for (;;) {}"), timeout).await;
    bench.assert_contained(script("export default async () => { for (;;) await null; }"), timeout).await;
    // Built-ins are interrupted too: a native engine would not look up for seconds.
    bench.assert_contained(script("return [{ s: new Array(2 ** 31).join('x') }]"), timeout).await;
    bench.assert_contained(script("return [{ m: /(a*)*b/.test('a'.repeat(40)) }]"), timeout).await;
    let memory = "memory limit of 64 MiB";
    bench.assert_contained(script("const all = []; for (;;) all.push(new Uint8Array(1 << 20).fill(1));"), memory).await;
    bench.assert_contained(script("let s = 'x'; for (;;) s += s;"), "string too long").await;
    bench.assert_contained(script("const f = () => f() + 1; return f();"), "Maximum call stack size exceeded").await;
    bench.assert_contained(script("return new Promise(() => {})"), "never settled").await;
    bench.assert_contained(script("return 5"), "returned a number").await;
    bench.assert_contained(script("return [5]"), "position 0").await;
    // A placeholder beside it keeps the script from being looked at when the job is saved.
    let late = json!({"action": "js", "parameters": {"script": "syntax error here", "n": "$<count>"}});
    bench.assert_contained(late, "SyntaxError").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_modules_are_contained() {
    let bench = bench().await;
    bench.assert_contained(misbehave("spin"), "longer than its timeout of 300ms").await;
    bench.assert_contained(misbehave("trap"), "crashed (trap: ").await;
    bench.assert_contained(misbehave("recurse"), "ran out of stack").await;
    bench.assert_contained(misbehave("grow"), "memory limit of 64 MiB").await;
    bench.assert_contained(misbehave("no-list"), "not a list of objects").await;
    bench.assert_contained(misbehave("no-json"), "not JSON").await;
    let parameters = json!({"how": "spin", "in_open": "{{eq count 1}}"});
    let in_open = json!({"action": "hostile/misbehave", "timeout": "300ms", "parameters": parameters});
    bench.assert_contained(in_open, "longer than its timeout of 300ms").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_when_it_is_opened_is_refused_when_the_job_is_saved() {
    let bench = bench().await;
    let spinning = json!({"action": "hostile/misbehave", "parameters": {"how": "spin", "in_open": true}});
    for (line, told) in [(script("return ((("), "SyntaxError"), (spinning, "longer than its timeout")] {
        let job = json!({"key": "job", "lines": [line]});
        let Err(ServiceError::Refused(faults)) = bench.engine.jobs().save(&bench.access, job, None).await else {
            panic!("the job was saved")
        };
        assert_eq!((faults.len(), faults[0].path.as_str()), (1, "lines[0].parameters"));
        assert!(faults[0].message.contains(told), "{faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_beyond_the_output_limit_is_refused() {
    let bench = bench().await;
    for size in [5 << 20, 6 << 20, 8 << 20] {
        let script = format!("return [{{ s: 'x'.repeat({size}) }}]");
        let line = json!({"action": "js", "timeout": "4s", "parameters": {"script": script}});
        bench.assert_contained(line, "output limit of 4 MiB").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chatterbox_is_cut_with_a_mark() {
    let line = json!({"action": "hostile/misbehave", "timeout": "30s", "parameters": {"how": "chatter"}});
    let performed = bench().await.perform(line).await;
    let log = &performed.lines[0].log;
    assert!(log.len() <= 1001, "{}", log.len());
    assert!(log.iter().all(|entry| entry.message.len() <= 8 * 1024 + 3));
    assert_eq!(log.last().map(|entry| entry.message.as_str()), Some("… 99000 further messages were left out"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spinning_guest_is_killed_at_once() {
    let bench = bench().await;
    let job = json!({"key": "job", "lines": [{"action": "hostile/misbehave", "parameters": {"how": "spin"}}]});
    bench.engine.jobs().save(&bench.access, job, None).await.expect("a job");
    let started = bench
        .engine
        .jobs()
        .start(&bench.access, Start { job: "job".into(), ..Start::default() })
        .await
        .expect("a start");
    let worker = bench.engine.worker(1);
    let running = tokio::spawn(async move { worker.step().await.expect("a store") });
    let mut lines = Vec::new();
    while lines.is_empty() {
        tokio::task::yield_now().await;
        lines = bench.engine.results().lines(bench.access.scope(), &[started.id]).await.expect("lines");
    }
    let began = Instant::now();
    let killed = bench.engine.results().kill(&bench.access, started.id, None).await.expect("a kill");
    assert_eq!(killed.status, Status::Killed);
    assert!(running.await.expect("no panic").is_none());
    assert!(began.elapsed() < Duration::from_secs(1), "the guest went on for {:?}", began.elapsed());
}
