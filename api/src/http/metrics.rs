//! What a monitor asks: the figures of this node.

use std::sync::Arc;

use poem::http::header;
use poem::{Endpoint, Request, Response};

use super::answer;
use crate::door::{Door, Shown};
use crate::refusal::{Code, Refusal};

/// `GET /metrics`: sums over all organizations, and nothing of any of them.
pub(crate) struct Metrics(pub(crate) Arc<Door>);

impl Endpoint for Metrics {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if let Some(token) = &self.0.options.metrics_token
            && !request
                .header(header::AUTHORIZATION)
                .and_then(|sent| Shown::read(sent, None))
                .is_some_and(|sent| token.is(&sent.token))
        {
            let message = "The metrics are not open: send the token that the server was given for them, as `Authorization: Bearer …`.";
            return Ok(answer::refused(&Refusal::new(Code::Unauthenticated, message)));
        }
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        Ok(Response::builder().header(header::CONTENT_TYPE, kind).body(self.0.engine.figures.text()))
    }
}
