//! Which certificates the client trusts, and what it does after the handshake.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::support::{Names, Server, Trap, answer, client, grants_here, read_request, redirect, send_as};
use crate::egress::{Client, Dialer, Error, Limits, Policy, Request, Resolve, Response, Trust};

/// A server with a self-signed certificate.
struct Secure {
    server: Server,
    certificate: CertificateDer<'static>,
}

async fn secure(params: CertificateParams, said: Vec<u8>, polite: bool) -> Secure {
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = Server::scripted(move |stream| {
        let (acceptor, said) = (acceptor.clone(), said.clone());
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            read_request(&mut stream).await;
            stream.write_all(&said).await.unwrap();
            if polite {
                stream.shutdown().await.unwrap();
            }
        }
    })
    .await;
    Secure { server, certificate }
}

fn for_names(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
}

/// Gets a URL of a server, trusting these roots.
async fn get(host: &str, secure: &Secure, roots: Vec<CertificateDer<'static>>) -> Result<Response, Error> {
    let here: &[&[&str]] = &[&["127.0.0.1"]];
    let names: Arc<dyn Resolve> =
        Names::of(&[("good.example", here), ("good.example.", here), ("other.example", here)]);
    let client = Client::new(Dialer::with(names), Arc::new(Trust::only(roots)), Limits::default());
    let request = Request::new("GET", format!("https://{host}:{}/", secure.server.port));
    send_as(&client, request, &grants_here()).await
}

fn unreachable(result: Result<Response, Error>) -> String {
    match result {
        Err(Error::Unreachable(message)) => message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_certificate_of_a_trusted_authority_is_accepted() {
    let secure = secure(for_names(&["good.example", "127.0.0.1"]), answer("200 OK", &[], "hello"), true).await;
    for host in ["good.example", "good.example.", "GOOD.example", "127.0.0.1"] {
        let got = get(host, &secure, vec![secure.certificate.clone()]).await.unwrap();
        assert_eq!(got.body, b"hello", "{host}");
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let good = secure(for_names(&["good.example"]), answer("200 OK", &[], ""), true).await;
    let mut another = for_names(&["good.example"]);
    another.distinguished_name.push(DnType::CommonName, "another authority");
    let other = secure(another, vec![], true).await;
    let message = unreachable(get("good.example", &good, vec![other.certificate.clone()]).await);
    assert!(
        message.contains("good.example") && message.contains("not signed by an authority that this machine trusts"),
        "{message}"
    );
    assert!(message.contains("SSL_CERT_FILE"), "{message}");
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let secure = secure(for_names(&["good.example"]), answer("200 OK", &[], ""), true).await;
    for host in ["other.example", "127.0.0.1"] {
        let message = unreachable(get(host, &secure, vec![secure.certificate.clone()]).await);
        assert!(message.contains("is for another host"), "{host}: {message}");
    }
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let mut params = for_names(&["good.example"]);
    params.not_before = date_time_ymd(2019, 1, 1);
    params.not_after = date_time_ymd(2020, 1, 1);
    let secure = secure(params, answer("200 OK", &[], ""), true).await;
    let message = unreachable(get("good.example", &secure, vec![secure.certificate.clone()]).await);
    assert!(message.contains("has expired"), "{message}");
}

#[tokio::test]
async fn a_machine_without_root_certificates_gets_the_cure() {
    let secure = secure(for_names(&["good.example"]), answer("200 OK", &[], ""), true).await;
    let message = unreachable(get("good.example", &secure, vec![]).await);
    assert!(message.contains("`ca-certificates`"), "{message}");
}

#[tokio::test]
async fn an_answer_that_was_cut_off_is_not_taken_for_whole() {
    let said = b"HTTP/1.1 200 OK\r\n\r\nthe first half".to_vec();
    let rude = secure(for_names(&["good.example"]), said.clone(), false).await;
    let message = unreachable(get("good.example", &rude, vec![rude.certificate.clone()]).await);
    assert!(message.contains("was lost") || message.contains("is incomplete"), "{message}");
    let polite = secure(for_names(&["good.example"]), said, true).await;
    assert!(get("good.example", &polite, vec![polite.certificate.clone()]).await.is_ok());
}

#[tokio::test]
async fn redirects_from_https_to_http_are_refused() {
    let trap = Trap::at("127.0.0.1");
    let location = format!("http://good.example:{}/", trap.port);
    let secure = secure(for_names(&["good.example"]), redirect("302 Found", &location), true).await;
    let error = get("good.example", &secure, vec![secure.certificate.clone()]).await.unwrap_err();
    assert!(matches!(&error, Error::Refused(message) if message.contains("back to `http`")), "{error:?}");
    assert!(trap.is_untouched());
}

#[tokio::test]
async fn from_http_to_https_credentials_fall_away() {
    // Only the scheme changes here, which two listeners on one port cannot show.
    use crate::egress::{redirect, request::Outgoing};
    let headers = vec![("Authorization".to_owned(), "s3cret".to_owned()), ("Accept".to_owned(), "*/*".to_owned())];
    let request = Request { headers, ..Request::new("GET", "http://good.example:443/") };
    let outgoing = Outgoing::read(request, &Limits::default()).unwrap();
    let location = "https://good.example/".parse().unwrap();
    let headers = [(http::header::LOCATION, location)].into_iter().collect();
    let next = redirect::follow(&outgoing, http::StatusCode::FOUND, &headers, &Limits::default()).unwrap();
    assert_eq!((next.port, next.headers.contains_key("authorization")), (443, false));
    assert!(next.headers.contains_key("accept"));
}

#[tokio::test]
async fn a_port_without_tls_is_reported() {
    let plain = answer("400 Bad Request", &[], "");
    let server = Server::scripted(move |mut stream| {
        let plain = plain.clone();
        async move { stream.write_all(&plain).await.unwrap() }
    })
    .await;
    let secure = Secure { server, certificate: CertificateDer::from(vec![]) };
    let authority = self::secure(for_names(&["good.example"]), vec![], true).await.certificate;
    let message = unreachable(get("good.example", &secure, vec![authority]).await);
    assert!(message.contains("check that the port speaks TLS"), "{message}");
}

#[tokio::test]
async fn a_handshake_that_never_ends_ends_at_the_connect_limit() {
    let silent = Trap::at("127.0.0.1");
    let authority = secure(for_names(&["good.example"]), vec![], true).await.certificate;
    let limits = Limits { connect: Duration::from_millis(100), ..Limits::default() };
    let client = Client::new(Dialer::default(), Arc::new(Trust::only(vec![authority])), limits);
    let request = Request::new("GET", format!("https://127.0.0.1:{}/", silent.port));
    let error = client.send(request, Policy::Unrestricted).await.unwrap_err();
    assert!(matches!(&error, Error::TimedOut(message) if message.contains("TLS handshake")), "{error:?}");
}

#[tokio::test]
async fn a_literal_of_this_machine_is_refused_under_https_too() {
    let trap = Trap::at("127.0.0.1");
    let everything = super::support::grants(serde_json::json!({"hosts": ["*"]}));
    let request = Request::new("GET", format!("https://127.0.0.1:{}/", trap.port));
    let error = send_as(&client(Limits::default()), request, &everything).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error:?}");
    assert!(trap.is_untouched());
}
