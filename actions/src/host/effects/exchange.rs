//! Sends one HTTP request of a guest, for `ropewalk:host/http` and for `wasi:http`. It checks the
//! grants of the module, adds the idempotency key of the line, and notes the effect. In a dry run
//! it only notes what it would have sent.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use ::engine::model::effect::Effect;
use ::engine::model::grant::Capability;
use ::engine::ports::host_calls::HostCalls;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::{Effects, Refused};
use crate::egress::{Error, Policy, Request, Response, redact};

/// Methods that change nothing on the server (RFC 9110). They are sent in a dry run too.
const SAFE: [&str; 3] = ["GET", "HEAD", "OPTIONS"];
const KEY: &str = "idempotency-key";
/// Marks the response to a request that was not sent.
const DRY_RUN: &str = "ropewalk-dry-run";

/// The response to a request.
pub(in crate::host) struct ExchangeResponse {
    pub(in crate::host) status: u16,
    pub(in crate::host) headers: Vec<(String, String)>,
    pub(in crate::host) body: Vec<u8>,
    pub(in crate::host) url: String,
}

/// Why there is no response. Each is one sentence.
#[derive(Debug)]
pub(in crate::host) enum ExchangeError {
    Denied(String),
    Invalid(String),
    Unreachable(String),
    TimedOut(String),
    Limit(String),
}

/// Sends a request and waits for the whole response.
pub(in crate::host) async fn exchange(
    effects: &Effects,
    mut request: Request,
) -> Result<ExchangeResponse, ExchangeError> {
    effects.count().map_err(|error| ExchangeError::Limit(error.to_string()))?;
    let host_calls = require_host_calls(effects)?;
    let is_safe = is_safe(&request);
    if !is_safe {
        add_key(effects, &mut request);
    }
    let noted = Noted::of(&request);
    let policy = Policy::Granted { module: &effects.caller.module, grants: host_calls.grants() };
    if effects.caller.dry_run && !is_safe {
        effects.client.check(&request, policy).map_err(|error| exchange_error(effects, error))?;
        effects.note(noted.not_sent());
        let headers = vec![(DRY_RUN.to_owned(), "1".to_owned())];
        return Ok(ExchangeResponse { status: 202, headers, body: Vec::new(), url: request.url });
    }
    let permit = effects.requests.acquire().await;
    let _permit = permit.map_err(|error| ExchangeError::Unreachable(error.to_string()))?;
    request.timeout = Some(request.timeout.map_or(effects.time_left(), |time| time.min(effects.time_left())));
    if !is_safe {
        // A request that is not allowed changes nothing, so it needs no checkpoint.
        effects.client.check(&request, policy).map_err(|error| exchange_error(effects, error))?;
        let checkpoint = host_calls.before_effect().await;
        checkpoint.map_err(|error| ExchangeError::Unreachable(error.to_string()))?;
    }
    let (began, under_way) = (Instant::now(), effects.begin(noted.unfinished()));
    let reached = AtomicBool::new(false);
    let sent = effects.client.send_and_mark(request, policy, &reached).await;
    // A denied request is no effect, unless a server was reached before (by a redirect). A request that
    // reached no server is noted as an attempt that did nothing.
    let done = reached.into_inner();
    let denied = !done && matches!(sent, Err(Error::Denied(_) | Error::Invalid(_)));
    effects.end(under_way, (!denied).then(|| noted.sent(&sent, began.elapsed(), done)));
    let Response { status, headers, body, url, .. } = sent.map_err(|error| exchange_error(effects, error))?;
    Ok(ExchangeResponse { status, headers, body, url })
}

/// Whether the server should change nothing, going by the method of the request and by the methods
/// that its headers name instead.
fn is_safe(request: &Request) -> bool {
    request.methods().all(|method| SAFE.contains(&method.as_str()))
}

