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
    let busy = run(&["token", "create"], data.path());
    assert!(busy.code == 3 && busy.stderr.contains("A server is using"), "{busy:#?}");
    server.crash();
    let made = run(&["token", "create", "--name", "second"], data.path());
    assert_eq!((made.code, made.stderr.as_str()), (0, ""));
    let again = Server::start_again(data.path());
    let viewer = again.ask(made.stdout.trim(), "{ viewer { who server } }", json!({}))["viewer"].clone();
    assert_eq!(viewer, json!({"who": "token second", "server": true}));
    let plain: Ended = program().arg("token").output().expect("the program starts").into();
    assert!(plain.code == 0 && plain.stdout.starts_with("rw_"), "{plain:#?}");
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
