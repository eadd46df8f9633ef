//! `POST /hooks/{token}`: a message that starts a job. The address is the secret, so it is looked up first, and all
//! unknown addresses get the same answer.

use std::sync::Arc;

use engine::model::refusal::{Refusal, RefusalCode};
use engine::model::result::JobResult;
use engine::model::webhook::Signature;
use engine::node::service_error::ServiceError;
use engine::ports::StoreError;
use engine::services::webhooks::{Message, OpenWebhook};
use poem::http::{Method, StatusCode, header};
use poem::{Endpoint, Request, Response};
use serde_json::json;

use super::answer;
use super::graphql::read_body;
use crate::error::{ApiError, Code};
use crate::objects::global_id::GlobalId;
use crate::resolver::{in_time, to_the_end};
use crate::state::ApiState;
use crate::user_error::{UserError, UserErrorCode};

/// The parameter of the route: the rest of the address behind `/hooks/`.
pub(crate) const TOKEN: &str = "token";

/// The headers that may name a message, the first that is present counts.
const NAMES: [&str; 3] = ["idempotency-key", "webhook-id", "x-github-delivery"];

/// The endpoint.
pub(crate) struct Hooks(pub(crate) Arc<ApiState>);

/// Why a message is refused.
enum Refused {
    /// With the usual status of its code.
    Plain(ApiError),
    /// With this status.
    With(StatusCode, ApiError),
    /// A quota is used up.
    TooMany(Refusal),
    /// With all faults of the message.
    Errors(StatusCode, Vec<UserError>),
}

impl From<ApiError> for Refused {
    fn from(refusal: ApiError) -> Self {
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
            let refusal = ApiError::bad("Send the message by POST, as JSON.");
            let mut response = answer::with_status(StatusCode::METHOD_NOT_ALLOWED, &refusal);
            response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
            return Ok(response);
        }
        Ok(match self.start(request).await {
            Ok(result) => accepted(&result),
            Err(Refused::Plain(refusal)) => answer::refused(&refusal),
            Err(Refused::With(status, refusal)) => with_challenge(answer::with_status(status, &refusal)),
            Err(Refused::TooMany(quota_reached)) => answer::too_many(&quota_reached),
            Err(Refused::Errors(status, errors)) => answer::with_errors(status, &errors),
        })
    }
}

impl Hooks {
    async fn start(&self, mut request: Request) -> Result<JobResult, Refused> {
        let state = &self.0;
        let time = state.options.timeout;
        let token = request.raw_path_param(TOKEN).unwrap_or_default().to_owned();
        let open = in_time(time, state.with_lookup_permit(state.engine.webhooks().open(&token))).await??;
        let open = open.ok_or_else(unknown)?;
        let body = in_time(time, read_body(&mut request, state.options.hook_limit)).await??;
        if !body.is_empty() && !is_json(request.content_type().unwrap_or_default()) {
            let refusal = ApiError::bad("Send the message as `Content-Type: application/json`.");
            return Err(Refused::With(StatusCode::UNSUPPORTED_MEDIA_TYPE, refusal));
        }
        let message = Message { body, signature: signature(&request), name: name(&request)? };
        let access = open.access().clone();
        in_time(time, state.with_request_permit(&access, self.begin(open, message))).await?
    }

    /// Starts the job, even if the sender disconnects meanwhile.
    async fn begin(&self, open: OpenWebhook, message: Message) -> Result<JobResult, Refused> {
        let engine = self.0.engine.clone();
        let started = to_the_end(async move { engine.webhooks().receive(&open, message).await }).await?;
        started.map_err(refused)
    }
}

/// Whether it is the content type of JSON, or of a format that is written in JSON.
fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || kind.split_once('/').is_some_and(|(_, kind)| kind.ends_with("+json"))
}

/// The signature. If there are two, that of Standard Webhooks counts, which signs more of the message.
fn signature(request: &Request) -> Option<Signature> {
    let header = |name: &str| request.header(name).map(str::to_owned);
    if let Some(signatures) = header("webhook-signature") {
        let (id, timestamp) = (header("webhook-id")?, header("webhook-timestamp")?);
        return Some(Signature::Standard { id, timestamp, signatures });
    }
    header("x-hub-signature-256").map(Signature::Hub)
}

