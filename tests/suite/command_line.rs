//! The verbs, as somebody at a terminal or in a script meets them.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::served::Server;
use crate::support::{folder, program, run, write};

#[test]
fn a_run_prints_the_lines_and_the_message_and_nothing_else() {
    let ended = run(&["run", "examples/escalation.yaml", "--now", "2026-11-20T07:00:00Z"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "no progress in a pipe");
    for part in [
        "line  name",
        "people  standard/aggregate  success",
        "\nsuccess: All 4 lines did their work; 3 records came out.\n",
    ] {
        assert!(ended.stdout.contains(part), "`{part}` is not in\n{}", ended.stdout);
    }
}

#[test]
fn the_json_has_what_scripts_need() {
    let json = run(&["run", "examples/weekly-priorities.yaml", "--json", "--now", "2026-11-20T07:00:00Z"]).json();
    for field in [
        "status",
        "message",
        "recordsIn",
        "recordsOut",
        "recordsRejected",
        "startedAt",
        "finishedAt",
        "lines",
        "records",
        "rejected",
    ] {
        assert!(json.get(field).is_some(), "{field} is missing");
    }
    for field in
        ["lineNo", "name", "kind", "status", "recordsIn", "recordsOut", "recordsRejected", "message", "parameters"]
    {
        assert!(json["lines"][0].get(field).is_some(), "lines[0].{field} is missing");
    }
    assert_eq!(json["lines"][0]["parameters"]["where"]["dueDate"]["lte"], "2026-11-22");
}

#[test]
fn records_come_from_a_file_and_go_into_one() {
    let folder = folder();
    let job = write(folder.path(), "j.yaml", "key: j\nlines: [{ filter: { orderBy: -n } }]\n");
    let data = write(folder.path(), "d.csv", "n,note\n1,\"a, b\"\n2,c\n");
    for (ending, expected) in [
        ("jsonl", "{\"n\":\"2\",\"note\":\"c\"}\n{\"n\":\"1\",\"note\":\"a, b\"}\n"),
        ("csv", "n,note\n2,c\n1,\"a, b\"\n"),
    ] {
        let output = folder.path().join(format!("out.{ending}"));
        let ended = run(&["run", &job, "--data", &data, "--output", output.to_str().expect("UTF-8")]);
        assert_eq!(ended.code, 0, "{ended:#?}");
        assert_eq!(fs::read_to_string(output).expect("a file"), expected);
    }
    for ending in ["tsv", "xlsx"] {
        let output = folder.path().join(format!("out.{ending}"));
        let ended = run(&["run", &job, "--data", &data, "--output", output.to_str().expect("UTF-8")]);
        assert!(!output.exists() && ended.stderr.contains("use .json, .jsonl or .csv"), "{ended:#?}");
    }
    let report = folder.path().join("report.txt");
    run(&[
        "run",
        "examples/weekly-priorities.yaml",
        "--now",
        "2026-11-20T07:00:00Z",
        "--output",
        report.to_str().expect("UTF-8"),
    ]);
    assert!(fs::read_to_string(report).expect("a file").starts_with("Priorities of the week"));
}

#[test]
fn a_job_in_error_ends_with_code_1() {
    let folder = folder();
    let job = write(folder.path(), "j.yaml", "key: j\nlines: [{ action: fail, parameters: { message: No. } }]\n");
    let ended = run(&["run", &job]);
    assert_eq!(ended.code, 1);
    assert!(
        ended.stdout.contains("error: Stopped at line 10 (standard/fail) after 0 records: No."),
        "{}",
        ended.stdout
    );
}

#[test]
fn an_output_that_cannot_be_written_is_told_after_the_result() {
    let folder = folder();
    let nowhere = run(&["run", "examples/escalation.yaml", "--output", "/nowhere/at/all.csv"]);
    assert_eq!(
        (nowhere.code, nowhere.stdout.as_str()),
        (2, ""),
        "a folder that is not there is found before the job runs"
    );
    let ending = folder.path().join("out.doc");
    let ended = run(&[
        "run",
        "examples/escalation.yaml",
        "--now",
        "2026-11-20T07:00:00Z",
        "--output",
        ending.to_str().expect("UTF-8"),
    ]);
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "an unknown ending is found before the job runs");
    assert!(ended.stderr.contains("use .json, .jsonl or .csv"), "{}", ended.stderr);
    let script = "key: j\nlines: [{ action: js, parameters: { script: 'return { records: [{ a: 1 }] }' } }]\n";
    let script = write(folder.path(), "j.yaml", script);
    let ended = run(&["run", &script, "--output", ending.to_str().expect("UTF-8")]);
    assert_eq!(ended.code, 3, "a script may have made a report: {ended:#?}");
    assert!(ended.stdout.contains("success: ") && !ending.exists(), "{ended:#?}");
}

