//! What those who operate a server rely on: who may read its files and metrics, lost tokens, damaged pages.

use std::fs::{self, File, Permissions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use serde_json::json;

use crate::served::Server;
use crate::support::{Ended, folder, program, root};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

fn run(arguments: &[&str], data: &Path) -> Ended {
    program().args(arguments).arg("--data-dir").arg(data).output().expect("the program starts").into()
}

#[test]
fn a_data_folder_that_was_there_is_closed_to_others() {
    let data = folder();
    fs::create_dir(data.path().join("files")).expect("a folder");
    fs::set_permissions(data.path(), Permissions::from_mode(0o755)).expect("a mode");
    let _server = Server::start(data.path());
    assert_eq!(mode(data.path()), 0o700);
    for file in ["ropewalk.db", "ropewalk.db-wal", "ropewalk.db-shm", "ropewalk.db.lock"] {
        assert_eq!(mode(&data.path().join(file)), 0o600, "{file}");
    }
}

#[test]
fn a_lost_administrator_token_is_replaced() {
    let data = folder();
    let none = run(&["token", "create"], data.path());
    assert!(none.code == 2 && none.stderr.contains("There is no database in"), "{none:#?}");
    let server = Server::start(data.path());
    let check = |server: &Server, name: &str, made: Ended| {
        assert_eq!((made.code, made.stderr.as_str()), (0, ""));
        let viewer = server.ask(made.stdout.trim(), "{ viewer { who server } }", json!({}))["viewer"].clone();
        assert_eq!(viewer, json!({"who": format!("token {name}"), "server": true}));
    };
    check(&server, "beside", run(&["token", "create", "--name", "beside"], data.path()));
    server.crash();
    let made = run(&["token", "create", "--name", "second"], data.path());
    let again = Server::start_again(data.path());
    check(&again, "second", made);
    let plain: Ended = program().arg("token").output().expect("the program starts").into();
    assert!(plain.code == 0 && plain.stdout.starts_with("rw_"), "{plain:#?}");
}

/// Runs a verb against a server.
fn call(server: &Server, token: &str, arguments: &[&str]) -> Ended {
    let address = format!("http://{}", server.address);
    let mut command = program();
    command.args(arguments).args(["--server", &address, "--token", token]);
    command.output().expect("the program starts").into()
}

#[test]
fn organizations_and_tokens_are_managed_from_the_command_line() {
    let data = folder();
    let server = Server::start(data.path());
    let root = server.token();
    let done = |arguments: &[&str]| {
        let ended = call(&server, root, arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{arguments:?}");
        ended.stdout
    };
    assert_eq!(done(&["organization", "create", "sales", "--name", "Sales"]), "Organization sales: created.\n");
    let again = call(&server, root, &["organization", "create", "sales", "--name", "Sales"]);
    assert!(again.code == 2 && again.stderr.contains("There is already an organization `sales`"), "{again:#?}");
    let token = done(&["token", "create", "--organization", "sales", "--name", "eyes", "--role", "viewer"]);
    let token = token.trim();
    let seen = server.ask(token, "{ viewer { organization { key } } }", json!({}));
    assert_eq!(seen["viewer"]["organization"]["key"], "sales");
    let listed = done(&["token", "list", "--organization", "sales", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!((listed[0]["name"].as_str(), listed[0]["role"].as_str()), (Some("eyes"), Some("VIEWER")));
    assert!(!listed.to_string().contains(token), "the token itself is kept nowhere");

    assert_eq!(done(&["organization", "deactivate", "sales"]), "Organization sales: deactivated.\n");
    assert!(done(&["organization", "list"]).contains("deactivated since"));
    let shut = call(&server, token, &["jobs"]);
    assert!(shut.code == 2 && shut.stderr.contains("`sales` is deactivated"), "{shut:#?}");
    done(&["organization", "activate", "sales"]);
    assert_eq!(call(&server, token, &["jobs"]).code, 0);
    let id = listed[0]["id"].as_str().expect("an id");
    assert_eq!(done(&["token", "revoke", id, "--organization", "sales"]), "Token eyes: revoked.\n");
    assert_eq!(call(&server, token, &["jobs"]).code, 2);

    let entries = done(&["audit", "--of-server", "--json"]);
    let operation = |line: &str| {
        let entry: serde_json::Value = serde_json::from_str(line).expect("JSON");
        ["operation", "target", "outcome"].map(|name| entry[name].as_str().unwrap_or_default().to_owned())
    };
    let entries: Vec<_> = entries.lines().map(operation).collect();
    let expected = [
        ["updateOrganization", "sales", "DONE"],
        ["updateOrganization", "sales", "DONE"],
        ["createOrganization", "sales/Sales", "REFUSED"],
        ["createOrganization", "sales/Sales", "DONE"],
    ];
    assert_eq!(entries, expected.map(|entry| entry.map(str::to_owned)));
    let broken = data.path().join("broken.wasm");
    fs::write(&broken, b"\0asm\x01\0\0\0").expect("a file");
    let refused = call(&server, root, &["module", "install", broken.to_str().expect("UTF-8")]);
    assert_eq!(refused.code, 2, "{refused:#?}");
    let entries: Vec<_> = done(&["audit", "--json", "--operation", "installModule"])
        .lines()
        .map(|line| operation(line)[2].clone())
        .collect();
    assert_eq!(entries, ["REFUSED"], "what is cleaned up after a refusal is not the change");
    let of_sales = done(&["audit", "--organization", "sales"]);
    assert!(of_sales.contains("revokeToken") && of_sales.contains("createToken"), "{of_sales}");
}

#[test]
fn a_preset_token_is_honoured_at_every_start() {
    let data = folder();
    let first = Server::start(data.path());
    first.crash();
    let preset: Ended = program().arg("token").output().expect("the program starts").into();
    let preset = preset.stdout.trim();
    let mut command = program();
    command.env("ROPEWALK_ADMIN_TOKEN", preset);
    let server = Server::start_by(command, data.path());
    let viewer = server.ask(preset, "{ viewer { server } }", json!({}))["viewer"].clone();
    assert_eq!(viewer, json!({"server": true}));
    server.crash();
    let wrong: Ended = program()
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data.path())
        .env("ROPEWALK_ADMIN_TOKEN", "rw_nonsense")
        .output()
        .expect("the program starts")
        .into();
    assert!(wrong.code == 2 && wrong.stderr.contains("ROPEWALK_ADMIN_TOKEN is not a token"), "{wrong:#?}");
}

#[test]
fn a_damaged_page_is_told_by_the_doctor() {
    let data = folder();
    drop(Server::start(data.path()));
    let sound = run(&["doctor", "--json"], data.path());
    assert_eq!((sound.code, &sound.json()["dataFolder"]["damage"]), (0, &json!([])));
    let path = data.path().join("ropewalk.db");
    let mut database = File::options().write(true).open(&path).expect("a database");
    let pages = fs::metadata(&path).expect("a database").len() / 4096;
    database.seek(SeekFrom::Start((pages - 1) * 4096)).expect("a page");
    database.write_all(&[0xa5; 4096]).expect("room");
    let damaged = run(&["doctor"], data.path());
    assert_eq!(damaged.code, 3, "{damaged:#?}");
    assert!(damaged.stdout.contains("damage") && damaged.stdout.contains("table "), "{damaged:#?}");
    assert!(damaged.stderr.contains("restore the database from a backup"), "{damaged:#?}");
}

#[test]
fn a_server_without_a_home_folder_keeps_compiled_modules_in_its_data_folder() {
    let data = folder();
    let shown: Ended = program()
        .args(["doctor", "--json", "--data-dir"])
        .arg(data.path())
        .env_remove("ROPEWALK_CACHE")
        .env_remove("XDG_CACHE_HOME")
        .env_remove("HOME")
        .output()
        .expect("the program starts")
        .into();
    assert_eq!(shown.json()["compiledModules"], json!(data.path().join("cache")), "{shown:#?}");
}

#[test]
fn a_short_metrics_token_is_refused() {
    let data = folder();
    let mut serve = program();
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data.path());
    let refused: Ended =
        serve.env("ROPEWALK_METRICS_TOKEN", "short").stdin(Stdio::null()).output().expect("the program starts").into();
    assert_eq!(refused.code, 2, "{refused:#?}");
    assert!(refused.stderr.contains("must have 16 to 200 visible ASCII characters"), "{refused:#?}");
    assert!(!refused.stderr.contains("'short'"), "{refused:#?}");
}

#[test]
fn the_guide_lists_every_metric() {
    let data = folder();
    let server = Server::start(data.path());
    let token = server.token().to_owned();
    let lines = json!([{"action": "js", "parameters": {"script": "() => { throw new Error('no'); }"}}]);
    assert_eq!(server.save(&token, json!({"key": "fails", "lines": lines}))["userErrors"], json!([]));
    server.await_end(&token, &server.start_job(&token, "fails"));
    let metrics = server.metrics();
    let printed: Vec<_> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| match line.split_once(' ').expect("a name and a type") {
            (name, "counter") => (format!("{name}_total"), "counter"),
            (name, kind) => (name.to_owned(), kind),
        })
        .collect();
    // Nothing is ready when the metrics are read, so no queue is named.
    let of_queues = ["ropewalk_queue_ready", "ropewalk_queue_oldest_ready_seconds"];
    let page = fs::read_to_string(root().join("docs/guide/operating.md")).expect("the page");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `ropewalk_"));
    let (queues, listed): (Vec<_>, Vec<_>) = rows
        .map(|row| {
            let mut cells = row.split(" | ");
            let name = cells.next().expect("a name").trim_end_matches('`');
            (format!("ropewalk_{name}"), cells.next().expect("a type"))
        })
        .partition(|(name, _)| of_queues.contains(&name.as_str()));
    assert_eq!(queues.len(), of_queues.len());
    assert_eq!(listed, printed);
}
