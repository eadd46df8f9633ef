//! Roles, as the schema spells them.

use async_graphql::Enum;
use engine::model::organization;

/// What a token may do in its organization; each role may all that the ones before may.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "organization::Role")]
pub(crate) enum Role {
    /// Reads.
    Viewer,
    /// Runs and kills jobs.
    Operator,
    /// Changes jobs and collections.
    Editor,
    /// Changes tokens.
    Admin,
}
