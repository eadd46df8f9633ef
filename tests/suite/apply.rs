//! Job files and a server: `apply`, `diff` and `export`.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use serde_json::{Value, json};

use crate::served::Server;
use crate::support::{Ended, done, folder, program, write};

const TEMPLATE: &str = "filterTemplates:\n  - key: cheap\n    values: { properties: { most: { type: number } } }\n    where: { price: { lte: \"$<values.most>\" } }\n";

fn job(key: &str, limit: u32) -> String {
    format!("key: {key}\nlines: [{{ filter: {{ limit: {limit} }} }}]\n")
}

/// The key and the version of each job on the server.
fn versions(server: &Server) -> Vec<(String, u64)> {
    let jobs = server.verb(&["jobs", "--json"]).json();
    let jobs = jobs.as_array().expect("a list").iter();
    jobs.map(|job| (job["key"].as_str().expect("a key").to_owned(), job["version"].as_u64().expect("a version")))
        .collect()
}

fn templates(server: &Server) -> Vec<Value> {
    let query = "{ filterTemplates(first: 100) { nodes { key version global } } }";
    server.ask(server.token(), query, json!({}))["filterTemplates"]["nodes"].as_array().expect("a list").clone()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn a_folder_is_applied_once_and_then_nothing_changes() {
    let (data, jobs) = (folder(), folder());
    let server = Server::start(data.path());
    let path = text(jobs.path());
    fs::create_dir(jobs.path().join("more")).expect("a folder");
    write(jobs.path(), "a-job.yaml", "key: buys\nlines:\n  - filter: { template: cheap, values: { most: 5 } }\n");
    write(jobs.path(), "z-template.yml", TEMPLATE);
    write(
        jobs.path(),
        "more/two.json",
        r#"{"jobs": [{"key": "one", "lines": [{"filter": {}}]}, {"key": "two", "lines": [{"filter": {}}]}]}"#,
    );
    write(jobs.path(), "notes.txt", "these are no jobs");
    write(jobs.path(), "more/data.json", r#"{"orders": [{"id": 1}]}"#);
    write(jobs.path(), "more/list.yaml", "[1, 2]");

    let asked = server.verb(&["apply", path]);
    assert!(asked.code == 2 && asked.stderr.contains("--yes"), "{asked:#?}");
    let tried = server.verb(&["apply", path, "--dry-run"]);
    assert!(done(&tried).contains("Dry run: nothing was saved."), "{tried:#?}");
    assert!(versions(&server).is_empty() && templates(&server).is_empty());

    let applied = server.verb(&["apply", path, "--yes"]);
    let saved: Vec<_> = done(&applied).lines().filter(|line| line.starts_with("Saved ")).collect();
    let expected = ["filter template cheap", "job buys", "job one", "job two"];
    assert_eq!(saved, expected.map(|name| format!("Saved {name} as version 1.")), "the template comes first");

    for arguments in [&["apply", path][..], &["apply", path, "--yes"], &["apply", path, "--prune"]] {
        let again = server.verb(arguments);
        assert!(
            done(&again).ends_with("\nNothing changes.\n") && again.stdout.contains("unchanged  job"),
            "{again:#?}"
        );
    }
    let first = |key: &str| (key.to_owned(), 1);
    assert_eq!(versions(&server), [first("buys"), first("one"), first("two")]);

    write(jobs.path(), "a-job.yaml", &job("buys", 3));
    let changed = server.verb(&["apply", path, "--yes", "--json"]).json();
    let changes = changed["changes"].as_array().expect("a list");
    let saved: Vec<_> = changes.iter().filter(|change| change["saved"] == true).collect();
    assert_eq!(saved.len(), 1, "{changed:#}");
    assert_eq!(
        (&saved[0]["key"], &saved[0]["change"], &saved[0]["version"]),
        (&json!("buys"), &json!("changed"), &json!(2))
    );
}

#[test]
fn nothing_is_saved_if_one_document_has_a_fault() {
    let (data, jobs) = (folder(), folder());
    let server = Server::start(data.path());
    let refused = |parts: &[&str]| {
        let ended = server.verb(&["apply", text(jobs.path()), "--yes"]);
        assert_eq!(ended.code, 2, "{ended:#?}");
        for part in parts {
            assert!(ended.stderr.contains(part), "`{part}` is not in {ended:#?}");
        }
        assert!(versions(&server).is_empty(), "nothing was saved");
    };
    write(jobs.path(), "a.yaml", &job("good", 1));
    write(
        jobs.path(),
        "b.yaml",
        "jobs:\n  - { key: x, lines: [{ filter: {} }] }\n  - { key: bad, lines: [{ action: nothing }] }\n",
    );
    refused(&["b.yaml: the job bad has 1 fault", "jobs[1].lines[0].action", "Nothing was saved."]);
    assert!(templates(&server).is_empty());

    // A template that is not saved yet, with a value that it does not know, and one that is not known either.
    write(jobs.path(), "t.yaml", TEMPLATE);
    let lines = "lines: [{ filter: { template: cheap, values: { most: many } } }, { filter: { template: cheap, values: { most: \"$<args.x>\" } } }]";
    write(jobs.path(), "b.yaml", &format!("key: bad\narguments: {{ properties: {{ y: {{}} }} }}\n{lines}\n"));
    refused(&["  lines[0].filter.values.most: ", "  lines[1].filter.values.most: "]);
    write(jobs.path(), "b.yaml", &job("good", 1));
    refused(&["the job good is also in"]);
    write(jobs.path(), "b.yaml", "lines: []\n");
    refused(&["b.yaml: 1 fault", "key: write the key of the job"]);
    write(jobs.path(), "b.yaml", "a: [\n");
    refused(&["b.yaml: "]);
    assert!(templates(&server).is_empty(), "nothing was saved");
}

#[test]
fn a_template_that_would_break_a_saved_job_is_refused_before_anything_is_saved() {
    let (data, jobs) = (folder(), folder());
    let server = Server::start(data.path());
    let path = text(jobs.path());
    write(jobs.path(), "t.yaml", TEMPLATE);
    write(jobs.path(), "a.yaml", "key: buys\nlines: [{ filter: { template: cheap, values: { most: 5 } } }]\n");
    done(&server.verb(&["apply", path, "--yes"]));
    fs::remove_file(jobs.path().join("a.yaml")).expect("a file");
    write(jobs.path(), "b.yaml", &job("another", 1));
    write(jobs.path(), "t.yaml", &TEMPLATE.replace("number", "string"));
    let refused = server.verb(&["apply", path, "--yes"]);
    assert!(refused.code == 2 && refused.stderr.contains("job `buys` would break: lines[0].filter"), "{refused:#?}");
    assert_eq!(versions(&server), [("buys".to_owned(), 1)]);
}

/// Stands between the program and a server, sees each request first, and answers it only if `see` says so.
fn relay(server: &Server, mut see: impl FnMut(&str) -> bool + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let to = server.address.clone();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.expect("a connection");
            let request = read_request(&mut client);
            if !see(&String::from_utf8_lossy(&request)) {
                continue;
            }
            let mut server = TcpStream::connect(&to).expect("the server");
            server.write_all(&request).expect("a request");
            let mut answer = Vec::new();
            server.read_to_end(&mut answer).expect("an answer");
            client.write_all(&answer).expect("an answer");
        }
    });
    address
}

