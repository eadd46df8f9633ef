//! Organizations, and the rights of callers in them.
//!
//! An [`OrgScope`] proves that the caller may act in one organization. It is the first argument of
//! every store call. Only authentication ([`Access`]), a claimed job result and a due schedule can
//! create one, so that an organization can neither be forgotten nor be chosen by a request.

use std::fmt;

use uuid::Uuid;

use super::Instant;
use super::quota::Quotas;

/// Identity of an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrganizationId(pub Uuid);

/// A tenant. Everything except the server itself belongs to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Identity.
    pub id: OrganizationId,
    /// Unique on the server, kebab-case.
    pub key: String,
    /// The name shown to people.
    pub name: String,
    /// The time zone of dates in jobs without a time zone of their own.
    pub time_zone: chrono_tz::Tz,
    /// How much of the server it may use.
    pub quotas: Quotas,
    /// Since when it is deactivated; none while it is active. In a deactivated organization nothing starts, and its
    /// tokens and webhooks are refused.
    pub deactivated_at: Option<Instant>,
}

impl Organization {
    /// Whether jobs may start in it.
    pub fn is_active(&self) -> bool {
        self.deactivated_at.is_none()
    }
}

/// The role of a token in its organization. Each role includes the rights of the roles before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Runs, kills and retries jobs.
    Operator,
    /// Changes jobs.
    Editor,
    /// Changes tokens, connections and modules.
    Admin,
}

impl Role {
    /// Every role, weakest first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Editor, Self::Admin];

    /// The word used in files and in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    /// The role with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The right to act in one organization. Created only in this crate: by authentication, for a claimed
/// job result, and for a due schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OrgScope {
    organization: OrganizationId,
}

impl OrgScope {
    pub(crate) fn of(organization: OrganizationId) -> Self {
        Self { organization }
    }

    /// The organization it is for.
    pub fn organization(self) -> OrganizationId {
        self.organization
    }
}

/// The rights of an authenticated caller in one organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    pub(crate) scope: OrgScope,
    /// The organization that the call is about.
    pub organization: Organization,
    /// The role of the caller there.
    pub role: Role,
    /// Whether the caller administers the server.
    pub server: bool,
    /// The caller as results name it: `token ci-deploy`.
    pub who: String,
    /// The caller's token; nil for callers without one.
    pub token: Uuid,
}

impl Access {
    /// The access of a caller that has no token.
    pub(crate) fn of(organization: Organization, role: Role, who: String) -> Self {
        let scope = OrgScope::of(organization.id);
        Self { scope, organization, role, server: false, who, token: Uuid::nil() }
    }

    /// The access of somebody who runs the program on a store of their own.
    pub fn of_operator(organization: Organization, who: &str) -> Self {
        Self { server: true, ..Self::of(organization, Role::Admin, who.to_owned()) }
    }

    /// The organization in which the caller may act.
    pub fn scope(&self) -> OrgScope {
        self.scope
    }
}
