//! Subscriptions over a WebSocket that speaks `graphql-transport-ws`, with the close
//! codes of that protocol. Queries and mutations go by POST.

mod connection;
mod message;

use std::sync::Arc;

use poem::http::StatusCode;
use poem::web::websocket::{WebSocket, WebSocketConfig};
use poem::{Addr, Endpoint, FromRequest, IntoResponse, Request, Response};

use crate::door::{Door, Shown};
use crate::http::{answer, shown};
use crate::refusal::{Code, Refusal};
use connection::{Connection, Place};

/// The one protocol that is spoken.
const PROTOCOL: &str = "graphql-transport-ws";

/// `GET /graphql/ws`.
pub(crate) struct Socket(pub(crate) Arc<Door>);

impl Endpoint for Socket {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if !speaks(&request) {
            let refusal = Refusal::bad(format!("Open a WebSocket with the subprotocol `{PROTOCOL}`."));
            return Ok(answer::refused(&refusal));
        }
        let below = self.0.connections.of(&request);
        let (door, shown) = (self.0.clone(), shown(&request));
        let Some(place) = place(&door, shown.as_ref(), &request).await else {
            let refusal = Refusal::new(Code::Unavailable, "Too many sockets are open; try again later.");
            return Ok(answer::with_status(StatusCode::SERVICE_UNAVAILABLE, &refusal));
        };
        let (request, mut body) = request.split();
        let socket = WebSocket::from_request(&request, &mut body).await?;
        let limit = Some(door.options.body_limit);
        let config = WebSocketConfig::default().max_message_size(limit).max_frame_size(limit);
        let socket = socket.protocols([PROTOCOL]).config(config);
        let upgraded = socket.on_upgrade(move |stream| async move {
            Connection::new(door, stream, shown, place, below).serve().await;
        });
        Ok(upgraded.into_response())
    }
}

/// The place of a socket: as of one whose client is authenticated, if its headers do that; else among those that wait
/// for a greeting. So clients that send their token at once do not depend on those that send none.
async fn place(door: &Door, shown: Option<&Shown>, request: &Request) -> Option<Place> {
    if shown.is_some()
        && let Ok(access) = door.let_in(shown).await
    {
        return door.place_of_socket(&access).ok().map(Place::Socket);
    }
    match &request.remote_addr().0 {
        Addr::SocketAddr(address) => Some(Place::Greeting(Some(door.greetings.take(address.ip(), 1).ok()?))),
        _ => Some(Place::Greeting(None)),
    }
}

fn speaks(request: &Request) -> bool {
    let offered = request.header("sec-websocket-protocol").unwrap_or_default();
    offered.split(',').any(|protocol| protocol.trim() == PROTOCOL)
}