#[test]
fn a_file_that_is_there_stays_when_there_is_nothing_to_write() {
    let folder = folder();
    let failing = write(folder.path(), "j.yaml", "key: j\nlines: [{ action: fail, parameters: { message: No. } }]\n");
    for (job, name, code) in [(failing.as_str(), "keep.json", 1), ("examples/escalation.yaml", "keep.xml", 2)] {
        let kept = write(folder.path(), name, "precious");
        let ended = run(&["run", job, "--now", "2026-11-20T07:00:00Z", "--output", &kept]);
        assert_eq!((ended.code, fs::read_to_string(&kept).expect("a file").as_str()), (code, "precious"), "{ended:#?}");
        assert!(ended.stderr.contains(name), "{ended:#?}");
    }
}

/// The end of a pipe that nobody reads.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

#[test]
fn no_verb_panics_when_its_output_is_closed() {
    let folder = folder();
    let server = Server::start(&folder.path().join("data"));
    server.save(server.token(), json!({"key": "quick", "lines": [{"filter": {}}]}));
    let id = server.start_job(server.token(), "quick");
    server.await_end(server.token(), &id);
    let project = folder.path().join("project");
    let project = project.to_str().expect("UTF-8");
    let verbs: &[&[&str]] = &[
        &["--help"],
        &["--version"],
        &["run", "examples/escalation.yaml"],
        &["run", "examples/escalation.yaml", "--json"],
        &["check", "examples/escalation.yaml"],
        &["jobs"],
        &["jobs", "--json"],
        &["jobs", "deactivate", "quick"],
        &["start", "quick"],
        &["start", "quick", "--follow"],
        &["results"],
        &["show", &id],
        &["show", &id, "--json"],
        &["apply", "examples/escalation.yaml", "--dry-run"],
        &["diff", "examples/escalation.yaml"],
        &["export"],
        &["completions", "bash"],
        &["results", "--json"],
        &["logs", &id],
        &["logs", "--follow", &id],
        &["kill", &id],
        &["retry", &id],
        &["module", "new", "shout", "--folder", project],
        &["module", "build", "nowhere"],
        &["module", "check", "nowhere"],
        &["module", "install", "nowhere"],
        &["module", "list"],
        &["module", "grant", "http", "http=example.com"],
        &["module", "upgrade", "http"],
        &["module", "remove", "http@0.0.1"],
        &["preview", "* * * * *"],
        &["doctor"],
        &["schema", "job"],
        &["schema", "graphql"],
        &["schema", "js"],
        &["token"],
        &["bench", "--only", "lines"],
        &["jobs", "delete", "quick"],
    ];
    for verb in verbs {
        let mut command = program();
        command.args(*verb).env("ROPEWALK_SERVER", format!("http://{}", server.address));
        command.env("ROPEWALK_TOKEN", server.token()).stdout(closed_pipe());
        let ended = command.output().expect("the program starts");
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert!(!stderr.contains("panicked"), "{verb:?}: {stderr}");
        let code = ended.status.code().unwrap_or(-1);
        assert!((0..=2).contains(&code), "{verb:?} ended with {code}: {stderr}");
        assert!(code > 0 || stderr.is_empty(), "{verb:?}: {stderr}");
    }
}