fn read_request(client: &mut TcpStream) -> Vec<u8> {
    let (mut request, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&request).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return request;
            }
        }
        let read = client.read(&mut part).expect("a request");
        assert!(read > 0, "the request ended early");
        request.extend_from_slice(&part[..read]);
    }
}

#[test]
fn what_somebody_else_saved_meanwhile_is_not_overwritten() {
    let (data, jobs) = (folder(), folder());
    let server = Server::start(data.path());
    for key in ["a", "b", "c"] {
        write(jobs.path(), &format!("{key}.yaml"), &job(key, 1));
    }
    done(&server.verb(&["apply", text(jobs.path()), "--yes"]));
    for key in ["a", "b", "c"] {
        write(jobs.path(), &format!("{key}.yaml"), &job(key, 2));
    }
    let theirs = |limit: u32| json!({"key": "b", "lines": [{"filter": {"limit": limit}}]});
    let (address, token, mut limit) = (server.address.clone(), server.token().to_owned(), 70);
    let relay = relay(&server, move |request| {
        if request.contains("saveJob") && request.contains("\"key\":\"b\"") {
            let query = "mutation($d: JSON!) { saveJob(input: {document: $d}) { job { version } } }";
            let post =
                ureq::post(format!("http://{address}/graphql")).header("Authorization", format!("Bearer {token}"));
            limit += 1;
            post.send_json(json!({"query": query, "variables": {"d": theirs(limit)}})).expect("an answer");
        }
        true
    });
    let apply = |more: &[&str]| -> Ended {
        let mut command = program();
        command.args(["apply", text(jobs.path()), "--yes", "--token", server.token()]).args(more);
        command.args(["--server", &format!("http://{relay}")]).output().expect("the program starts").into()
    };
    let conflict = apply(&[]);
    assert_eq!(conflict.code, 2, "{conflict:#?}");
    let told: Vec<_> = conflict.stderr.lines().collect();
    assert!(
        told[0].starts_with("The job b was not saved: ") && told[0].contains("the job is at version 2"),
        "{conflict:#?}"
    );
    assert_eq!(told[1..], ["Saved job a as version 2.", "Not done: job c"]);
    let expected = [("a", 2), ("b", 2), ("c", 1)].map(|(key, version)| (key.to_owned(), version));
    assert_eq!(versions(&server), expected);
    let exported = server.verb(&["export", "b"]).json();
    assert_eq!(exported, theirs(71), "the change of the other person is still there");

    let error = apply(&["--json"]).json()["error"].take();
    assert_eq!(error["code"], "CONFLICT", "{error:#}");
    let saved: Vec<_> = error["changes"].as_array().expect("a list").iter().map(|change| &change["saved"]).collect();
    assert_eq!(saved, [false, false, false], "a was saved before, b is refused again, c comes after it");
}

