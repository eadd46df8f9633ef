//! Notes on its connection when a request is handled.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::{Endpoint, IntoResponse, Request, Response};

use super::Connections;
use super::connection::Phase;

/// An endpoint that sets the phase of the connection of each request.
pub(crate) struct RequestTracker<E> {
    pub(crate) endpoint: E,
    pub(crate) connections: Arc<Connections>,
}

impl<E: Endpoint> Endpoint for RequestTracker<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let connection = self.connections.of(&request);
        if let Some(connection) = &connection {
            connection.enter(Phase::Busy);
        }
        let answer = self.endpoint.call(request).await.map(IntoResponse::into_response);
        if let Some(connection) = &connection {
            let upgraded = answer.as_ref().is_ok_and(|answer| answer.status() == StatusCode::SWITCHING_PROTOCOLS);
            connection.enter(if upgraded { Phase::Socket { authenticated: false } } else { Phase::Idle });
        }
        answer
    }
}
