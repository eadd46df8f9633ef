//! Calls that must not arrive, each checked with a trap.

use serde_json::json;

use super::support::{
    Names, Server, Trap, answer, client, client_of, get, grants, grants_here, header, send_as, short,
};
use crate::egress::{Client, Dialer, Error, Limits, Policy, Request, Trust};

/// Sends to a host and port, as a module that may use every public address.
async fn refusal(client: &Client, place: &str) -> Error {
    let everything = grants(json!({"hosts": ["*"]}));
    send_as(client, Request::new("GET", format!("http://{place}/")), &everything).await.unwrap_err()
}

#[tokio::test]
async fn a_trap_sees_what_arrives() {
    let trap = Trap::at("127.0.0.1");
    let limits = Limits { time: std::time::Duration::from_millis(50), ..Limits::default() };
    let error = client(limits).send(get(trap.port, "/"), Policy::Unrestricted).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut(_)), "{error}");
    assert!(!trap.is_untouched());
}

#[tokio::test]
async fn every_spelling_of_this_machine_is_refused() {
    let spellings = [
        "127.0.0.1",
        "127.0.0.1.",
        "2130706433",
        "0x7f000001",
        "0x7F.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.1",
        "127.0.1",
        "127.255.255.254",
        "%31%32%37.0.0.1",
        "１２７。０。０。１",
        "0.0.0.0",
        "0",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::]",
    ];
    let trap = Trap::at("127.0.0.1");
    for spelling in spellings {
        let error = refusal(&client(Limits::default()), &format!("{spelling}:{}", trap.port)).await;
        assert!(matches!(&error, Error::Refused(message) if message.contains("not public")), "{spelling}: {error:?}");
        assert!(trap.is_untouched(), "{spelling}");
    }
}

#[tokio::test]
async fn this_machine_is_refused_over_ipv6_too() {
    let trap = Trap::at("::1");
    for spelling in ["[::1]", "[0:0:0:0:0:0:0:1]", "[::]"] {
        let error = refusal(&client(Limits::default()), &format!("{spelling}:{}", trap.port)).await;
        assert!(matches!(error, Error::Refused(_)), "{spelling}: {error:?}");
        assert!(trap.is_untouched(), "{spelling}");
    }
}

#[tokio::test]
async fn zones_are_refused() {
    for spelling in ["[fe80::1%25lo]", "[fe80::1%lo]", "[::1%25lo]"] {
        let error = refusal(&client(Limits::default()), spelling).await;
        assert!(matches!(error, Error::Invalid(_)), "{spelling}: {error:?}");
    }
}

#[tokio::test]
async fn a_user_before_the_host_is_refused() {
    let trap = Trap::at("127.0.0.1");
    for before in ["good.example@", "good.example:80@", "user:secret@", ":secret@", "good.example%2f@", "a@b@"] {
        let place = format!("{before}127.0.0.1:{}", trap.port);
        let error = client(Limits::default())
            .send(Request::new("GET", format!("http://{place}/")), Policy::Unrestricted)
            .await
            .unwrap_err();
        assert!(
            matches!(&error, Error::Invalid(message) if message.contains("user name before its host")),
            "{before}: {error:?}"
        );
        assert!(!error.to_string().contains("secret") && !error.to_string().contains("good"), "{error}");
        assert!(trap.is_untouched(), "{before}");
    }
}

#[tokio::test]
async fn the_parsed_host_is_the_one_that_is_contacted() {
    let names = Names::of(&[("good.example", &[&["127.0.0.1"]])]);
    let trap = Trap::at("127.0.0.1");
    let server = Server::saying(answer("200 OK", &[], "")).await;
    let (here, there) = (server.port, trap.port);
    // To a parser that takes no backslash, the host is what follows the `@`.
    let text = format!("http://good.example:{here}\\@127.0.0.1:{there}/");
    let got = send_as(&client_of(&names, Limits::default()), Request::new("GET", text), &grants_here()).await.unwrap();
    assert_eq!(got.url, format!("http://good.example:{here}/@127.0.0.1:{there}/"));
    assert_eq!(header(&server.only(), "host"), Some(format!("good.example:{here}").as_str()));
    assert!(trap.is_untouched());
}

