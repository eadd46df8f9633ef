//! `POST /uploads`: a file to be used soon, such as a module to install. Files are not sent inside GraphQL, where they
//! would be in memory several times.

use std::sync::Arc;

use engine::model::rights::Operation;

use poem::http::{Method, StatusCode, header};
use poem::{Endpoint, Request, Response};
use serde_json::json;
use tokio::time::timeout;

use super::answer;
use super::graphql::read_body;
use crate::error::{ApiError, Code};
use crate::state::ApiState;

/// `POST /uploads`.
pub(crate) struct Uploads(pub(crate) Arc<ApiState>);

impl Uploads {
    async fn answer(&self, mut request: Request) -> Result<Response, ApiError> {
        let options = &self.0.options;
        let credentials = super::credentials(&request);
        let access = self.0.authenticate(credentials.as_ref()).await?;
        access.require(Operation::InstallModule)?;
        let busy = || ApiError::new(Code::Unavailable, "Other uploads are in progress; try again in a moment.");
        let _slot = self.0.uploads.take(access.organization.id, 1).map_err(|_| busy())?;
        let body = timeout(options.upload_time, read_body(&mut request, options.upload_limit)).await;
        let body = body.map_err(|_| ApiError::too_slow())??;
        let size = body.len();
        match self.0.engine.modules().upload(&access, body.into()).await {
            Ok(upload) => {
                let answer = json!({"id": upload.id.to_string(), "digest": upload.digest, "size": size});
                Ok(answer::json(StatusCode::CREATED, answer.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Endpoint for Uploads {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if let Some(refused) = refuse_form(&request) {
            return Ok(refused);
        }
        Ok(self.answer(request).await.unwrap_or_else(|refusal| answer::refused(&refusal)))
    }
}

/// Refuses what a foreign page could make a browser send.
fn refuse_form(request: &Request) -> Option<Response> {
    if request.method() != Method::POST {
        let mut response =
            answer::with_status(StatusCode::METHOD_NOT_ALLOWED, &ApiError::bad("Send the file by POST, as the body."));
        response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
        return Some(response);
    }
    let kind = request.content_type().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let fits = ["application/wasm", "application/octet-stream"].iter().any(|known| kind.eq_ignore_ascii_case(known));
    (!fits).then(|| {
        let refusal = ApiError::bad("Send the file as `Content-Type: application/wasm` or `application/octet-stream`.");
        answer::with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, &refusal)
    })
}