#[test]
fn a_server_whose_output_is_closed_goes_on() {
    let data = folder();
    let mut command = program();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data.path());
    let mut child = command.stdout(closed_pipe()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let database = data.path().join("ropewalk.db");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !database.exists() {
        assert!(Instant::now() < deadline, "the server does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_secs(3));
    let ended = child.try_wait().expect("an answer");
    let _ = child.kill();
    let stderr = child.wait_with_output().expect("an end").stderr;
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(ended.is_none() && !stderr.contains("panicked"), "{stderr}");
}

#[test]
fn a_run_whose_output_is_closed_writes_its_file_and_keeps_its_exit_code() {
    let folder = folder();
    let output = folder.path().join("out.csv");
    let run = |arguments: &[&str]| {
        let ended = program().args(arguments).stdout(closed_pipe()).output().expect("the program starts");
        ended.status.code()
    };
    let path = output.to_str().expect("UTF-8");
    assert_eq!(run(&["run", "examples/escalation.yaml", "--now", "2026-11-20T07:00:00Z", "--output", path]), Some(0));
    assert!(output.exists());
    let failing = write(folder.path(), "j.yaml", "key: j\nlines: [{ action: fail, parameters: { message: No. } }]\n");
    assert_eq!(run(&["run", &failing]), Some(1));
}

#[test]
fn a_report_in_csv_is_printed_without_replacement_characters() {
    let folder = folder();
    let text = "key: j\nlines: [{ filter: { source: { inline: [{ n: 1 }, { n: 2 }] } } }, { action: report, parameters: { format: csv } }]\n";
    let ended = run(&["run", &write(folder.path(), "j.yaml", text)]);
    assert!(ended.code == 0 && ended.stdout.starts_with("n\n1\n2\n"), "{ended:#?}");
}

#[test]
fn what_was_denied_is_in_the_table_and_at_the_end() {
    let folder = folder();
    let text = "key: j\nlines: [{ filter: { source: { inline: [{ n: 1 }] } } }, { action: http.request, parameters: { url: 'https://api.example.com/', method: POST } }]\n";
    let ended = run(&["run", &write(folder.path(), "j.yaml", text)]);
    assert_eq!(ended.code, 1, "{ended:#?}");
    assert_eq!(ended.stdout.matches("may not send POST").count(), 2, "{}", ended.stdout);
}

#[test]
fn check_tells_that_a_job_is_sound() {
    let ended = run(&["check", "examples/escalation.yaml"]);
    assert_eq!(ended.code, 0);
    assert_eq!(ended.stdout, "examples/escalation.yaml: job escalation with 4 lines has no faults\n");
}

#[test]
fn a_file_may_hold_several_jobs_and_templates() {
    let ended = run(&["check", "examples/open-orders.yaml"]);
    let told: Vec<_> = ended.stdout.lines().filter_map(|line| line.split_once(": ")).map(|(_, told)| told).collect();
    let expected = [
        "job open-invoices with 2 lines has no faults",
        "job deliveries with 1 line has no faults",
        "filter template orders has no faults",
    ];
    assert_eq!((ended.code, told.as_slice()), (0, expected.as_slice()), "{ended:#?}");
    let which = run(&["run", "examples/open-orders.yaml"]);
    assert_eq!(which.code, 2);
    assert!(which.stderr.contains("has 2 jobs; name one of them: open-invoices, deliveries"), "{which:#?}");
    let wrong = run(&["run", "examples/open-orders.yaml", "--job", "delivery"]);
    assert!(wrong.stderr.contains("has no job `delivery`"), "{wrong:#?}");
}

#[test]
fn policies_and_notifications_are_checked_with_the_real_actions() {
    let folder = folder();
    let text = |webhook: &str| {
        format!(
            "{{ key: n, queue: erp, priority: 5, overlap: skip, timeout: 2h,
               notify: [{{ on: [error, recovered], webhook: '{webhook}' }},
                        {{ slowerThan: 10m, action: http.request, parameters: {{ url: 'https://example.com/$<job.key>' }} }}],
               lines: [{{ action: log, parameters: {{ message: hi }}, retry: {{ attempts: 5 }}, keep: true }}] }}"
        )
    };
    let good = run(&["check", &write(folder.path(), "good.yaml", &text("https://example.com/hook"))]);
    assert_eq!(good.code, 0, "{good:#?}");
    let ran = run(&["run", &write(folder.path(), "good.yaml", &text("https://example.com/hook"))]);
    assert_eq!(ran.code, 0, "a queue needs nothing here: {ran:#?}");
    let bad = run(&["check", &write(folder.path(), "bad.yaml", &text("nonsense"))]);
    assert!(bad.code == 2 && bad.stderr.contains("notify[0].webhook: "), "{bad:#?}");
}

#[test]
fn faults_of_every_part_of_a_file_are_told() {
    let folder = folder();
    let text = "
filterTemplates:
  - { key: t, values: { properties: { n: { type: integer } } }, limit: $<values.n> }
  - { key: u, where: { a: { grt: 1 } } }
jobs:
  - { key: a, lines: [{ filter: { template: t, values: { n: five } } }] }
  - { key: b, queue: some-queue, lines: [{ action: nothing-like-it }] }
";
    let file = write(folder.path(), "j.yaml", text);
    let ended = run(&["check", &file]);
    assert_eq!(ended.code, 2, "{ended:#?}");
    for beginning in [
        "3 faults",
        "filterTemplates[1].where.a.grt: there is no operator `grt`",
        "jobs[0].lines[0].filter.values.n: \"five\" is not an integer",
        "jobs[1].lines[0].action: there is no action `nothing-like-it`",
    ] {
        assert!(ended.stderr.contains(beginning), "{beginning} is not in {}", ended.stderr);
    }
    let ended = run(&["run", &file, "--job", "a"]);
    assert!(ended.stderr.contains("filterTemplates[1].where"), "{ended:#?}");
}

#[test]
fn schemas_are_printed() {
    assert_eq!(run(&["schema", "job"]).json()["title"], "Ropewalk job file");
    assert!(run(&["schema", "graphql"]).stdout.contains("type JobResult"));
}

#[test]
fn a_damaged_cache_is_mended() {
    let folder = folder();
    let cache = folder.path().join("cache");
    let run = || {
        program()
            .env("ROPEWALK_CACHE", &cache)
            .args(["check", "examples/escalation.yaml"])
            .output()
            .expect("the program starts")
    };
    assert!(run().status.success());
    let mut whole = Vec::new();
    for entry in fs::read_dir(&cache).expect("a cache") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|ending| ending == "cwasm") {
            let mut code = fs::read(&path).expect("code");
            whole.push((path.clone(), code.clone()));
            let middle = code.len() / 2;
            code[middle] ^= 0xff;
            fs::write(&path, code).expect("a file");
        }
    }
    assert!(!whole.is_empty(), "the check opens a line of the job, and compiles its module");
    let mended = run();
    assert!(mended.status.success(), "{mended:?}");
    for (path, code) in whole {
        assert!(fs::read(&path).expect("code") == code, "{} is still damaged", path.display());
    }
}