#[tokio::test]
async fn names_that_resolve_to_this_machine_are_refused() {
    let trap = Trap::at("127.0.0.1");
    let answers: [&[&str]; 5] = [&["127.0.0.1"], &["::1"], &["::ffff:127.0.0.1"], &["0.0.0.0"], &["127.0.0.1", "::1"]];
    for addresses in answers {
        let names = Names::of(&[("inner.example", &[addresses])]);
        let error = refusal(&client_of(&names, Limits::default()), &format!("inner.example:{}", trap.port)).await;
        let resolved = format!("`inner.example` resolves to {}", addresses[0]);
        let fits = |message: &str| message.contains(&resolved);
        assert!(matches!(&error, Error::Refused(message) if fits(message)), "{addresses:?}: {error:?}");
        assert!(trap.is_untouched(), "{addresses:?}");
    }
}

#[tokio::test]
async fn one_address_out_of_reach_refuses_them_all() {
    // The trap is at the granted address, where a client would go that tests only the first
    // address, or that leaves out those it must not go to.
    let trap = Trap::at("127.0.0.1");
    for addresses in [["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"]] {
        let names = Names::of(&[("both.example", &[&addresses])]);
        let request = Request::new("GET", format!("http://both.example:{}/", trap.port));
        let error = send_as(&client_of(&names, short()), request, &grants_here()).await.unwrap_err();
        let fits = |message: &str| message.contains("resolves to 127.0.0.2");
        assert!(matches!(&error, Error::Refused(message) if fits(message)), "{addresses:?}: {error:?}");
        assert!(trap.is_untouched(), "{addresses:?}");
    }
}

