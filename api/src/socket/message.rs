//! The messages of `graphql-transport-ws`, and its close codes.

use async_graphql::Response;
use serde_json::{Map, Value, json};

use crate::door::Shown;
use crate::refusal::Refusal;

/// Why the server closes a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Close {
    /// The server stops.
    Leaving,
    /// A message that is not of the protocol.
    Invalid,
    /// A subscription before the caller said who it is.
    Unacknowledged,
    /// The token is not good, or not any more.
    Forbidden,
    /// The caller did not say who it is in time.
    Silent,
    /// Two subscriptions with the same id.
    Repeated,
    /// The caller said twice who it is.
    Greeted,
    /// So many sockets are open already.
    Full,
    /// The caller took nothing, or did not answer, for too long.
    Stuck,
}

impl Close {
    /// Code and reason of the close frame.
    pub(crate) fn frame(self) -> (u16, &'static str) {
        match self {
            Self::Leaving => (1001, "The server stops"),
            Self::Full => (1013, "Too many sockets are open; try again later"),
            Self::Stuck => (1008, "The client was too slow or silent"),
            Self::Invalid => (4400, "Invalid message"),
            Self::Unacknowledged => (4401, "Unauthorized"),
            Self::Forbidden => (4403, "Forbidden"),
            Self::Silent => (4408, "Connection initialisation timeout"),
            Self::Repeated => (4409, "Subscriber already exists"),
            Self::Greeted => (4429, "Too many initialisation requests"),
        }
    }
}

/// What a client says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    /// Who it is; nothing if its headers already said so.
    Init(Option<Shown>),
    /// Begins a subscription.
    Subscribe(String, Map<String, Value>),
    /// Ends a subscription.
    Complete(String),
    /// Asks whether the server is there.
    Ping,
    /// Answers that it is there.
    Pong,
}

/// Reads a message; none if it is not of the protocol.
pub(crate) fn read(text: &[u8]) -> Option<Said> {
    let Value::Object(mut message) = values::json::parse(text, values::json::Bounds::default()).ok()? else {
        return None;
    };
    let id = message.get("id").and_then(Value::as_str).filter(|id| !id.is_empty()).map(str::to_owned);
    let payload = message.remove("payload").unwrap_or_default();
    match (message.get("type")?.as_str()?, payload) {
        ("connection_init", Value::Object(payload)) => Some(Said::Init(shown(&payload))),
        ("connection_init", Value::Null) => Some(Said::Init(None)),
        ("subscribe", Value::Object(payload)) => Some(Said::Subscribe(id?, payload)),
        ("complete", _) => Some(Said::Complete(id?)),
        ("ping", _) => Some(Said::Ping),
        ("pong", _) => Some(Said::Pong),
        _ => None,
    }
}

/// Reads `{"authorization": "Bearer …", "ropewalk-organization": "…"}`; like headers,
/// in whatever case.
fn shown(payload: &Map<String, Value>) -> Option<Shown> {
    let named = |name: &str| {
        let found = payload.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value.as_str())
    };
    Shown::read(named("authorization")?, named("ropewalk-organization"))
}

/// The caller is let in.
pub(crate) fn acknowledge() -> String {
    json!({"type": "connection_ack"}).to_string()
}

/// The server is there.
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
pub(crate) fn refused(id: &str, refusal: Refusal) -> String {
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
    fn what_is_not_of_the_protocol_is_nothing() {
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
    fn a_caller_says_who_it_is_in_whatever_case() {
        let text = br#"{"type":"connection_init","payload":{"Authorization":"Bearer t","Ropewalk-Organization":"o"}}"#;
        let shown = Shown { token: "t".into(), organization: Some("o".into()) };
        assert_eq!(read(text), Some(Said::Init(Some(shown))));
        assert_eq!(read(br#"{"type":"connection_init"}"#), Some(Said::Init(None)));
        assert_eq!(read(br#"{"type":"ping","payload":null}"#), Some(Said::Ping));
    }
}
