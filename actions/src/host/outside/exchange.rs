//! One HTTP request of a guest, whichever capability it comes through: under the grants of its
//! module, with the key of its line, noted, and in a dry run only described.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use ::engine::model::effect::Effect;
use ::engine::model::grant::Capability;
use ::engine::ports::reach::Reach;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::{Outside, Refused};
use crate::egress::{Error, Policy, Request, Response, redact};

/// Methods that change nothing on the far side (RFC 9110), and are sent in a dry run too.
const SAFE: [&str; 3] = ["GET", "HEAD", "OPTIONS"];
const KEY: &str = "idempotency-key";
/// Marks the answer of a request that was not sent.
const DRY_RUN: &str = "ropewalk-dry-run";

/// What came of a request.
pub(in crate::host) struct Answer {
    pub(in crate::host) status: u16,
    pub(in crate::host) headers: Vec<(String, String)>,
    pub(in crate::host) body: Vec<u8>,
    pub(in crate::host) url: String,
}

/// Why there is no answer. Each is one sentence.
#[derive(Debug)]
pub(in crate::host) enum NoAnswer {
    Denied(String),
    Invalid(String),
    Unreachable(String),
    TimedOut(String),
    Limit(String),
}

/// Sends a request and waits for the whole answer.
pub(in crate::host) async fn exchange(outside: &Outside, mut request: Request) -> Result<Answer, NoAnswer> {
    outside.count().map_err(|error| NoAnswer::Limit(error.to_string()))?;
    let reach = reach(outside)?;
    let is_safe = is_safe(&request);
    if !is_safe {
        add_key(outside, &mut request);
    }
    let noted = Noted::of(&request);
    let policy = Policy::Granted { module: &outside.caller.module, grants: reach.grants() };
    if outside.caller.dry_run && !is_safe {
        outside.client.check(&request, policy).map_err(|error| no_answer(outside, error))?;
        outside.note(noted.not_sent());
        let headers = vec![(DRY_RUN.to_owned(), "1".to_owned())];
        return Ok(Answer { status: 202, headers, body: Vec::new(), url: request.url });
    }
    let turn = outside.requests.acquire().await;
    let _turn = turn.map_err(|error| NoAnswer::Unreachable(error.to_string()))?;
    request.timeout = Some(request.timeout.map_or(outside.left(), |time| time.min(outside.left())));
    if !is_safe {
        // What is not allowed changes nothing, and needs no checkpoint.
        outside.client.check(&request, policy).map_err(|error| no_answer(outside, error))?;
        let ready = reach.before_effect().await;
        ready.map_err(|error| NoAnswer::Unreachable(error.to_string()))?;
    }
    let (began, under_way) = (Instant::now(), outside.begin(noted.unfinished()));
    let reached = AtomicBool::new(false);
    let sent = outside.client.send_and_tell(request, policy, &reached).await;
    // What was denied is told as that, unless a redirect was; what did not get through was tried,
    // and did nothing.
    let done = reached.into_inner();
    let denied = !done && matches!(sent, Err(Error::Denied(_) | Error::Invalid(_)));
    outside.end(under_way, (!denied).then(|| noted.sent(&sent, began.elapsed(), done)));
    let Response { status, headers, body, url, .. } = sent.map_err(|error| no_answer(outside, error))?;
    Ok(Answer { status, headers, body, url })
}

/// Whether the far side will change nothing, as far as the request says: its method, and any
/// other that it asks the far side to take it for.
fn is_safe(request: &Request) -> bool {
    request.methods().all(|method| SAFE.contains(&method.as_str()))
}

fn reach(outside: &Outside) -> Result<&Arc<dyn Reach>, NoAnswer> {
    outside
        .reach()
        .map_err(|(Refused::Denied(told) | Refused::Invalid(told) | Refused::Unavailable(told))| NoAnswer::Denied(told))
}

/// Names the request by its line and its number, so that a far side that knows the header does
/// not do twice what two attempts ask for. The number counts whether or not the guest has a key
/// of its own, so that the others keep theirs.
fn add_key(outside: &Outside, request: &mut Request) {
    let number = outside.unsafe_request();
    if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(KEY)) {
        request
            .headers
            .push((KEY.to_owned(), format!("{}:{number}:{}", outside.caller.idempotency_key, digest(request))));
    }
}

/// Of what is asked for: a later attempt that asks for something else has another key.
fn digest(request: &Request) -> String {
    let mut digest = Sha256::new();
    for part in [request.method.as_bytes(), request.url.as_bytes(), request.body.as_deref().unwrap_or_default()] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn no_answer(outside: &Outside, error: Error) -> NoAnswer {
    match error {
        Error::Denied(denial) => NoAnswer::Denied(outside.deny(denial)),
        Error::Refused(told) => NoAnswer::Denied(outside.deny(told)),
        Error::Invalid(told) => NoAnswer::Invalid(told),
        Error::Unreachable(told) => NoAnswer::Unreachable(told),
        Error::TimedOut(told) => NoAnswer::TimedOut(told),
        Error::Limit(told) => NoAnswer::Limit(told),
    }
}

/// A request as its effect tells it: without secrets.
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
    fn asked(&self) -> String {
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
        effect(false, format!("{}: not sent, since this is a dry run", self.asked()), self.detail())
    }

    fn unfinished(&self) -> Effect {
        effect(true, format!("{}: no answer before the line ended", self.asked()), self.detail())
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
                format!("{}: {} in {milliseconds} ms", self.asked(), response.status)
            }
            Err(error) => {
                detail.insert("error".into(), json!(error.to_string()));
                format!("{}: no answer in {milliseconds} ms: {error}", self.asked())
            }
        };
        effect(done, summary, detail)
    }
}

fn effect(done: bool, summary: String, detail: Map<String, Value>) -> Effect {
    Effect { capability: Capability::Http, done, summary, detail: Value::Object(detail) }
}