#[tokio::test]
async fn the_name_of_this_machine_is_refused_with_the_systems_own_resolver() {
    let trap = Trap::at("127.0.0.1");
    let client = Client::new(Dialer::default(), std::sync::Arc::new(Trust::default()), Limits::default());
    for name in ["localhost", "LOCALHOST"] {
        let error = refusal(&client, &format!("{name}:{}", trap.port)).await;
        assert!(matches!(error, Error::Refused(_)), "{name}: {error:?}");
        assert!(trap.is_untouched(), "{name}");
    }
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_reached_at_the_tested_address() {
    // The second answer leads to the trap: it must never be asked for.
    let trap = Trap::at("127.0.0.2");
    let server = Server::saying(answer("200 OK", &[], "here")).await;
    let names = Names::of(&[("changing.example", &[&["127.0.0.1"], &["127.0.0.2"]])]);
    let request = Request::new("GET", format!("http://changing.example:{}/", server.port));
    let got = send_as(&client_of(&names, Limits::default()), request, &grants_here()).await.unwrap();
    assert_eq!((got.body.as_slice(), got.hops[0].address.to_string().as_str()), (&b"here"[..], "127.0.0.1"));
    assert_eq!(names.asked(), ["changing.example"]);
    assert!(trap.is_untouched());
}

#[tokio::test]
async fn granted_networks_are_reached_and_no_others() {
    let server = Server::saying(answer("200 OK", &[], "")).await;
    let names = Names::of(&[("mapped.example", &[&["::ffff:127.0.0.1"]]), ("plain.example", &[&["127.0.0.1"]])]);
    let client = client_of(&names, Limits::default());
    for (place, network, fits) in [
        ("plain.example", "127.0.0.1", true),
        ("plain.example", "127.0.0.0/8", true),
        ("mapped.example", "127.0.0.0/8", true),
        ("127.0.0.1", "127.0.0.0/8", true),
        ("plain.example", "127.0.0.2", false),
        ("127.0.0.1", "10.0.0.0/8", false),
        ("127.0.0.1", "::1", false),
    ] {
        let grants = grants(json!({"hosts": ["*"], "addresses": [network]}));
        let request = Request::new("GET", format!("http://{place}:{}/", server.port));
        let got = send_as(&client, request, &grants).await;
        assert_eq!(got.is_ok(), fits, "{place} {network}: {got:?}");
    }
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_does_not_answer() {
    let server = Server::saying(answer("200 OK", &[], "")).await;
    // Nothing listens on that port of the first address.
    let names = Names::of(&[("two.example", &[&["::1", "127.0.0.1"]])]);
    let granted = grants(json!({"hosts": ["*"], "addresses": ["::1", "127.0.0.1"]}));
    let request = Request::new("GET", format!("http://two.example:{}/", server.port));
    let got = send_as(&client_of(&names, Limits::default()), request, &granted).await.unwrap();
    assert_eq!(got.hops[0].address.to_string(), "127.0.0.1");
}

#[tokio::test]
async fn without_a_grant_nothing_is_even_resolved() {
    let trap = Trap::at("127.0.0.1");
    let names = Names::of(&[("other.example", &[&["127.0.0.1"]])]);
    let granted = grants(json!({"hosts": ["good.example"], "addresses": ["127.0.0.1"]}));
    for host in ["other.example", "OTHER.example", "other.example."] {
        let request = Request::new("GET", format!("http://{host}:{}/", trap.port));
        let error = send_as(&client_of(&names, Limits::default()), request, &granted).await.unwrap_err();
        assert!(matches!(&error, Error::Denied(denial) if denial.grant == "http=other.example"), "{error:?}");
    }
    assert!(names.asked().is_empty() && trap.is_untouched());
}

#[tokio::test]
async fn a_method_in_disguise_needs_its_grant_too() {
    let server = Server::saying(answer("200 OK", &[], "")).await;
    let granted = grants(json!({"hosts": ["*"], "methods": ["POST"], "addresses": ["127.0.0.1"]}));
    let mut request = Request { method: "POST".into(), ..get(server.port, "/") };
    request.headers = vec![("X-HTTP-Method-Override".into(), " delete".into())];
    let error = send_as(&client(Limits::default()), request.clone(), &granted).await.unwrap_err();
    assert!(matches!(&error, Error::Denied(denial) if denial.grant == "http.methods=DELETE"), "{error:?}");
    assert!(server.seen().is_empty());
    request.headers[0].1 = "post".into();
    assert!(send_as(&client(Limits::default()), request, &granted).await.is_ok());
}

#[tokio::test]
async fn other_schemes_are_refused() {
    for url in
        ["file:///etc/passwd", "ftp://a.example/", "gopher://a.example/", "data:,x", "ws://a.example/", "/orders"]
    {
        let error = client(Limits::default()).send(Request::new("GET", url), Policy::Unrestricted).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn names_without_addresses_are_reported() {
    let names = Names::of(&[("empty.example", &[&[]])]);
    let client = client_of(&names, Limits::default());
    for (name, reason) in [("empty.example", "no address"), ("absent.example", "no such name")] {
        let error = refusal(&client, name).await;
        let fits = |message: &str| message.contains(name) && message.contains(reason);
        assert!(matches!(&error, Error::Unreachable(message) if fits(message)), "{error:?}");
    }
}

/// A proxy would disturb this test most; it is run again below.
#[tokio::test]
async fn a_plain_request_goes_where_it_should() {
    let server = Server::saying(answer("200 OK", &[], "")).await;
    assert!(client(Limits::default()).send(get(server.port, "/"), Policy::Unrestricted).await.is_ok());
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn the_environment_names_no_proxy() {
    let trap = Trap::at("127.0.0.1");
    let proxy = format!("http://127.0.0.1:{}", trap.port);
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "egress::tests::refusals::a_plain_request_goes_where_it_should"]);
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        again.env(name, &proxy);
    }
    let output = again.output().unwrap();
    let output = String::from_utf8_lossy(&output.stdout).to_string();
    assert!(output.contains("1 passed"), "{output}");
    assert!(trap.is_untouched());
}
