//! What a monitor asks: the figures of this node.

use std::sync::Arc;

use poem::http::header;
use poem::{Endpoint, Request, Response};

use crate::door::Door;

/// `GET /metrics`: sums over all organizations, and nothing of any of them.
pub(crate) struct Metrics(pub(crate) Arc<Door>);

impl Endpoint for Metrics {
    type Output = Response;

    async fn call(&self, _: Request) -> poem::Result<Response> {
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        Ok(Response::builder().header(header::CONTENT_TYPE, kind).body(self.0.engine.figures.text()))
    }
}