#[test]
fn a_connection_that_breaks_while_saving_is_code_3_and_says_what_is_known() {
    let (data, jobs) = (folder(), folder());
    let server = Server::start(data.path());
    for key in ["a", "b", "c"] {
        write(jobs.path(), &format!("{key}.yaml"), &job(key, 1));
    }
    let relay = relay(&server, |request| !(request.contains("saveJob") && request.contains("\"key\":\"b\"")));
    let mut command = program();
    command.args(["apply", text(jobs.path()), "--yes", "--token", server.token()]);
    let broken: Ended =
        command.args(["--server", &format!("http://{relay}")]).output().expect("the program starts").into();
    let told: Vec<_> = broken.stderr.lines().collect();
    assert!(broken.code == 3 && told[0].starts_with("It is not known whether the job b was saved"), "{broken:#?}");
    assert_eq!(told[1..], ["Saved job a as version 1.", "Not done: job c"]);
    assert!(
        done(&server.verb(&["apply", text(jobs.path()), "--yes"])).contains("unchanged  job   a"),
        "it can be repeated"
    );
}

#[test]
fn what_cannot_be_changed_or_deleted_is_said_with_the_cure() {
    let (data, jobs) = (folder(), folder());
    let server = Server::start(data.path());
    let query = "mutation { saveFilterTemplate(input: {document: {key: \"shared\"}, global: true}) { userErrors { message } } }";
    server.ask(server.token(), query, json!({}));
    write(jobs.path(), "t.yaml", "filterTemplates: [{ key: shared, limit: 5 }]\n");
    let shared = server.verb(&["apply", text(jobs.path()), "--yes"]);
    assert!(shared.code == 2 && shared.stderr.contains("choose another key"), "{shared:#?}");
    write(jobs.path(), "t.yaml", &job("kept", 1));
    let slow = json!({"key": "slow", "lines": [{"action": "js", "parameters": {"script": "for (;;) {}"}}]});
    server.save(server.token(), slow);
    server.start_job(server.token(), "slow");
    let open = server.verb(&["apply", text(jobs.path()), "--prune", "--yes"]);
    assert!(open.code == 2 && open.stderr.contains("`ropewalk jobs delete slow --kill-open`"), "{open:#?}");
    assert!(open.stderr.contains("Saved job kept as version 1."), "{open:#?}");
}

#[test]
fn prune_deletes_only_what_the_folder_does_not_have() {
    let (data, jobs) = (folder(), folder());
    let server = Server::start(data.path());
    let template = |key: &str, global: bool| {
        let query = "mutation($d: JSON!, $global: Boolean) { saveFilterTemplate(input: {document: $d, global: $global}) { userErrors { message } } }";
        let saved = server.ask(server.token(), query, json!({"d": {"key": key}, "global": global}));
        assert_eq!(saved["saveFilterTemplate"]["userErrors"], json!([]), "{saved}");
    };
    template("shared", true);
    template("used", false);
    template("old", false);
    for key in ["kept", "gone"] {
        server.save(server.token(), json!({"key": key, "lines": [{"filter": {}}]}));
    }
    write(jobs.path(), "kept.yaml", "key: kept\nlines: [{ filter: { template: used } }]\n");
    let file = write(folder().path(), "x.yaml", "");
    let one = server.verb(&["apply", &file, "--prune", "--yes"]);
    assert!(one.code == 2 && one.stderr.contains("--prune"), "a file is not everything: {one:#?}");
    let empty = folder();
    let nothing = server.verb(&["apply", text(empty.path()), "--prune", "--yes"]);
    assert!(nothing.code == 2 && nothing.stderr.contains("there are no job files"), "{nothing:#?}");

    done(&server.verb(&["apply", text(jobs.path()), "--yes"]));
    assert_eq!(versions(&server).len(), 2, "without --prune nothing is deleted");
    let large = write(jobs.path(), "gone.json", &format!("[\"{}\"]", "x".repeat(5 << 20)));
    let unread = server.verb(&["apply", text(jobs.path()), "--prune", "--yes"]);
    assert!(unread.code == 2 && unread.stderr.contains("gone.json"), "it might hold the job: {unread:#?}");
    fs::remove_file(large).expect("a file");
    let tried = server.verb(&["apply", text(jobs.path()), "--prune", "--dry-run"]);
    assert!(done(&tried).contains("deleted") && versions(&server).len() == 2, "{tried:#?}");
    let pruned = server.verb(&["apply", text(jobs.path()), "--prune", "--yes"]);
    assert!(done(&pruned).ends_with("\nDeleted job gone.\nDeleted filter template old.\n"), "{pruned:#?}");
    assert_eq!(versions(&server), [("kept".to_owned(), 2)]);
    let left: Vec<_> = templates(&server).iter().map(|template| template["key"].clone()).collect();
    assert_eq!(left, ["shared", "used"]);
}

