//! `POST /hooks/{token}`: a message that starts a job. The address is the secret: it is
//! looked up before anything else is told, and what opens nothing is answered alike.

use std::sync::Arc;

use engine::model::result::JobResult;
use engine::model::webhook::Signature;
use engine::ports::StoreError;
use engine::runtime::start::StartError;
use engine::runtime::usage::QuotaReached;
use engine::runtime::webhooks::{Message, MessageError, OpenWebhook};
use poem::http::{Method, StatusCode, header};
use poem::{Endpoint, Request, Response};
use serde_json::json;

use super::answer;
use super::graphql::{in_time, read_body};
use crate::door::Door;
use crate::mutation::to_the_end;
use crate::mutation::user_error::{UserError, UserErrorCode};
use crate::objects::global_id::GlobalId;
use crate::refusal::{Code, Refusal};

/// The rest of the address behind `/hooks/`.
pub(crate) const TOKEN: &str = "token";

/// The names of a message, in the order in which they are looked for.
const NAMES: [&str; 3] = ["idempotency-key", "webhook-id", "x-github-delivery"];

/// The endpoint.
pub(crate) struct Hooks(pub(crate) Arc<Door>);

/// Why a message is refused.
enum Refused {
    /// With the status that the kind of refusal has.
    Plain(Refusal),
    /// With a status of its own.
    With(StatusCode, Refusal),
    /// Others came before it.
    TooMany(QuotaReached),
    /// With everything that is wrong.
    Errors(StatusCode, Vec<UserError>),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Plain(refusal)
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Plain(error.into())
    }
}

impl Endpoint for Hooks {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if request.method() != Method::POST {
            let refusal = Refusal::bad("Send the message by POST, as JSON.");
            let mut response = answer::with_status(StatusCode::METHOD_NOT_ALLOWED, &refusal);
            response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
            return Ok(response);
        }
        Ok(match self.start(request).await {
            Ok(result) => accepted(&result),
            Err(Refused::Plain(refusal)) => answer::refused(&refusal),
            Err(Refused::With(status, refusal)) => unlike_a_token(answer::with_status(status, &refusal)),
            Err(Refused::TooMany(reached)) => answer::too_many(&reached),
            Err(Refused::Errors(status, errors)) => answer::with_errors(status, &errors),
        })
    }
}

impl Hooks {
    async fn start(&self, mut request: Request) -> Result<JobResult, Refused> {
        let door = &self.0;
        let time = door.options.timeout;
        let token = request.raw_path_param(TOKEN).unwrap_or_default().to_owned();
        let open = in_time(time, door.in_turn(door.engine.open_webhook(&token))).await??;
        let open = open.ok_or_else(unknown)?;
        let body = in_time(time, read_body(&mut request, door.options.hook_limit)).await??;
        if !body.is_empty() && !is_json(request.content_type().unwrap_or_default()) {
            let refusal = Refusal::bad("Send the message as `Content-Type: application/json`.");
            return Err(Refused::With(StatusCode::UNSUPPORTED_MEDIA_TYPE, refusal));
        }
        let message = Message { body, signature: signature(&request), name: name(&request)? };
        let access = open.access().clone();
        in_time(time, door.in_turn_of(&access, self.begin(open, message))).await?
    }

    /// Starts the job, to the end even if the sender goes away.
    async fn begin(&self, open: OpenWebhook, message: Message) -> Result<JobResult, Refused> {
        let engine = self.0.engine.clone();
        let started = to_the_end(async move { engine.start_by_webhook(&open, message).await }).await?;
        started.map_err(refused)
    }
}

/// Whether a content type is that of JSON, whatever it is JSON of.
fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || kind.split_once('/').is_some_and(|(_, kind)| kind.ends_with("+json"))
}

/// The signature, of whichever way; the one that signs more, if there are two.
fn signature(request: &Request) -> Option<Signature> {
    let header = |name: &str| request.header(name).map(str::to_owned);
    if let Some(signatures) = header("webhook-signature") {
        let (id, timestamp) = (header("webhook-id")?, header("webhook-timestamp")?);
        return Some(Signature::Standard { id, timestamp, signatures });
    }
    header("x-hub-signature-256").map(Signature::Hub)
}

