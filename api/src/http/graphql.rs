//! GraphQL over HTTP: one document by POST, as JSON. There is no GET, no form, no upload and no batch: with these, a
//! foreign page could make a browser act for its user, or one request could cost as much as thousands.

use std::pin::pin;
use std::sync::Arc;

use async_graphql::{PathSegment, Request as Document, Response as Outcome, Variables};
use poem::error::ReadBodyError;
use poem::http::{Method, StatusCode, header};
use poem::{Endpoint, Request, Response};
use serde_json::{Map, Value};

use super::answer;
use crate::budget::ANSWER_BYTES;
use crate::error::{ApiError, Code};
use crate::resolver::{LongerTime, in_time};
use crate::state::ApiState;

/// `POST /graphql`.
pub(crate) struct GraphQl(pub(crate) Arc<ApiState>);

impl Endpoint for GraphQl {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if let Some(refused) = refuse_form(&request) {
            return Ok(refused);
        }
        Ok(self.answer(request).await.unwrap_or_else(|refusal| answer::refused(&refusal)))
    }
}

impl GraphQl {
    async fn answer(&self, mut request: Request) -> Result<Response, ApiError> {
        let state = &self.0;
        let time = state.options.timeout;
        let access = state.authenticate(super::credentials(&request).as_ref()).await?;
        if let Err(quota_reached) = state.engine.usage().count_request(&access) {
            return Ok(answer::too_many(&quota_reached));
        }
        let body = in_time(time, read_body(&mut request, state.options.body_limit)).await??;
        let longer = LongerTime::default();
        let document = state.prepare(parse(&body)?, access.clone(), state.budget(ANSWER_BYTES)).data(longer.clone());
        let mut work = pin!(state.with_request_permit(&access, state.schema.execute(document)));
        let outcome = match in_time(time, &mut work).await {
            Err(_) if longer.is_asked() => in_time(state.options.install_time.saturating_sub(time), work).await?,
            outcome => outcome?,
        };
        let text = serde_json::to_string(&outcome).map_err(|error| ApiError::internal(&error))?;
        let unsent = state.unsent.count(access.organization.id, text.len())?;
        Ok(answer::counted(status_of(&outcome), text, unsent))
    }
}

/// Refuses every request but a POST of JSON.
fn refuse_form(request: &Request) -> Option<Response> {
    if request.method() != Method::POST {
        let refusal = ApiError::bad("Send GraphQL by POST, as JSON.");
        let mut response = answer::with_status(StatusCode::METHOD_NOT_ALLOWED, &refusal);
        response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
        return Some(response);
    }
    let kind = request.content_type().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    (!kind.eq_ignore_ascii_case("application/json")).then(|| {
        let refusal = ApiError::bad("Send the request as `Content-Type: application/json`.");
        answer::with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, &refusal)
    })
}

/// Reads the body, never more than the limit.
pub(crate) async fn read_body(request: &mut Request, limit: usize) -> Result<Vec<u8>, ApiError> {
    let too_large = || ApiError::new(Code::TooLarge, format!("A request may have at most {limit} bytes."));
    let announced = request.header(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| usize::try_from(length).is_ok_and(|length| length > limit)) {
        return Err(too_large());
    }
    match request.take_body().into_bytes_limit(limit).await {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(ReadBodyError::PayloadTooLarge) => Err(too_large()),
        Err(_) => Err(ApiError::bad("The connection was closed before the request was complete.")),
    }
}

/// Reads the JSON object around a document.
fn parse(body: &[u8]) -> Result<Document, ApiError> {
    // The strict reader refuses a repeated name and a number that would be rounded.
    match values::json::parse(body, values::json::Bounds { bytes: body.len(), ..values::json::Bounds::default() }) {
        Ok(Value::Object(object)) => read(object),
        Ok(Value::Array(_)) => Err(ApiError::bad("Batches are not supported: send one request at a time.")),
        Ok(_) => Err(ApiError::bad("The request must be a JSON object with a `query`.")),
        Err(fault) => Err(ApiError::bad(format!("The request cannot be read as JSON: {fault}."))),
    }
}

/// Reads the members of a request, which are the same over HTTP and over a socket.
pub(crate) fn read(mut object: Map<String, Value>) -> Result<Document, ApiError> {
    let Some(Value::String(query)) = object.remove("query") else {
        return Err(ApiError::bad("The request must have a `query`: the GraphQL document, as a string."));
    };
    let document = Document::new(query);
    let document = match object.remove("operationName") {
        None | Some(Value::Null) => document,
        Some(Value::String(name)) => document.operation_name(name),
        Some(_) => return Err(ApiError::bad("`operationName` must be a string.")),
    };
    match object.remove("variables") {
        None | Some(Value::Null) => Ok(document),
        Some(variables @ Value::Object(_)) => Ok(document.variables(Variables::from_json(variables))),
        Some(_) => Err(ApiError::bad("`variables` must be a JSON object.")),
    }
}

/// 400 if the document was refused before anything ran; else 200, with errors beside the data.
fn status_of(outcome: &Outcome) -> StatusCode {
    let before = |error: &async_graphql::ServerError| !matches!(error.path.first(), Some(PathSegment::Field(_)));
    let refused = !outcome.errors.is_empty() && outcome.errors.iter().all(before);
    if refused { StatusCode::BAD_REQUEST } else { StatusCode::OK }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_request_is_an_object_with_a_query() {
        let good = json!({"query": "{ a }", "variables": {"b": 1}, "operationName": null, "extensions": {}});
        assert_eq!(parse(good.to_string().as_bytes()).unwrap().query, "{ a }");
        for bad in ["[]", "[{\"query\":\"{ a }\"}]", "7", "", "{", "{}", "{\"query\":7}", "query={a}"] {
            assert_eq!(parse(bad.as_bytes()).unwrap_err().code, Code::BadRequest, "{bad}");
        }
        let bad = json!({"query": "{ a }", "variables": [1]});
        assert!(parse(bad.to_string().as_bytes()).is_err());
    }
}
