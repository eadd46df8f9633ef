//! `POST /uploads`: a file that is to be used soon, such as a module to install. Files do
//! not travel inside GraphQL, where they would be held in memory several times over.

use std::sync::Arc;

use engine::model::organization::Role;
use poem::http::{Method, StatusCode, header};
use poem::{Endpoint, Request, Response};
use serde_json::json;
use tokio::time::timeout;

use super::answer;
use super::graphql::read_body;
use crate::door::Door;
use crate::mutation::user_error::of_modules;
use crate::refusal::{Code, Refusal};

/// `POST /uploads`.
pub(crate) struct Uploads(pub(crate) Arc<Door>);

impl Uploads {
    async fn answer(&self, mut request: Request) -> Result<Response, Refusal> {
        let options = &self.0.options;
        let shown = super::shown(&request);
        let access =
            timeout(options.timeout, self.0.let_in(shown.as_ref())).await.map_err(|_| Refusal::too_slow())??;
        if access.role < Role::Admin {
            return Err(Refusal::new(Code::Forbidden, "Sending a module needs the role `admin`."));
        }
        let busy = || Refusal::new(Code::Unavailable, "Other files are on their way in; try again in a moment.");
        let _place = self.0.uploads.take(access.organization.id, 1).map_err(|_| busy())?;
        let body = timeout(options.upload_time, read_body(&mut request, options.upload_limit)).await;
        let body = body.map_err(|_| Refusal::too_slow())??;
        let size = body.len();
        match self.0.engine.upload(&access, body.into()).await {
            Ok(upload) => {
                let told = json!({"id": upload.id.to_string(), "digest": upload.digest, "size": size});
                Ok(answer::json(StatusCode::CREATED, told.to_string()))
            }
            Err(error) => {
                let errors = of_modules(error, "")?;
                let told: Vec<_> = errors.into_iter().map(|error| error.message).collect();
                Err(Refusal::bad(told.join(" ")))
            }
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

/// Refuses what a page elsewhere could make a browser send.
fn refuse_form(request: &Request) -> Option<Response> {
    if request.method() != Method::POST {
        let mut response =
            answer::with_status(StatusCode::METHOD_NOT_ALLOWED, &Refusal::bad("Send the file by POST, as the body."));
        response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
        return Some(response);
    }
    let kind = request.content_type().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let fits = ["application/wasm", "application/octet-stream"].iter().any(|known| kind.eq_ignore_ascii_case(known));
    (!fits).then(|| {
        let refusal = Refusal::bad("Send the file as `Content-Type: application/wasm` or `application/octet-stream`.");
        answer::with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, &refusal)
    })
}
