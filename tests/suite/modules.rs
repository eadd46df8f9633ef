//! Modules as people meet them: written, built, installed into a running server, held to
//! their grants, upgraded and removed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::served::Server;
use crate::support::{Ended, folder, program};

impl Server {
    /// Runs a verb of `ropewalk module` against this server.
    fn module(&self, arguments: &[&str]) -> Ended {
        let server = format!("http://{}", self.address);
        let mut command = program();
        command.arg("module").args(arguments).args(["--server", &server]).env("ROPEWALK_TOKEN", self.token());
        command.output().expect("the program starts").into()
    }

    fn perform(&self, lines: Value, start: &str) -> Value {
        let saved = self.save(self.token(), json!({"key": "a-job", "lines": lines}));
        assert_eq!(saved["userErrors"], json!([]), "{saved:#}");
        let query = format!(
            "mutation {{ {start}(input: {{job: \"a-job\"}}) {{ jobResult {{ id }} userErrors {{ message }} }} }}"
        );
        let started = self.ask(self.token(), &query, json!({}))[start]["jobResult"]["id"].clone();
        let id = started.as_str().expect("an id");
        self.await_end(self.token(), id);
        let query = "query($id: ID!) { jobResult(id: $id) { status message dryRun modules { module version }
            lines { status message sample { records } rejected { reason } log { message }
                effects { capability done summary detail } } } }";
        self.ask(self.token(), query, json!({"id": id}))["jobResult"].clone()
    }
}

fn ended_well(ended: &Ended) -> &str {
    assert_eq!(ended.code, 0, "{ended:#?}");
    &ended.stdout
}

/// An HTTP server of the test: answers every request alike, and keeps what it got.
struct Listener {
    address: String,
    got: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let got = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&got);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream);
                let (mut request, mut length) = (String::new(), 0);
                while let Ok(1..) = reader.read_line(&mut request) {
                    let line = request.lines().last().unwrap_or_default().to_ascii_lowercase();
                    if let Some(bytes) = line.strip_prefix("content-length:") {
                        length = bytes.trim().parse().unwrap_or(0);
                    }
                    if line.is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                let _ = reader.read_exact(&mut body);
                request.push_str(&String::from_utf8_lossy(&body));
                kept.lock().expect("whole").push(request);
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
                let _ = write!(reader.get_mut(), "{head}\r\nContent-Length: {}\r\n\r\n{answer}", answer.len());
            }
        });
        Self { address, got }
    }

    fn got(&self) -> Vec<String> {
        self.got.lock().expect("whole").clone()
    }
}

#[test]
fn a_module_reaches_what_it_is_granted_and_nothing_else() {
    let (data, listener) = (folder(), Listener::start("[{\"ok\":true}]"));
    let server = Server::start(data.path());
    let url = format!("http://{}/orders?key=secret", listener.address);
    let lines = json!([
        {"filter": {"source": {"inline": [{"n": 1}, {"n": 2}]}}},
        {"action": "http.request", "parameters": {"url": url, "method": "POST"}},
    ]);
    let denied = server.perform(lines.clone(), "runJob");
    let told = denied["lines"][1]["message"].as_str().unwrap_or_default();
    assert_eq!(denied["status"], "ERROR", "{denied:#}");
    assert!(
        told.contains("may not send POST to 127.0.0.1") && told.contains("ropewalk module grant http http=127.0.0.1"),
        "{told}"
    );
    ended_well(&server.module(&["grant", "http", "http=127.0.0.1"]));
    let private = server.perform(lines.clone(), "runJob");
    assert!(private["lines"][1]["message"].as_str().unwrap_or_default().contains("loopback"), "{private:#}");
    assert_eq!(listener.got(), Vec::<String>::new(), "nothing was sent so far");
    ended_well(&server.module(&["grant", "http", "http.addresses=127.0.0.1"]));
    let dry = server.perform(lines.clone(), "dryRunJob");
    let effects = &dry["lines"][1]["effects"];
    assert_eq!(
        (&dry["dryRun"], &effects[0]["done"], &effects[0]["capability"]),
        (&json!(true), &json!(false), &json!("HTTP")),
        "{dry:#}"
    );
    assert_eq!(listener.got(), Vec::<String>::new(), "a dry run sends nothing");
    let done = server.perform(lines, "runJob");
    assert_eq!(done["status"], "SUCCESS", "{done:#}");
    let summary = done["lines"][1]["effects"][0]["summary"].as_str().unwrap_or_default();
    assert!(
        summary.contains("POST http://127.0.0.1") && summary.contains("200") && !summary.contains("secret"),
        "{summary}"
    );
    let got = listener.got();
    assert_eq!(got.len(), 1, "{got:#?}");
    assert!(
        got[0].to_lowercase().contains("idempotency-key: ") && got[0].ends_with("[{\"n\":1},{\"n\":2}]"),
        "{got:#?}"
    );
}

