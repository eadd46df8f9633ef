//! Sets that are larger than memory should be, through the built program.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::served::Server;
use crate::support::{folder, program, run, write};

/// How long a million records may take through three lines, and how much memory.
const SECONDS: f64 = 10.0;
const MEGABYTES: f64 = 300.0;

/// Records as orders have them, one on a line.
fn orders(folder: &Path, count: u64) -> String {
    let path = folder.join("orders.jsonl");
    let mut file = BufWriter::new(File::create(&path).expect("a file"));
    for n in 0..count {
        let country = ["ES", "PT", "FR", "DE"][(n % 4) as usize];
        // Cents in an order that looks like chance, each of them equally often.
        let cents = n * 7919 % 10_000;
        writeln!(
            file,
            r#"{{"id":{n},"name":"customer {}","country":"{country}","cents":{cents},"open":{}}}"#,
            n % 5000,
            n % 10 != 0
        )
        .expect("a line");
    }
    file.flush().expect("a file");
    path.to_str().expect("UTF-8").to_owned()
}

fn totals(orders: &str) -> Value {
    json!({"key": "totals", "lines": [
        {"filter": {"source": {"file": orders}, "where": {"open": true}}},
        {"action": "standard/set", "parameters": {"add": {"checked": true}}},
        {"action": "standard/aggregate", "parameters": {
            "groupBy": ["country"], "values": {"orders": {"count": true}, "cents": {"sum": "cents"}}}},
    ]})
}

