//! The settings of the API, with defaults that suit a server on the open internet.

use std::time::Duration;

use engine::model::token::ChosenSecret;

use crate::connections::Limits;

/// Limits and switches of the API.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes of a request's body, and of a message on a socket.
    pub body_limit: usize,
    /// How long a request may take to arrive, and again to be answered.
    pub timeout: Duration,
    /// How long a request may take that installs a module, which is compiled before it is answered.
    pub install_time: Duration,
    /// Bytes of an uploaded file.
    pub upload_limit: usize,
    /// How long such a file may take to arrive.
    pub upload_time: Duration,
    /// How many uploads may be in progress at once: each is held in memory.
    pub uploads_at_once: usize,
    /// How many of them for one organization.
    pub uploads_of_one_organization: usize,
    /// Bytes of a message to a webhook.
    pub hook_limit: usize,
    /// Whether introspection is allowed.
    pub introspection: bool,
    /// TypeScript types of scripts, served as `/ropewalk.d.ts`.
    pub script_types: &'static str,
    /// Whether GraphiQL is served.
    pub graphiql: bool,
    /// Limits of connections.
    pub connections: Limits,
    /// The token that a monitoring system needs to read `/metrics`. Without one, anybody may read them.
    pub metrics_token: Option<ChosenSecret>,
    /// How many requests are handled at once; the others wait for a permit, within their time.
    pub requests_at_once: usize,
    /// How many of them for one organization.
    pub requests_of_one_organization: usize,
    /// How many authenticated sockets may be open at once.
    pub sockets: usize,
    /// How many of them for one organization.
    pub sockets_of_one_organization: usize,
    /// How many of them with one token in one organization.
    pub sockets_of_one_token: usize,
    /// How many sockets may be open at once that are not authenticated yet.
    pub greetings: usize,
    /// How many of them from one address.
    pub greetings_from_one_address: usize,
    /// How many subscriptions one socket may have.
    pub subscriptions: usize,
    /// How long a socket may take to authenticate.
    pub greeting: Duration,
    /// How long a client may take to read one message. A slower one is disconnected.
    pub send: Duration,
    /// How often the token of an open socket is checked again.
    pub recheck: Duration,
    /// How often a watched job result is read again without an event.
    pub reread: Duration,
    /// How long open requests may take to finish when the server stops.
    pub farewell: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            body_limit: 1024 * 1024,
            timeout: Duration::from_secs(30),
            install_time: Duration::from_secs(660),
            upload_limit: 32 * 1024 * 1024,
            upload_time: Duration::from_secs(300),
            uploads_at_once: 4,
            uploads_of_one_organization: 2,
            hook_limit: 1024 * 1024,
            introspection: true,
            script_types: "",
            graphiql: true,
            connections: Limits::default(),
            metrics_token: None,
            requests_at_once: 64,
            requests_of_one_organization: 16,
            sockets: 1000,
            sockets_of_one_organization: 250,
            sockets_of_one_token: 50,
            greetings: 500,
            greetings_from_one_address: 50,
            subscriptions: 50,
            greeting: Duration::from_secs(10),
            send: Duration::from_secs(10),
            recheck: Duration::from_secs(4),
            reread: Duration::from_secs(3),
            farewell: Duration::from_secs(5),
        }
    }
}
