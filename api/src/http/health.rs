//! Health checks for supervisors: whether the process is alive, and whether it can work.

use std::sync::Arc;
use std::time::Duration;

use engine::ports::trouble::Obstacle;
use poem::http::StatusCode;
use poem::{Endpoint, Request, Response, handler};
use serde_json::json;
use tokio::time::timeout;

use super::answer;
use crate::state::ApiState;

/// How long the store may take to answer.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);

const NO_WORKER: &str = "The server has no worker, so no job runs; start it again.";

/// `GET /healthz`: the process is alive.
#[handler]
pub(crate) fn healthz() -> Response {
    answer::json(StatusCode::OK, r#"{"status":"ok"}"#)
}

/// `GET /readyz`: the store answers too, and jobs run.
pub(crate) struct Ready(pub(crate) Arc<ApiState>);

impl Endpoint for Ready {
    type Output = Response;

    async fn call(&self, _: Request) -> poem::Result<Response> {
        if self.0.engine.health().has_no_worker() {
            let body = json!({"status": "stopped", "reason": "no-worker", "message": NO_WORKER});
            return Ok(answer::json(StatusCode::SERVICE_UNAVAILABLE, body.to_string()));
        }
        if let Some(pause) = self.0.engine.health().pause() {
            return Ok(unready(pause.obstacle, &pause.reason));
        }
        let asked = timeout(STORE_TIMEOUT, self.0.engine.tokens().has_server_token()).await;
        Ok(match asked {
            Ok(Ok(_)) => answer::json(StatusCode::OK, r#"{"status":"ready"}"#),
            Ok(Err(error)) => unready(error.obstacle(), &error),
            Err(_) => unready(Obstacle::Away, &"the store did not answer in time"),
        })
    }
}

/// Says only what kind of obstacle there is: anybody may ask.
fn unready(obstacle: Obstacle, cause: &dyn std::fmt::Display) -> Response {
    tracing::warn!(%cause, "not ready");
    let body = json!({"status": "paused", "reason": obstacle.word(), "message": obstacle.message()});
    answer::json(StatusCode::SERVICE_UNAVAILABLE, body.to_string())
}
