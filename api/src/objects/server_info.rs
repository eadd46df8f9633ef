//! The server.

use async_graphql::SimpleObject;

/// What answers.
#[derive(SimpleObject)]
pub(crate) struct ServerInfo {
    /// Version of Ropewalk, such as `0.1.0`.
    pub(crate) version: &'static str,
}
