//! How the verbs that talk to a server fail: with which code, and as JSON if that is asked for.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::served::Server;
use crate::support::{Ended, folder, program, run, write};

/// A server that is not there.
const AWAY: &str = "http://127.0.0.1:9";

fn with_token(token: &str, arguments: &[&str]) -> Ended {
    program().args(arguments).env("ROPEWALK_TOKEN", token).output().expect("the program starts").into()
}

#[test]
fn a_server_that_is_away_is_code_3_and_wrong_input_is_code_2() {
    for (token, server, code, part) in [
        ("rw_x", AWAY, 3, "127.0.0.1:9"),
        ("rw_x", "nonsense", 2, "'--server <URL>'"),
        ("rw_x", "ftp://127.0.0.1", 2, "`ftp`"),
        ("rw_x\n", AWAY, 2, "The token has a line break"),
        ("", AWAY, 2, "No token."),
    ] {
        let ended = with_token(token, &["jobs", "--server", server]);
        assert!(ended.code == code && ended.stderr.contains(part), "{token:?} {server}: {ended:#?}");
    }
}

/// A server that gives this answer once.
fn answering(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a connection");
        let _ = client.read(&mut [0; 65536]);
        let _ = write!(client, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    });
    address
}

#[test]
fn a_server_that_cannot_work_is_code_3_and_one_that_refuses_is_code_2() {
    let unavailable = r#"{"errors": [{"message": "The store is away.", "extensions": {"code": "UNAVAILABLE"}}]}"#;
    let forbidden = r#"{"errors": [{"message": "No.\u001b[2J", "extensions": {"code": "FORBIDDEN"}}]}"#;
    for (status, body, code, part) in [
        ("503 Service Unavailable", unavailable, 3, "The store is away."),
        ("200 OK", forbidden, 2, "No.\u{fffd}[2J"),
        ("502 Bad Gateway", "<html>", 3, "is this a Ropewalk server?"),
        ("200 OK", "<html>", 2, "is this a Ropewalk server?"),
    ] {
        let ended = with_token("rw_x", &["jobs", "--server", &answering(status, body)]);
        assert!(ended.code == code && ended.stderr.contains(part), "{status}: {ended:#?}");
    }
}

#[test]
fn errors_are_json_where_json_is_asked_for() {
    let error = |ended: Ended, code: i32| -> Value {
        assert_eq!((ended.code, ended.stderr.as_str()), (code, ""), "{ended:#?}");
        assert_eq!(ended.stdout.lines().count(), 1, "one object on one line: {ended:#?}");
        let error = ended.json()["error"].take();
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
        error
    };
    let away = error(with_token("rw_x", &["jobs", "--json", "--server", AWAY]), 3);
    assert!(away.get("code").is_none(), "{away}");
    error(run(&["jobs", "--json", "--limit", "0"]), 2);
    error(with_token("", &["results", "--json"]), 2);

    let data = folder();
    let server = Server::start(data.path());
    let verb = |arguments: &[&str], code: i32| error(server.verb(&[arguments, &["--json"]].concat()), code);
    for arguments in
        [&["start", "nothing"][..], &["kill", "nonsense"], &["show", "nonsense"], &["jobs", "activate", "no"]]
    {
        assert_eq!(verb(arguments, 2)["code"], "NOT_FOUND", "{arguments:?}");
    }
    let file = write(data.path(), "bad.yaml", "key: bad\nlines: [{ action: nothing }]\n");
    let invalid = verb(&["apply", &file], 2);
    assert_eq!(invalid["code"], "INVALID", "{invalid:#}");
    assert_eq!(
        (&invalid["errors"][0]["file"], &invalid["errors"][0]["path"]),
        (&json!(file), &json!("lines[0].action"))
    );
    let mut stranger = program();
    stranger.args(["jobs", "--json", "--token", "rw_x", "--server", &format!("http://{}", server.address)]);
    assert_eq!(error(stranger.output().expect("the program starts").into(), 2)["code"], "UNAUTHENTICATED");
}

#[test]
fn completions_have_the_verbs_and_not_the_hidden_ones() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]);
        assert_eq!(script.code, 0, "{script:#?}");
        assert!(script.stdout.contains("apply") && script.stdout.contains("deactivate"), "{shell}");
        assert!(!script.stdout.contains(actions::host::compile::VERB), "{shell}");
    }
    assert_eq!(run(&["completions", "teletype"]).code, 2);
}