#[test]
fn a_script_fetches_with_its_own_grant() {
    let (data, listener) = (folder(), Listener::start("{\"rate\": 1.25}"));
    let server = Server::start(data.path());
    ended_well(&server.module(&["grant", "js", "http=127.0.0.1", "http.addresses=127.0.0.0/8", "http.methods=GET"]));
    let script = format!(
        "export default async (records, ctx) => {{ const answer = await fetch('http://{}/rates'); \
         const {{ rate }} = await answer.json(); return records.map(r => ({{ ...r, total: r.n * rate }})); }}",
        listener.address
    );
    let lines = json!([
        {"filter": {"source": {"inline": [{"n": 4}, {"n": 8}, {"n": 1}]}, "script": "r => r.n > 3"}},
        {"action": "js", "parameters": {"script": script}},
    ]);
    let done = server.perform(lines, "runJob");
    assert_eq!(done["lines"][1]["sample"]["records"], json!([{"n": 4, "total": 5}, {"n": 8, "total": 10}]), "{done:#}");
    assert_eq!(listener.got().len(), 1);
    let lines = json!([{"action": "js", "parameters": {"script": format!("await fetch('http://{}/', {{method: 'POST'}})", listener.address)}}]);
    let denied = server.perform(lines, "runJob");
    let told = denied["lines"][0]["message"].as_str().unwrap_or_default();
    assert!(told.contains("http.methods=POST"), "{denied:#}");
    assert_eq!(listener.got().len(), 1);
}