fn require_host_calls(effects: &Effects) -> Result<&Arc<dyn HostCalls>, ExchangeError> {
    effects.host_calls().map_err(
        |(Refused::Denied(message) | Refused::Invalid(message) | Refused::Unavailable(message))| {
            ExchangeError::Denied(message)
        },
    )
}

/// Adds an idempotency key of the line and a number, so that a server that knows the header acts
/// only once if two attempts of the line send the same request. A request with a key of the guest's
/// own is counted too, so that the keys of the other requests do not depend on it.
fn add_key(effects: &Effects, request: &mut Request) {
    let number = effects.next_unsafe_request();
    if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(KEY)) {
        request
            .headers
            .push((KEY.to_owned(), format!("{}:{number}:{}", effects.caller.idempotency_key, digest(request))));
    }
}

/// The digest of a request, so that a later attempt that sends something else has another key.
fn digest(request: &Request) -> String {
    let mut digest = Sha256::new();
    for part in [request.method.as_bytes(), request.url.as_bytes(), request.body.as_deref().unwrap_or_default()] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn exchange_error(effects: &Effects, error: Error) -> ExchangeError {
    match error {
        Error::Denied(denial) => ExchangeError::Denied(effects.deny(denial)),
        Error::Refused(message) => ExchangeError::Denied(effects.deny(message)),
        Error::Invalid(message) => ExchangeError::Invalid(message),
        Error::Unreachable(message) => ExchangeError::Unreachable(message),
        Error::TimedOut(message) => ExchangeError::TimedOut(message),
        Error::Limit(message) => ExchangeError::Limit(message),
    }
}

/// A request as its effect shows it, without secrets.
struct Noted {
    method: String,
    url: String,
    bytes: Option<usize>,
}

impl Noted {
    fn of(request: &Request) -> Self {
        let url = Url::parse(&request.url).map_or_else(|_| "(not a URL)".to_owned(), |url| redact::url(&url));
        let method = request.method.chars().take(32).collect();
        Self { method, url, bytes: request.body.as_ref().map(Vec::len) }
    }

    /// `POST https://api.example.com/orders, 1204 bytes`.
    fn describe(&self) -> String {
        let Self { method, url, bytes } = self;
        let bytes = bytes.map(|bytes| format!(", {bytes} bytes")).unwrap_or_default();
        format!("{method} {url}{bytes}")
    }

    fn detail(&self) -> Map<String, Value> {
        let mut detail = Map::new();
        detail.insert("method".into(), json!(self.method));
        detail.insert("url".into(), json!(self.url));
        detail.insert("requestBytes".into(), json!(self.bytes.unwrap_or(0)));
        detail
    }

    fn not_sent(&self) -> Effect {
        effect(false, format!("{}: not sent, since this is a dry run", self.describe()), self.detail())
    }

    fn unfinished(&self) -> Effect {
        effect(true, format!("{}: no answer before the line ended", self.describe()), self.detail())
    }

    fn sent(&self, sent: &Result<Response, Error>, took: Duration, done: bool) -> Effect {
        let (mut detail, milliseconds) = (self.detail(), took.as_millis());
        detail.insert("milliseconds".into(), json!(milliseconds));
        let summary = match sent {
            Ok(response) => {
                detail.insert("status".into(), json!(response.status));
                detail.insert("responseBytes".into(), json!(response.body.len()));
                let hops = response.hops.iter().map(|hop| json!({"url": hop.url, "status": hop.status}));
                if response.hops.len() > 1 {
                    detail.insert("hops".into(), hops.collect());
                }
                format!("{}: {} in {milliseconds} ms", self.describe(), response.status)
            }
            Err(error) => {
                detail.insert("error".into(), json!(error.to_string()));
                format!("{}: no answer in {milliseconds} ms: {error}", self.describe())
            }
        };
        effect(done, summary, detail)
    }
}

fn effect(done: bool, summary: String, detail: Map<String, Value>) -> Effect {
    Effect { capability: Capability::Http, done, summary, detail: Value::Object(detail) }
}