#[test]
fn an_export_that_is_applied_is_exported_again_byte_for_byte() {
    let (data, other_data, files) = (folder(), folder(), folder());
    let (server, other) = (Server::start(data.path()), Server::start(other_data.path()));
    let unusual = "key: unusual\nname: \"Peña \\u202e \\\"x\\\"\"\nlines:\n  - filter: { source: { inline: [{ z: 1.0, a: 1e300, m: 0.1, b: -0.0, n: null, big: 9007199254740993 }] } }\n  - action: set\n    parameters: { add: { z: 1, a: 2 } }\n";
    write(files.path(), "unusual.yaml", unusual);
    write(files.path(), "t.yaml", TEMPLATE);
    write(files.path(), "buys.yaml", "key: buys\nlines: [{ filter: { template: cheap, values: { most: 5 } } }]\n");
    done(&server.verb(&["apply", text(files.path()), "--yes"]));

    let export = |server: &Server| done(&server.verb(&["export"])).to_owned();
    let first = export(&server);
    let file = write(folder().keep().as_path(), "all.json", &first);
    assert!(done(&server.verb(&["apply", &file])).ends_with("Nothing changes.\n"), "{first}");
    assert_eq!(export(&server), first);
    done(&other.verb(&["apply", &file, "--yes"]));
    assert_eq!(export(&other), first, "another server gives the same bytes");

    let written = folder();
    let path = text(written.path());
    done(&server.verb(&["export", "--dir", path]));
    let mut names: Vec<_> =
        fs::read_dir(written.path()).expect("files").map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    assert_eq!(names, ["buys.json", "cheap.template.json", "unusual.json"]);
    assert_eq!(server.verb(&["diff", path]).code, 0);
    write(written.path(), "buys.json", &job("buys", 9).replace("key", "# mine\nkey"));
    let refused = server.verb(&["export", "--dir", path]);
    assert!(
        refused.code == 2 && refused.stderr.contains("buys.json") && refused.stderr.contains("--force"),
        "{refused:#?}"
    );
    done(&server.verb(&["export", "buys", "--dir", path, "--force"]));
    let one = fs::read_to_string(written.path().join("unusual.json")).expect("a file");
    assert_eq!(done(&server.verb(&["export", "unusual"])), one, "one job is a job file by itself");
    let absent = server.verb(&["export", "nowhere"]);
    assert!(absent.code == 2 && absent.stderr.contains("`ropewalk jobs`"), "{absent:#?}");
}

#[test]
fn a_difference_is_shown_with_code_1() {
    let (data, jobs) = (folder(), folder());
    let server = Server::start(data.path());
    let file = write(jobs.path(), "j.yaml", &job("j", 1));
    let new = server.verb(&["diff", &file]);
    assert_eq!(new.code, 1, "{new:#?}");
    assert!(
        new.stdout.starts_with("--- job j, not on the server\n+++ job j, ")
            && new.stdout.contains("\n+  \"key\": \"j\","),
        "{new:#?}"
    );
    done(&server.verb(&["apply", &file, "--yes"]));
    assert_eq!(done(&server.verb(&["diff", &file])), "The server has the same: 1 document.\n");
    write(jobs.path(), "j.yaml", &job("j", 2));
    let changed = server.verb(&["diff", &file]);
    assert_eq!((changed.code, changed.stderr.as_str()), (1, ""));
    assert!(changed.stdout.starts_with("--- job j, version 1 on the server\n"), "{changed:#?}");
    assert!(changed.stdout.contains("\n-        \"limit\": 1\n+        \"limit\": 2\n"), "{changed:#?}");
    let listed = server.verb(&["diff", &file, "--json"]);
    assert!(listed.code == 1 && listed.json()[0]["change"] == "changed", "{listed:#?}");
    assert_eq!(server.verb(&["diff", "nowhere.yaml"]).code, 2);
    let away = program().args(["diff", &file, "--server", "http://127.0.0.1:9", "--token", "rw_x"]).output();
    assert_eq!(away.expect("the program starts").status.code(), Some(3));
}