/// The first name that the message has. One that cannot be read is refused: without a name, a message
/// that comes again would start the job again.
fn name(request: &Request) -> Result<Option<String>, Refusal> {
    let named = NAMES.iter().find_map(|name| Some((name, request.headers().get(*name)?)));
    let Some((name, value)) = named else { return Ok(None) };
    let text = value.to_str().map(|text| Some(text.to_owned()));
    text.map_err(|_| Refusal::bad(format!("Write the header `{name}` in plain ASCII.")))
}

fn accepted(result: &JobResult) -> Response {
    let told = json!({"jobResult": *GlobalId::JobResult(result.id).encode(), "status": result.status.word()});
    answer::json(StatusCode::ACCEPTED, told.to_string())
}

fn unknown() -> Refusal {
    Refusal::new(Code::NotFound, "There is no such webhook.")
}

fn refused(error: MessageError) -> Refused {
    match error {
        MessageError::Gone => unknown().into(),
        MessageError::Signature(fault) => {
            Refused::With(StatusCode::UNAUTHORIZED, Refusal::new(Code::Unauthenticated, fault.to_string()))
        }
        MessageError::Body(message) => Refusal::bad(message).into(),
        MessageError::Store(error) | MessageError::Start(StartError::Store(error)) => error.into(),
        MessageError::Start(StartError::UnknownJob(_)) => unknown().into(),
        MessageError::Start(StartError::Faults(faults)) => {
            Refused::Errors(StatusCode::UNPROCESSABLE_ENTITY, of_message(UserError::of_faults(faults)))
        }
        MessageError::Quota(reached) | MessageError::Start(StartError::Quota(reached)) => Refused::TooMany(reached),
        MessageError::Start(StartError::Conflict(_)) => {
            let told = "A message with this name started something else: send each message under a name of its own.";
            conflict(told.to_owned())
        }
        MessageError::Start(other @ (StartError::Inactive(_) | StartError::TooDeep)) => conflict(format!("{other}.")),
    }
}

fn conflict(message: String) -> Refused {
    Refused::Errors(StatusCode::CONFLICT, vec![UserError::at(UserErrorCode::Conflict, "", message)])
}

/// What the sender can do something about. What is wrong with the job itself is for those who keep it.
fn of_message(errors: Vec<UserError>) -> Vec<UserError> {
    let brought = ["arguments", "records", "idempotencyKey"];
    let is_brought = |error: &UserError| {
        let path = error.path.as_deref().unwrap_or_default();
        brought.contains(&path.split(['.', '[']).next().unwrap_or_default())
    };
    let (own, others): (Vec<_>, Vec<_>) = errors.into_iter().partition(is_brought);
    if own.is_empty() {
        tracing::warn!(faults = others.len(), "a job that a webhook starts has faults; save it again to see them");
        let told = "The job cannot be started as it is; those who keep it can see why by running it.";
        return vec![UserError::at(UserErrorCode::Invalid, "", told)];
    }
    own
}

/// Here nobody is asked for a token of the API, as they are elsewhere.
fn unlike_a_token(mut response: Response) -> Response {
    if response.status() == StatusCode::UNAUTHORIZED {
        let challenge = header::HeaderValue::from_static("HMAC-SHA256 realm=\"webhook\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_known_by_its_content_type() {
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/cloudevents+json ;x"] {
            assert!(is_json(kind), "{kind}");
        }
        for kind in ["", "text/plain", "application/json-seq", "json", "+json", "application/x-www-form-urlencoded"] {
            assert!(!is_json(kind), "{kind}");
        }
    }

    #[test]
    fn the_faults_of_a_job_are_not_told_to_senders() {
        let error = |path| UserError::at(UserErrorCode::Invalid, path, "a secret");
        let own = vec![error("arguments.top"), error("records[1]"), error("idempotencyKey")];
        let all: Vec<_> = own.iter().cloned().chain([error("lines[2].parameters.to"), error("")]).collect();
        assert_eq!(of_message(all), own);
        let others = of_message(vec![error("lines[2]"), error("recordsets")]);
        assert!(others.len() == 1 && !others[0].message.contains("secret"), "{others:?}");
    }
}
