//! Organizations.

use async_graphql::{ID, Object};
use engine::model::organization as model;

use super::global_id::GlobalId;

/// A tenant of the server: every job and every job result belongs to one.
#[derive(Debug, Clone)]
pub(crate) struct Organization(pub(crate) model::Organization);

/// A tenant of the server: every job and every job result belongs to one.
#[Object]
impl Organization {
    /// Global id.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::Organization(self.0.id).encode()
    }

    /// Unique on the server, kebab-case. Server tokens choose their organization by it,
    /// in the request header `Ropewalk-Organization`.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// Name, for people.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// IANA name of the zone in which its dates are meant, unless a job says its own,
    /// such as `Europe/Madrid`.
    async fn time_zone(&self) -> &str {
        self.0.time_zone.name()
    }
}
