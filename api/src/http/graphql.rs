//! GraphQL over HTTP: one document by POST, as JSON, and nothing else. No GET, no
//! forms, no uploads, no batches: each of them is a way for a page elsewhere to make a
//! browser act, or for one request to cost as much as thousands.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{PathSegment, Request as Document, Response as Outcome, Variables};
use poem::error::ReadBodyError;
use poem::http::{Method, StatusCode, header};
use poem::{Endpoint, Request, Response};
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::answer;
use crate::budget::ANSWER_BYTES;
use crate::door::Door;
use crate::refusal::{Code, Refusal};

/// `POST /graphql`.
pub(crate) struct GraphQl(pub(crate) Arc<Door>);

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
    async fn answer(&self, mut request: Request) -> Result<Response, Refusal> {
        let door = &self.0;
        let time = door.options.timeout;
        let access = in_time(time, door.in_turn(door.let_in(super::shown(&request).as_ref()))).await??;
        if let Err(reached) = door.engine.count_request(&access) {
            return Ok(answer::too_many(&reached));
        }
        let body = in_time(time, read_body(&mut request, door.options.body_limit)).await??;
        let document = door.prepare(parse(&body)?, access.clone(), door.budget(ANSWER_BYTES));
        let time = door.options.time_of(&document.query);
        let outcome = in_time(time, door.in_turn_of(&access, door.schema.execute(document))).await?;
        let text = serde_json::to_string(&outcome).map_err(|error| Refusal::internal(&error))?;
        let counted = door.unsent.count(access.organization.id, text.len())?;
        Ok(answer::counted(status_of(&outcome), text, counted))
    }
}

/// Does the work, or gives it up when the time is over.
pub(crate) async fn in_time<T>(time: Duration, work: impl Future<Output = T>) -> Result<T, Refusal> {
    timeout(time, work).await.map_err(|_| Refusal::too_slow())
}

/// Refuses what is not a POST of JSON.
fn refuse_form(request: &Request) -> Option<Response> {
    if request.method() != Method::POST {
        let refusal = Refusal::bad("Send GraphQL by POST, as JSON.");
        let mut response = answer::with_status(StatusCode::METHOD_NOT_ALLOWED, &refusal);
        response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
        return Some(response);
    }
    let kind = request.content_type().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    (!kind.eq_ignore_ascii_case("application/json")).then(|| {
        let refusal = Refusal::bad("Send the request as `Content-Type: application/json`.");
        answer::with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, &refusal)
    })
}

/// Reads the body up to the limit, and never more than the limit into memory.
pub(crate) async fn read_body(request: &mut Request, limit: usize) -> Result<Vec<u8>, Refusal> {
    let too_large = || Refusal::new(Code::TooLarge, format!("A request may have at most {limit} bytes."));
    let announced = request.header(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| usize::try_from(length).is_ok_and(|length| length > limit)) {
        return Err(too_large());
    }
    match request.take_body().into_bytes_limit(limit).await {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(ReadBodyError::PayloadTooLarge) => Err(too_large()),
        Err(_) => Err(Refusal::bad("The request broke off.")),
    }
}

/// Reads the JSON object around a document.
fn parse(body: &[u8]) -> Result<Document, Refusal> {
    // The strict reader: a name that stands twice, or a number that would be rounded, is refused.
    match values::json::parse(body, values::json::Bounds { bytes: body.len(), ..values::json::Bounds::default() }) {
        Ok(Value::Object(object)) => read(object),
        Ok(Value::Array(_)) => Err(Refusal::bad("Batches are not supported: send one request at a time.")),
        Ok(_) => Err(Refusal::bad("The request must be a JSON object with a `query`.")),
        Err(fault) => Err(Refusal::bad(format!("The request is not JSON that can be read: {fault}."))),
    }
}

/// Takes the parts of a request: the same over HTTP and over a socket.
pub(crate) fn read(mut object: Map<String, Value>) -> Result<Document, Refusal> {
    let Some(Value::String(query)) = object.remove("query") else {
        return Err(Refusal::bad("The request must have a `query`: the GraphQL document, as a string."));
    };
    let document = Document::new(query);
    let document = match object.remove("operationName") {
        None | Some(Value::Null) => document,
        Some(Value::String(name)) => document.operation_name(name),
        Some(_) => return Err(Refusal::bad("`operationName` must be a string.")),
    };
    match object.remove("variables") {
        None | Some(Value::Null) => Ok(document),
        Some(variables @ Value::Object(_)) => Ok(document.variables(Variables::from_json(variables))),
        Some(_) => Err(Refusal::bad("`variables` must be a JSON object.")),
    }
}

/// 400 if the document was refused before anything ran; else 200, and errors stand
/// beside whatever data there is.
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
