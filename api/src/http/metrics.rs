//! The metrics of this node, for Prometheus.

use std::sync::Arc;

use poem::http::header;
use poem::{Endpoint, Request, Response};

use super::answer;
use crate::error::{ApiError, Code};
use crate::state::{ApiState, Credentials};

/// `GET /metrics`: sums over all organizations. No metric names an organization.
pub(crate) struct Metrics(pub(crate) Arc<ApiState>);

impl Endpoint for Metrics {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if let Some(token) = &self.0.options.metrics_token
            && !request
                .header(header::AUTHORIZATION)
                .and_then(|sent| Credentials::read(sent, None))
                .is_some_and(|sent| token.is(&sent.token))
        {
            let message =
                "The metrics need a token; send the metrics token of the server as `Authorization: Bearer …`.";
            return Ok(answer::refused(&ApiError::new(Code::Unauthenticated, message)));
        }
        let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        let metrics = self.0.with_lookup_permit(self.0.engine.encode_metrics()).await;
        Ok(Response::builder().header(header::CONTENT_TYPE, content_type).body(metrics))
    }
}
