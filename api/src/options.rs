//! What can be set on the way in, with defaults that suit a server on the open internet.

use std::time::Duration;

use engine::model::token::ChosenSecret;

/// Bounds and switches of the API.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes of a request's body, and of a message on a socket.
    pub body_limit: usize,
    /// How long a request may take to arrive, and again to be answered.
    pub timeout: Duration,
    /// How long a request may take that installs a module, which is compiled before it is answered.
    pub install_time: Duration,
    /// Bytes of a file that is sent to be used.
    pub upload_limit: usize,
    /// How long such a file may take to arrive.
    pub upload_time: Duration,
    /// Bytes of a message to a webhook.
    pub hook_limit: usize,
    /// Whether the schema may be asked for.
    pub introspection: bool,
    /// TypeScript types of what scripts find, served as `/ropewalk.d.ts`.
    pub script_types: &'static str,
    /// Whether the page to try the API in is served.
    pub graphiql: bool,
    /// What a monitor has to present to read `/metrics`. Without one, they are open to everybody.
    pub metrics_token: Option<ChosenSecret>,
    /// How many requests are worked on at once; the others wait for their turn, within their time.
    pub requests_at_once: usize,
    /// How many sockets may be open at once.
    pub sockets: usize,
    /// How many subscriptions one socket may have.
    pub subscriptions: usize,
    /// How long a socket may stay silent before it says who it is.
    pub greeting: Duration,
    /// How often the token of an open socket is checked again.
    pub recheck: Duration,
    /// How often a watched job result is read again without being told to.
    pub reread: Duration,
    /// How long open requests get to finish when the server stops.
    pub farewell: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            body_limit: 1024 * 1024,
            timeout: Duration::from_secs(30),
            install_time: Duration::from_secs(180),
            upload_limit: 32 * 1024 * 1024,
            upload_time: Duration::from_secs(300),
            hook_limit: 1024 * 1024,
            introspection: true,
            script_types: "",
            graphiql: true,
            metrics_token: None,
            requests_at_once: 64,
            sockets: 1000,
            subscriptions: 50,
            greeting: Duration::from_secs(10),
            recheck: Duration::from_secs(4),
            reread: Duration::from_secs(3),
            farewell: Duration::from_secs(5),
        }
    }
}

impl Options {
    /// How long a document may take. One that only speaks of installing gets the same time, which
    /// gains it nothing: what it may ask for is bounded elsewhere.
    pub(crate) fn time_of(&self, document: &str) -> Duration {
        if document.contains("installModule") { self.install_time } else { self.timeout }
    }
}