/// The first name of the message. One that cannot be read is refused: without a name, a message that is sent again
/// would start the job again.
fn name(request: &Request) -> Result<Option<String>, ApiError> {
    let named = NAMES.iter().find_map(|name| Some((name, request.headers().get(*name)?)));
    let Some((name, value)) = named else { return Ok(None) };
    let text = value.to_str().map(|text| Some(text.to_owned()));
    text.map_err(|_| ApiError::bad(format!("Write the header `{name}` in plain ASCII.")))
}

fn accepted(result: &JobResult) -> Response {
    let body = json!({"jobResult": *GlobalId::JobResult(result.id).encode(), "status": result.status.word()});
    answer::json(StatusCode::ACCEPTED, body.to_string())
}

fn unknown() -> ApiError {
    ApiError::new(Code::NotFound, "There is no such webhook.")
}

fn refused(error: ServiceError) -> Refused {
    let refusals = match error {
        ServiceError::Store(error) => return error.into(),
        ServiceError::Refused(refusals) => refusals,
    };
    let Some(first) = refusals.first() else { return ApiError::bad("The message was refused.").into() };
    match first.code {
        RefusalCode::NotFound => unknown().into(),
        RefusalCode::Unauthenticated => Refused::With(StatusCode::UNAUTHORIZED, first.clone().into()),
        RefusalCode::QuotaReached => Refused::TooMany(first.clone()),
        RefusalCode::Conflict => {
            let message = "Another message with this name has started the job already; give each message its own name.";
            conflict(message.to_owned())
        }
        // The body does not fit the webhook.
        RefusalCode::Invalid if first.path == "body" => ApiError::bad(first.message.clone()).into(),
        // The job is inactive, or would start itself without end.
        RefusalCode::Invalid if first.path == "job" => conflict(first.message.clone()),
        RefusalCode::Invalid => {
            let error = |refusal: Refusal| UserError::at(UserErrorCode::Invalid, &refusal.path, refusal.message);
            let errors = refusals.into_iter().map(error).collect();
            Refused::Errors(StatusCode::UNPROCESSABLE_ENTITY, of_message(errors))
        }
        RefusalCode::Taken
        | RefusalCode::AlreadyFinished
        | RefusalCode::InUse
        | RefusalCode::Forbidden
        | RefusalCode::Busy => ApiError::from(first.clone()).into(),
    }
}

fn conflict(message: String) -> Refused {
    Refused::Errors(StatusCode::CONFLICT, vec![UserError::at(UserErrorCode::Conflict, "", message)])
}

/// The faults that the sender can correct. The faults of the job itself are shown to its organization only.
fn of_message(errors: Vec<UserError>) -> Vec<UserError> {
    let inputs = ["arguments", "records", "idempotencyKey"];
    let is_input = |error: &UserError| {
        let path = error.path.as_deref().unwrap_or_default();
        inputs.contains(&path.split(['.', '[']).next().unwrap_or_default())
    };
    let (own, others): (Vec<_>, Vec<_>) = errors.into_iter().partition(is_input);
    if own.is_empty() {
        tracing::warn!(faults = others.len(), "a job that a webhook starts has faults; save it again to see them");
        let message = "The job has faults and cannot be started; its organization can see them by running it.";
        return vec![UserError::at(UserErrorCode::Invalid, "", message)];
    }
    own
}

/// The challenge of a webhook: unlike elsewhere, no API token is expected.
fn with_challenge(mut response: Response) -> Response {
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
    fn json_is_recognised_by_its_content_type() {
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/cloudevents+json ;x"] {
            assert!(is_json(kind), "{kind}");
        }
        for kind in ["", "text/plain", "application/json-seq", "json", "+json", "application/x-www-form-urlencoded"] {
            assert!(!is_json(kind), "{kind}");
        }
    }

    #[test]
    fn senders_do_not_see_the_faults_of_a_job() {
        let error = |path| UserError::at(UserErrorCode::Invalid, path, "a secret");
        let own = vec![error("arguments.top"), error("records[1]"), error("idempotencyKey")];
        let all: Vec<_> = own.iter().cloned().chain([error("lines[2].parameters.to"), error("")]).collect();
        assert_eq!(of_message(all), own);
        let others = of_message(vec![error("lines[2]"), error("recordsets")]);
        assert!(others.len() == 1 && !others[0].message.contains("secret"), "{others:?}");
    }
}
