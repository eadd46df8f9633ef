//! What a supervisor asks: is it alive, and can it work.

use std::sync::Arc;
use std::time::Duration;

use poem::http::StatusCode;
use poem::{Endpoint, Request, Response, handler};
use tokio::time::timeout;

use super::answer;
use crate::door::Door;

/// A store that takes longer is not one to work with.
const PATIENCE: Duration = Duration::from_secs(2);

const AWAY: &str = r#"{"status":"the store does not answer"}"#;

/// `GET /healthz`: the process answers.
#[handler]
pub(crate) fn healthz() -> Response {
    answer::json(StatusCode::OK, r#"{"status":"ok"}"#)
}

/// `GET /readyz`: the store answers too, and can be written.
pub(crate) struct Ready(pub(crate) Arc<Door>);

impl Endpoint for Ready {
    type Output = Response;

    async fn call(&self, _: Request) -> poem::Result<Response> {
        if let Some(pause) = self.0.engine.health.pause() {
            return Ok(unready(&pause.reason, r#"{"status":"the store cannot be written"}"#));
        }
        let asked = timeout(PATIENCE, self.0.engine.organizations.has_server_token()).await;
        Ok(match asked {
            Ok(Ok(_)) => answer::json(StatusCode::OK, r#"{"status":"ready"}"#),
            Ok(Err(error)) => unready(&error, AWAY),
            Err(_) => unready(&"the store did not answer in time", AWAY),
        })
    }
}

/// What exactly is the matter is for the log: whoever asks need not have shown a token.
fn unready(cause: &dyn std::fmt::Display, told: &'static str) -> Response {
    tracing::warn!(%cause, "not ready");
    answer::json(StatusCode::SERVICE_UNAVAILABLE, told)
}