#[test]
fn a_line_that_is_killed_tells_what_it_had_done() {
    let (data, listener) = (folder(), Listener::start("{}"));
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = Server::start(data.path());
    ended_well(&server.module(&["grant", "js", "http=127.0.0.1", "http.addresses=127.0.0.0/8"]));
    let script = format!(
        "console.log('begun'); await fetch('http://{}/', {{ method: 'POST', body: 'x' }}); await fetch('http://{}/');",
        listener.address,
        silent.local_addr().expect("an address")
    );
    server.save(server.token(), json!({"key": "a-job", "lines": [{"action": "js", "parameters": {"script": script}}]}));
    let id = server.start_job(server.token(), "a-job");
    let _hanging = silent.accept().expect("the second request");
    let kill = "mutation($id: ID!) { killJobResult(input: {id: $id}) { jobResult { status } } }";
    server.ask(server.token(), kill, json!({"id": id}));
    let query =
        "query($id: ID!) { jobResult(id: $id) { status lines { status log { message } effects { done summary } } } }";
    let mut seen = Value::Null;
    for _ in 0..300 {
        seen = server.ask(server.token(), query, json!({"id": id}))["jobResult"].clone();
        if seen["lines"][0]["effects"].as_array().is_some_and(|effects| !effects.is_empty()) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let line = &seen["lines"][0];
    assert_eq!((&seen["status"], &line["status"]), (&json!("KILLED"), &json!("KILLED")), "{seen:#}");
    assert_eq!(
        (line["effects"].as_array().map(Vec::len), &line["log"][0]["message"]),
        (Some(2), &json!("begun")),
        "{seen:#}"
    );
    assert!(line["effects"][0]["summary"].as_str().unwrap_or_default().contains("200 in"), "{seen:#}");
}

#[test]
fn a_line_starts_another_job_once_and_dry_not_at_all() {
    let data = folder();
    let server = Server::start(data.path());
    let other =
        json!({"key": "other", "arguments": {"properties": {"n": {"type": "integer"}}}, "lines": [{"filter": {}}]});
    server.save(server.token(), other);
    ended_well(&server.module(&["grant", "jobs", "jobs=other"]));
    let lines = json!([
        {"filter": {"source": {"inline": [{"a": 1}]}}},
        {"action": "job.start", "parameters": {"job": "other", "arguments": {"n": 7}, "records": "set"}},
    ]);
    let dry = server.perform(lines.clone(), "dryRunJob");
    assert_eq!(dry["lines"][1]["effects"][0]["done"], false, "{dry:#}");
    let done = server.perform(lines, "runJob");
    assert_eq!(done["status"], "SUCCESS", "{done:#}");
    let query = "{ jobResults(job: \"other\") { nodes { startedBy arguments recordsIn status } } }";
    let mut started = server.ask(server.token(), query, json!({}))["jobResults"]["nodes"].clone();
    for _ in 0..500 {
        if started[0]["status"] == "SUCCESS" {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
        started = server.ask(server.token(), query, json!({}))["jobResults"]["nodes"].clone();
    }
    assert_eq!(started.as_array().map(Vec::len), Some(1), "{started:#}");
    assert_eq!((&started[0]["arguments"], &started[0]["recordsIn"]), (&json!({"n": 7}), &json!(1)));
    assert!(started[0]["startedBy"].as_str().unwrap_or_default().starts_with("job a-job (result "), "{started:#}");
    let other = json!([{"action": "job.start", "parameters": {"job": "a-job"}}]);
    let denied = server.perform(other, "runJob");
    assert!(denied["lines"][0]["message"].as_str().unwrap_or_default().contains("jobs=a-job"), "{denied:#}");
}

#[test]
fn what_is_no_module_is_refused_with_a_clear_message() {
    let (data, files) = (folder(), folder());
    let server = Server::start(data.path());
    let standard = std::fs::read(crate::support::root().join("actions/prebuilt/standard.wasm")).expect("a module");
    let cases: [(&str, Vec<u8>, &str); 5] = [
        (
            "random",
            (0..5000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect(),
            "not a WASM component",
        ),
        ("core", b"\0asm\x01\0\0\0".to_vec(), "core WASM module"),
        ("truncated", standard[..standard.len() / 2].to_vec(), "damaged"),
        ("bundled", standard, "comes with the program"),
        ("large", vec![0; 33 << 20], "at most 33554432 are allowed"),
    ];
    for (name, bytes, told) in cases {
        let path = files.path().join(format!("{name}.wasm"));
        std::fs::write(&path, bytes).expect("a file");
        let refused = server.module(&["install", path.to_str().expect("UTF-8")]);
        assert_eq!(refused.code, 2, "{name}: {refused:#?}");
        assert!(refused.stderr.contains(told), "{name}: {}", refused.stderr);
    }
    let listed = server.module(&["list", "--json"]).json();
    let owners: Vec<_> = listed.as_array().into_iter().flatten().map(|module| module["owner"].clone()).collect();
    assert!(!owners.is_empty() && owners.iter().all(|owner| owner == "BUNDLED"), "{listed:#}");
}

/// A project built by `module build`; none where no toolchain for it is installed.
fn build(folder: &Path) -> Option<PathBuf> {
    let built: Ended = program().args(["module", "build"]).arg(folder).output().expect("the program starts").into();
    let missing = built.stderr.contains("Rust cannot build for");
    if missing && std::env::var_os("ROPEWALK_REQUIRE_TOOLCHAIN").is_none() {
        eprintln!("SKIPPED: {}", built.stderr);
        return None;
    }
    ended_well(&built);
    Some(folder.join("target/ropewalk/shout.wasm"))
}

#[test]
fn a_new_module_is_built_checked_installed_upgraded_and_removed() {
    let (data, place) = (folder(), folder());
    let project = place.path().join("shout");
    let text = project.to_str().expect("UTF-8").to_owned();
    ended_well(&program().args(["module", "new", "shout", "--folder"]).arg(&project).output().expect("a start").into());
    let Some(module) = build(&project) else { return };
    let checked: Ended = program().args(["module", "check"]).arg(&project).output().expect("a start").into();
    let told = ended_well(&checked);
    assert!(
        told.contains("It needs no grants, and its lines have no side effects.") && told.contains("3 of 3 cases hold."),
        "{told}"
    );
    let server = Server::start(data.path());
    ended_well(&server.module(&["install", &text]));
    let lines = json!([
        {"filter": {"source": {"inline": [{"name": "ana"}, {"name": 7}]}}},
        {"action": "shout", "parameters": {"field": "name"}},
    ]);
    let done = server.perform(lines, "runJob");
    assert_eq!(done["lines"][1]["sample"]["records"], json!([{"name": "ANA"}]), "{done:#}");
    assert_eq!(done["lines"][1]["rejected"], json!([{"reason": "`name` is not a text"}]));
    assert_eq!(done["modules"], json!([{"module": "shout", "version": "0.1.0"}]));
    newer_version_takes_over(&server, &project, &module);
}

/// A second version beside the first: the job stays with what it was saved with until it
/// is upgraded, and then the first can go.
fn newer_version_takes_over(server: &Server, project: &Path, module: &Path) {
    let manifest = std::fs::read_to_string(project.join("Cargo.toml")).expect("a manifest");
    let component = std::fs::read(module).expect("a module");
    std::fs::write(project.join("Cargo.toml"), manifest.replace("version = \"0.1.0\"", "version = \"0.2.0\""))
        .expect("a file");
    std::fs::write(project.join("first.wasm"), component).expect("a file");
    build(project).expect("a module");
    ended_well(&server.module(&["install", project.to_str().expect("UTF-8")]));
    let versions = |server: &Server| {
        let query = "{ jobResults(first: 1) { nodes { modules { version } } } job(key: \"a-job\") { version } }";
        let id = server.start_job(server.token(), "a-job");
        server.await_end(server.token(), &id);
        let seen = server.ask(server.token(), query, json!({}));
        (seen["jobResults"]["nodes"][0]["modules"][0]["version"].clone(), seen["job"]["version"].clone())
    };
    assert_eq!(versions(server), (json!("0.1.0"), json!(1)), "an installation changes no job");
    let refused = server.module(&["remove", "shout@0.1.0"]);
    assert!(refused.code == 2 && refused.stderr.contains("in use by a-job (version 1)"), "{refused:#?}");
    let told = server.module(&["upgrade", "shout"]);
    assert!(ended_well(&told).contains("can run with shout@0.2.0"), "{told:#?}");
    ended_well(&server.module(&["upgrade", "shout", "--apply"]));
    assert_eq!(versions(server), (json!("0.2.0"), json!(2)));
    ended_well(&server.module(&["remove", "shout@0.1.0"]));
    let again = server.module(&["remove", "shout@0.1.0"]);
    assert!(again.code == 2 && again.stderr.contains("these versions are: 0.2.0"), "{again:#?}");
}

/// The modules that `tests/foreign/build.sh` made.
fn foreign() -> Option<PathBuf> {
    let folder = std::env::var_os("ROPEWALK_FOREIGN_MODULES").map(PathBuf::from);
    if folder.is_none() {
        eprintln!(
            "SKIPPED: ROPEWALK_FOREIGN_MODULES names no folder of modules in other languages; tests/foreign/build.sh makes it"
        );
    }
    folder
}

#[test]
fn modules_in_other_languages_are_installed_and_run() {
    let Some(modules) = foreign() else { return };
    let data = folder();
    let server = Server::start(data.path());
    let people = json!({"filter": {"source": {"inline": [{"name": "Ana"}, {"age": 7}]}}});
    let cases = [
        ("greeter-js", json!({"action": "greeter-js/greet", "parameters": {"greeting": "Hola, {{name}}"}})),
        ("greeter-py", json!({"action": "greeter-py/greet", "parameters": {"greeting": "Hola, {{name}}"}})),
        ("shout-c", json!({"action": "shout-c/shout", "parameters": {"field": "name"}})),
    ];
    for (module, line) in cases {
        let path = modules.join(format!("{module}.wasm"));
        ended_well(&server.module(&["install", path.to_str().expect("UTF-8")]));
        let done = server.perform(json!([people, line]), "runJob");
        assert_eq!(done["lines"][1]["status"], "WARNING", "{module}: {done:#}");
        assert_eq!(done["lines"][1]["rejected"].as_array().map(Vec::len), Some(1), "{module}: {done:#}");
        let record = &done["lines"][1]["sample"]["records"][0];
        let fits = if module == "shout-c" { record["name"] == "ANA" } else { record["greeting"] == "Hola, Ana" };
        assert!(fits, "{module}: {done:#}");
    }
    a_stock_fetch_is_held_to_its_grant(&server);
}

/// `fetch` of a component that knows nothing of Ropewalk: `wasi:http` under the grant `http`.
fn a_stock_fetch_is_held_to_its_grant(server: &Server) {
    let listener = Listener::start("{\"ok\": true}");
    let url = format!("http://{}/{{{{name}}}}", listener.address);
    let lines = json!([
        {"filter": {"source": {"inline": [{"name": "Ana"}]}}},
        {"action": "greeter-js/fetch-it", "parameters": {"url": url}},
    ]);
    let denied = server.perform(lines.clone(), "runJob");
    let told = denied["lines"][1]["message"].as_str().unwrap_or_default();
    assert!(
        denied["status"] == "ERROR" && told.contains("ropewalk module grant greeter-js http=127.0.0.1"),
        "{denied:#}"
    );
    assert_eq!(listener.got(), Vec::<String>::new());
    ended_well(&server.module(&["grant", "greeter-js", "http=127.0.0.1", "http.addresses=127.0.0.1"]));
    let done = server.perform(lines, "runJob");
    let answer = json!({"status": 200, "body": {"ok": true}});
    assert_eq!(done["lines"][1]["sample"]["records"], json!([{"name": "Ana", "answer": answer}]), "{done:#}");
    assert!(
        done["lines"][1]["effects"][0]["summary"].as_str().unwrap_or_default().starts_with("GET http://127.0.0.1"),
        "{done:#}"
    );
    assert_eq!(listener.got().len(), 1);
}
