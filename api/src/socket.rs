//! Subscriptions over a WebSocket with the protocol `graphql-transport-ws` and its close codes. Queries and mutations
//! are sent by POST.

mod message;
mod session;

use std::sync::Arc;

use poem::http::StatusCode;
use poem::web::websocket::{WebSocket, WebSocketConfig};
use poem::{Addr, Endpoint, FromRequest, IntoResponse, Request, Response};

use crate::error::{ApiError, Code};
use crate::http::{answer, credentials};
use crate::state::{ApiState, Credentials};
use session::{Session, SessionSlot};

/// The only supported subprotocol.
const PROTOCOL: &str = "graphql-transport-ws";

/// `GET /graphql/ws`.
pub(crate) struct Socket(pub(crate) Arc<ApiState>);

impl Endpoint for Socket {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if !offers_protocol(&request) {
            let refusal = ApiError::bad(format!("Open a WebSocket with the subprotocol `{PROTOCOL}`."));
            return Ok(answer::refused(&refusal));
        }
        let connection = self.0.connections.of(&request);
        let (state, credentials) = (self.0.clone(), credentials(&request));
        let Some(slot) = slot(&state, credentials.as_ref(), &request).await else {
            let refusal = ApiError::new(Code::Unavailable, "Too many sockets are open; try again later.");
            return Ok(answer::with_status(StatusCode::SERVICE_UNAVAILABLE, &refusal));
        };
        let (request, mut body) = request.split();
        let socket = WebSocket::from_request(&request, &mut body).await?;
        let limit = Some(state.options.body_limit);
        let config = WebSocketConfig::default().max_message_size(limit).max_frame_size(limit);
        let socket = socket.protocols([PROTOCOL]).config(config);
        let upgraded = socket.on_upgrade(move |stream| async move {
            Session::new(state, stream, credentials, slot, connection).serve().await;
        });
        Ok(upgraded.into_response())
    }
}

/// Takes the slot of a socket: among the authenticated ones if the headers authenticate its client, else among those
/// that are not yet. So clients without a token cannot take the slots of clients that send theirs at once.
async fn slot(state: &ApiState, credentials: Option<&Credentials>, request: &Request) -> Option<SessionSlot> {
    if credentials.is_some()
        && let Ok(access) = state.authenticate(credentials).await
    {
        return state.socket_slot(&access).ok().map(SessionSlot::Authenticated);
    }
    match &request.remote_addr().0 {
        Addr::SocketAddr(address) => Some(SessionSlot::Greeting(Some(state.greetings.take(address.ip(), 1).ok()?))),
        _ => Some(SessionSlot::Greeting(None)),
    }
}

fn offers_protocol(request: &Request) -> bool {
    let offered = request.header("sec-websocket-protocol").unwrap_or_default();
    offered.split(',').any(|protocol| protocol.trim() == PROTOCOL)
}
