use super::*;

fn grants(document: Value) -> Grants {
    Grants::read(&document).unwrap()
}

#[test]
fn hosts_fit_by_name_by_star_and_by_port() {
    let cases = [
        ("api.example.com", "api.example.com", true),
        ("api.example.com", "API.Example.com", true),
        ("api.example.com", "api.example.com.", true),
        ("api.example.com", "x.api.example.com", false),
        ("*.example.com", "api.example.com", true),
        ("*.example.com", "a.b.example.com", true),
        ("*.example.com", "example.com", false),
        ("*.example.com", "badexample.com", false),
        ("*", "anything.test", true),
        ("api.example.com:8443", "api.example.com", false),
        ("127.0.0.1", "127.0.0.1", true),
        ("::1", "::1", true),
        ("[::1]:443", "::1", true),
        ("[::1]:444", "::1", false),
    ];
    for (pattern, host, fits) in cases {
        let granted = grants(json!({"http": {"hosts": [pattern]}}));
        assert_eq!(granted.permit_http("m", "GET", host, 443).is_ok(), fits, "{pattern} {host}");
    }
}

#[test]
fn a_denial_names_the_grant_that_would_allow_it() {
    let message = Grants::default().permit_http("shop", "POST", "api.example.com", 443).unwrap_err().to_string();
    assert!(message.contains("may not send POST to api.example.com"), "{message}");
    assert!(message.contains("`ropewalk module grant shop http=api.example.com`"), "{message}");
    let only_get = grants(json!({"http": {"hosts": ["*"], "methods": ["GET"]}}));
    let denial = only_get.permit_http("shop", "POST", "a.test", 443).unwrap_err();
    assert_eq!(denial.grant, "http.methods=POST");
    let denial = Grants::default().permit_collection("shop", "orders", false).unwrap_err();
    assert_eq!(denial.grant, "collections.read=orders");
    assert_eq!(Grants::default().permit_job("shop", "nightly").unwrap_err().grant, "jobs=nightly");
}

#[test]
fn what_is_granted_is_no_more_than_what_is_named() {
    let granted =
        grants(json!({"collections": {"names": ["import-*"], "access": "read"}, "jobs": {"keys": ["nightly"]}}));
    assert!(granted.permit_collection("m", "import-orders", false).is_ok());
    assert!(granted.permit_collection("m", "import-orders", true).is_err());
    assert!(granted.permit_collection("m", "orders", false).is_err());
    assert!(granted.permit_job("m", "nightly").is_ok());
    assert!(granted.permit_job("m", "nightly-2").is_err());
    assert!(granted.permit_http("m", "GET", "a.test", 80).is_err());
}

#[test]
fn grants_go_there_and_back() {
    let document = json!({
        "http": {"hosts": ["*.example.com", "10.0.0.5:8080"], "methods": ["GET", "POST"], "addresses": ["10.0.0.0/8"]},
        "collections": {"names": ["*"], "access": "write"},
        "jobs": {"keys": ["import-*"]},
    });
    assert_eq!(grants(document.clone()).document(), document);
    assert!(grants(document).reaches_private_addresses());
    assert_eq!(grants(json!({})), Grants::default());
}

#[test]
fn terms_of_the_command_line_add_up() {
    let mut document = json!({});
    for term in ["http=a.test,b.test", "http=a.test", "http.methods=GET", "collections.read=x", "jobs=*"] {
        Grants::add(&mut document, term).unwrap();
    }
    let read = json!({
        "http": {"hosts": ["a.test", "b.test"], "methods": ["GET"], "addresses": []},
        "collections": {"names": ["x"], "access": "read"},
        "jobs": {"keys": ["*"]},
    });
    assert_eq!(grants(document.clone()).document(), read);
    Grants::add(&mut document, "collections=y").unwrap();
    assert_eq!(document["collections"], json!({"names": ["x", "y"], "access": "write"}));
    assert!(Grants::add(&mut document, "mail=x").unwrap_err().contains("is not a grant"));
}

#[test]
fn a_denial_is_a_term_that_grants_what_was_denied() {
    let nothing = Grants::default();
    let denials = [
        nothing.permit_http("m", "POST", "a.test", 443).unwrap_err(),
        nothing.permit_collection("m", "orders", true).unwrap_err(),
        nothing.permit_collection("m", "orders", false).unwrap_err(),
        nothing.permit_job("m", "nightly").unwrap_err(),
    ];
    let mut document = json!({});
    for denial in &denials {
        Grants::add(&mut document, &denial.grant).unwrap();
    }
    let granted = grants(document);
    assert!(granted.permit_http("m", "POST", "a.test", 443).is_ok());
    assert!(granted.permit_collection("m", "orders", true).is_ok());
    assert!(granted.permit_job("m", "nightly").is_ok());
}

#[test]
fn every_fault_is_reported_with_its_path() {
    let wrong = json!({
        "htpp": {},
        "http": {"hosts": ["a b", 3], "methods": ["get"], "addresses": ["10.0.0.0/99"], "ports": []},
        "collections": {"names": [], "access": "all"},
        "jobs": {"keys": "x"},
    });
    let faults = Grants::read(&wrong).unwrap_err();
    let paths: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
    let expected = [
        "htpp",
        "http.ports",
        "http.hosts[1]",
        "http.hosts[0]",
        "http.addresses[0]",
        "http.methods[0]",
        "collections.names",
        "collections.access",
        "jobs.keys",
        "jobs.keys",
    ];
    assert_eq!(paths, expected, "{faults:?}");
    assert!(faults[0].message.contains("did you mean `http`"), "{}", faults[0]);
}
