//! Roles.

use async_graphql::Enum;
use engine::model::organization;

/// What a token may do in its organization. Each role includes the ones before it.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "organization::Role")]
pub(crate) enum Role {
    /// May read everything.
    Viewer,
    /// May also start, kill and retry jobs.
    Operator,
    /// May also change jobs and collections.
    Editor,
    /// May also change tokens, modules, grants and queues.
    Admin,
}
