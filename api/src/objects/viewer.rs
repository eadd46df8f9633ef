//! The caller.

use async_graphql::Object;
use engine::model::organization::Access;

use super::organization::Organization;
use super::role::Role;

/// The caller, as authenticated by its token.
pub(crate) struct Viewer(pub(crate) Access);

/// The caller, as authenticated by its token.
#[Object]
impl Viewer {
    /// Name of the caller, as in the `startedBy` of job results: `token ci-deploy`.
    async fn who(&self) -> &str {
        &self.0.who
    }

    /// What the caller may do in the organization.
    async fn role(&self) -> Role {
        self.0.role.into()
    }

    /// The organization of the request.
    async fn organization(&self) -> Organization {
        Organization(self.0.organization.clone())
    }

    /// Whether the caller administers the server.
    async fn server(&self) -> bool {
        self.0.server
    }
}
