//! The messages of `graphql-transport-ws`, and its close codes.

use async_graphql::Response;
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::state::Credentials;

/// Why the server closes a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Close {
    /// The server stops.
    ServerStops,
    /// The message is not part of the protocol.
    Invalid,
    /// The client subscribes before it is authenticated.
    Unacknowledged,
    /// The token is invalid, or has become so.
    Forbidden,
    /// The client did not authenticate in time.
    InitTimeout,
    /// Two subscriptions have the same id.
    RepeatedSubscription,
    /// The client authenticates a second time.
    RepeatedInit,
    /// Too many sockets are open.
    Full,
    /// The client did not read or answer for too long.
    Stuck,
}

impl Close {
    /// Code and reason of the close frame.
    pub(crate) fn frame(self) -> (u16, &'static str) {
        match self {
            Self::ServerStops => (1001, "The server stops"),
            Self::Full => (1013, "Too many sockets are open; try again later"),
            Self::Stuck => (1008, "The client was too slow or silent"),
            Self::Invalid => (4400, "Invalid message"),
            Self::Unacknowledged => (4401, "Unauthorized"),
            Self::Forbidden => (4403, "Forbidden"),
            Self::InitTimeout => (4408, "Connection initialisation timeout"),
            Self::RepeatedSubscription => (4409, "Subscriber already exists"),
            Self::RepeatedInit => (4429, "Too many initialisation requests"),
        }
    }
}

/// A message of a client.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ClientMessage {
    /// Its credentials; none if its headers have them.
    Init(Option<Credentials>),
    /// Begins a subscription.
    Subscribe(String, Map<String, Value>),
    /// Ends a subscription.
    Complete(String),
    /// Checks that the server is alive.
    Ping,
    /// Answers a ping.
    Pong,
}

/// Reads a message; none if it is not part of the protocol.
pub(crate) fn read(text: &[u8]) -> Option<ClientMessage> {
    let Value::Object(mut message) = values::json::parse(text, values::json::Bounds::default()).ok()? else {
        return None;
    };
    let id = message.get("id").and_then(Value::as_str).filter(|id| !id.is_empty()).map(str::to_owned);
    let payload = message.remove("payload").unwrap_or_default();
    match (message.get("type")?.as_str()?, payload) {
        ("connection_init", Value::Object(payload)) => Some(ClientMessage::Init(credentials(&payload))),
        ("connection_init", Value::Null) => Some(ClientMessage::Init(None)),
        ("subscribe", Value::Object(payload)) => Some(ClientMessage::Subscribe(id?, payload)),
        ("complete", _) => Some(ClientMessage::Complete(id?)),
        ("ping", _) => Some(ClientMessage::Ping),
        ("pong", _) => Some(ClientMessage::Pong),
        _ => None,
    }
}

/// Reads `{"authorization": "Bearer …", "ropewalk-organization": "…"}`. Like headers, the names may be in any case.
fn credentials(payload: &Map<String, Value>) -> Option<Credentials> {
    let named = |name: &str| {
        let found = payload.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value.as_str())
    };
    Credentials::read(named("authorization")?, named("ropewalk-organization"))
}

/// The client is authenticated.
pub(crate) fn acknowledge() -> String {
    json!({"type": "connection_ack"}).to_string()
}

/// The server is alive.
pub(crate) fn pong() -> String {
    json!({"type": "pong"}).to_string()
}

/// One answer of a subscription.
pub(crate) fn next(id: &str, response: &Response) -> String {
    json!({"id": id, "type": "next", "payload": response}).to_string()
}

/// A subscription was refused, and is over.
pub(crate) fn error(id: &str, response: &Response) -> String {
    json!({"id": id, "type": "error", "payload": response.errors}).to_string()
}

/// A subscription was refused before its document was read, and is over.
pub(crate) fn refused(id: &str, refusal: ApiError) -> String {
    error(id, &Response::from_errors(vec![refusal.into_server_error()]))
}

/// A subscription is over.
pub(crate) fn complete(id: &str) -> String {
    json!({"id": id, "type": "complete"}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_outside_the_protocol_is_refused() {
        let bad = [
            "",
            "[]",
            "{}",
            r#"{"type":"start","id":"1","payload":{}}"#,
            r#"{"type":"subscribe","id":"","payload":{}}"#,
            r#"{"type":"subscribe","payload":{}}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"complete"}"#,
            r#"{"type":"connection_init","payload":7}"#,
        ];
        for text in bad {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn credentials_may_be_named_in_any_case() {
        let text = br#"{"type":"connection_init","payload":{"Authorization":"Bearer t","Ropewalk-Organization":"o"}}"#;
        let credentials = Credentials { token: "t".into(), organization: Some("o".into()) };
        assert_eq!(read(text), Some(ClientMessage::Init(Some(credentials))));
        assert_eq!(read(br#"{"type":"connection_init"}"#), Some(ClientMessage::Init(None)));
        assert_eq!(read(br#"{"type":"ping","payload":null}"#), Some(ClientMessage::Ping));
    }
}
