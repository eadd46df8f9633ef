//! The caller.

use async_graphql::Object;
use engine::model::organization::Access;

use super::organization::Organization;
use super::role::Role;

/// Whoever sent the request, as its token says.
pub(crate) struct Viewer(pub(crate) Access);

/// Whoever sent the request, as its token says.
#[Object]
impl Viewer {
    /// Who it is, as job results name them: `token ci-deploy`.
    async fn who(&self) -> &str {
        &self.0.who
    }

    /// What the caller may do in the organization.
    async fn role(&self) -> Role {
        self.0.role.into()
    }

    /// The organization that the request is about.
    async fn organization(&self) -> Organization {
        Organization(self.0.organization.clone())
    }

    /// Whether the caller administers the server.
    async fn server(&self) -> bool {
        self.0.server
    }
}
