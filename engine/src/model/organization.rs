//! Organizations, and who may do what in them.
//!
//! An [`OrgScope`] is the proof that the caller may act in one organization. It
//! is the first argument of every store call, and only authentication
//! ([`Access`]), a claimed job result and a schedule that came due can make one, so
//! an organization can be neither forgotten nor chosen by a request.

use std::fmt;

use uuid::Uuid;

use super::quota::Quotas;

/// Identity of an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrganizationId(pub Uuid);

/// A tenant: everything but the server itself belongs to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Identity.
    pub id: OrganizationId,
    /// Unique on the server, kebab-case.
    pub key: String,
    /// For people.
    pub name: String,
    /// IANA name of the zone in which its dates are meant, unless a job says its own.
    pub time_zone: chrono_tz::Tz,
    /// What it may use.
    pub quotas: Quotas,
}

/// What a token may do in its organization; each role may all that the ones before may.
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

    /// The role that a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The right to act in one organization. Made only in this crate: by
/// authentication, for a claimed job result, and for a schedule that came due.
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

/// What an authenticated caller may do, and where. See `runtime::authenticate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    pub(crate) scope: OrgScope,
    /// The organization that the call is about.
    pub organization: Organization,
    /// What the caller may do there.
    pub role: Role,
    /// Whether the caller administers the server.
    pub server: bool,
    /// Who it is, as results name them: `token ci-deploy`.
    pub who: String,
    /// Its token; nil for callers that have none.
    pub token: Uuid,
}

impl Access {
    /// The organization in which the caller may act.
    pub fn scope(&self) -> OrgScope {
        self.scope
    }
}
