//! What a supervisor asks: is it alive, and can it work.

use std::sync::Arc;
use std::time::Duration;

use engine::ports::trouble::Obstacle;
use poem::http::StatusCode;
use poem::{Endpoint, Request, Response, handler};
use serde_json::json;
use tokio::time::timeout;

use super::answer;
use crate::door::Door;

/// A store that takes longer is not one to work with.
const PATIENCE: Duration = Duration::from_secs(2);

const NO_WORKER: &str = "No worker is alive, so nothing is worked on; start the server again.";

/// `GET /healthz`: the process answers.
#[handler]
pub(crate) fn healthz() -> Response {
    answer::json(StatusCode::OK, r#"{"status":"ok"}"#)
}

/// `GET /readyz`: the store answers too, and jobs are worked on.
pub(crate) struct Ready(pub(crate) Arc<Door>);

impl Endpoint for Ready {
    type Output = Response;

    async fn call(&self, _: Request) -> poem::Result<Response> {
        if self.0.engine.health.has_no_worker() {
            let told = json!({"status": "stopped", "reason": "no-worker", "message": NO_WORKER});
            return Ok(answer::json(StatusCode::SERVICE_UNAVAILABLE, told.to_string()));
        }
        if let Some(pause) = self.0.engine.health.pause() {
            return Ok(unready(pause.obstacle, &pause.reason));
        }
        let asked = timeout(PATIENCE, self.0.engine.organizations.has_server_token()).await;
        Ok(match asked {
            Ok(Ok(_)) => answer::json(StatusCode::OK, r#"{"status":"ready"}"#),
            Ok(Err(error)) => unready(error.obstacle(), &error),
            Err(_) => unready(Obstacle::Away, &"the store did not answer in time"),
        })
    }
}

/// Says what kind of trouble it is, and no more: anybody may ask.
fn unready(obstacle: Obstacle, cause: &dyn std::fmt::Display) -> Response {
    tracing::warn!(%cause, "not ready");
    let told = json!({"status": "paused", "reason": obstacle.word(), "message": obstacle.told()});
    answer::json(StatusCode::SERVICE_UNAVAILABLE, told.to_string())
}