#[test]
fn a_sorted_set_from_a_file_is_written_to_a_file() {
    let folder = folder();
    let orders = orders(folder.path(), 50_000);
    let job = json!({"key": "sorted", "lines": [
        {"filter": {"source": {"file": orders}, "where": {"open": true}, "orderBy": ["-cents", "id"], "select": ["id", "cents"]}},
        {"action": "standard/set", "parameters": {"add": {"checked": true}}},
    ]});
    let job = write(folder.path(), "job.json", &job.to_string());
    let mut expected: Vec<_> = (0..50_000_u64).filter(|n| n % 10 != 0).map(|n| (n * 7919 % 10_000, n)).collect();
    expected.sort_by_key(|(cents, n)| (std::cmp::Reverse(*cents), *n));
    let line = |(cents, n): &(u64, u64)| format!(r#"{{"id":{n},"cents":{cents},"checked":true}}"#);
    for ending in ["jsonl", "json", "csv"] {
        let output = folder.path().join(format!("sorted.{ending}"));
        let ended = run(&["run", &job, "--output", output.to_str().expect("UTF-8")]);
        assert_eq!(ended.code, 0, "{ended:#?}");
        assert!(ended.stdout.contains("… 44990 more records; --output FILE writes all of them"), "{}", ended.stdout);
        let text = std::fs::read_to_string(output).expect("a file");
        let found: Vec<String> = match ending {
            "jsonl" => text.lines().map(str::to_owned).collect(),
            "json" => {
                assert!(text.starts_with("[\n  {\n    \"id\": "), "{}", &text[..40]);
                let records: Vec<Value> = serde_json::from_str(&text).expect("JSON");
                records.iter().map(Value::to_string).collect()
            }
            _ => {
                assert!(text.starts_with("id,cents,checked\n"));
                let cells = text.lines().skip(1).map(|row| row.split(',').map(str::to_owned).collect::<Vec<_>>());
                cells.map(|row| format!(r#"{{"id":{},"cents":{},"checked":{}}}"#, row[0], row[1], row[2])).collect()
            }
        };
        assert!(found.iter().eq(&expected.iter().map(line).collect::<Vec<_>>()), "{ending}: another order");
    }
    let all = run(&["run", &job, "--json"]).json();
    assert_eq!((all["recordsOut"].as_u64(), all["records"].as_array().map(Vec::len)), (Some(45_000), Some(45_000)));
}

#[test]
fn a_server_keeps_large_sets_in_its_own_folder_and_leaves_nothing_there() {
    let data = folder();
    let (files, scratch) = (data.path().join("files/main"), data.path().join("scratch"));
    std::fs::create_dir_all(&files).expect("a folder");
    std::fs::create_dir_all(&scratch).expect("a folder");
    std::fs::write(scratch.join("of-an-earlier-server"), "left behind").expect("a file");
    orders(&files, 30_000);
    let server = Server::start(data.path());
    assert_eq!(std::fs::read_dir(&scratch).expect("a folder").count(), 0, "what an earlier server left is gone");
    let token = server.token().to_owned();
    server.save(&token, totals("orders.jsonl"));
    let id = server.start_job(&token, "totals");
    let result = server.await_end(&token, &id);
    assert_eq!((result["status"].as_str(), result["recordsOut"].as_u64()), (Some("SUCCESS"), Some(4)), "{result:#}");
    assert_eq!(result["lines"][1]["recordsOut"], 27_000);
    std::fs::remove_dir(&scratch).expect("nothing is left in it");
    let id = server.start_job(&token, "totals");
    let result = server.await_end(&token, &id);
    let told = result["lines"][0]["message"].as_str().expect("a message");
    assert!(told.contains("no scratch file can be made in ") && told.contains("/scratch: "), "{told}");
}

/// The figures of docs/performance.md: `cargo test --release -- --ignored --nocapture a_million`.
#[test]
#[ignore = "a measure: it takes some seconds and has a budget"]
fn a_million_records_keep_within_their_budget() {
    let folder = folder();
    let orders = orders(folder.path(), 1_000_000);
    let sorted = json!({"key": "sorted", "lines": [
        {"filter": {"source": {"file": orders}, "where": {"open": true}, "orderBy": ["name", "-cents"], "distinct": "id"}},
    ]});
    let mut told = String::new();
    for (name, job) in [("filter, set, aggregate", totals(&orders)), ("filter with order and distinct", sorted)] {
        let job = write(folder.path(), "job.json", &job.to_string());
        // The first time compiles the modules.
        run(&["check", &job]);
        let (seconds, megabytes) = measured(&job);
        writeln!(told, "{name}: {seconds:.1} s, {megabytes:.0} MB at most").expect("a text");
        assert!(seconds < SECONDS && megabytes < MEGABYTES, "{told}");
    }
    eprint!("{told}");
}

/// A million records that are found for a million others, and a set that feeds two lines.
#[test]
#[ignore = "a measure: it takes some seconds and has a budget"]
fn a_million_records_are_joined_within_their_budget() {
    const MEGABYTES: f64 = 150.0;
    let folder = folder();
    let orders = orders(folder.path(), 1_000_000);
    let joined = |lookup: Value| json!({"source": {"line": "orders"}, "lookup": {"found": lookup}, "where": {"found.cents": {"lt": 9_000}}});
    let line = json!({"line": "orders", "on": "id", "key": "id", "fields": ["name", "cents"], "missing": "drop"});
    let file = json!({"file": orders, "on": "id", "key": "id", "missing": "reject"});
    let job = json!({"key": "joined", "lines": [
        {"name": "orders", "filter": {"source": {"file": orders}}},
        {"name": "by-line", "filter": joined(line)},
        {"name": "by-file", "filter": joined(file)},
        {"filter": {"limit": 1}},
    ]});
    let job = write(folder.path(), "job.json", &job.to_string());
    run(&["check", &job]);
    let (seconds, megabytes) = measured(&job);
    eprintln!("two lookups of a million records in a million: {seconds:.1} s, {megabytes:.0} MB at most");
    assert!(megabytes < MEGABYTES, "{megabytes:.0} MB");
    let result = run(&["run", &job, "--json"]).json();
    let out = |line: usize| result["lines"][line]["recordsOut"].as_u64();
    assert_eq!([out(0), out(1), out(2)], [Some(1_000_000), Some(900_000), Some(900_000)]);
}

/// How long a job took, and the most memory that the program held.
fn measured(job: &str) -> (f64, f64) {
    let began = Instant::now();
    let mut program = program().args(["run", job]).stdout(Stdio::null()).spawn().expect("the program starts");
    let mut most = 0.0_f64;
    let ended = loop {
        most = most.max(peak(&program).unwrap_or(0.0));
        if let Some(ended) = program.try_wait().expect("a program") {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(ended.success());
    (began.elapsed().as_secs_f64(), most)
}

/// The most memory that a program has held so far, in megabytes.
fn peak(program: &Child) -> Option<f64> {
    let status = BufReader::new(File::open(format!("/proc/{}/status", program.id())).ok()?);
    let line = status.lines().map_while(Result::ok).find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024.0 / 1e6)
}
