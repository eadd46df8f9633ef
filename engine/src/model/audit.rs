//! The audit log: an entry for each change that a caller asked for, whether it was made or refused.

use uuid::Uuid;

use super::Instant;
use super::organization::{Access, OrganizationId};
use super::rights::{Operation, Right};
use super::text::shortened;

/// Characters of a target and of a reason that are kept.
const MAX_TARGET: usize = 200;
const MAX_REASON: usize = 500;

/// What became of a request for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditOutcome {
    /// The change was made.
    Done,
    /// The caller was refused, and nothing was changed.
    Refused,
    /// The server failed.
    Failed,
}

impl AuditOutcome {
    /// All variants.
    pub const ALL: [Self; 3] = [Self::Done, Self::Refused, Self::Failed];

    /// The word in a store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    /// The variant with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Identity. Identities increase with time.
    pub id: Uuid,
    /// The organization in whose log it is; none for the log of the server.
    pub organization: Option<OrganizationId>,
    /// When it happened.
    pub at: Instant,
    /// The caller, as results name it: `token ci-deploy`.
    pub who: String,
    /// The caller's token; nil for callers without one.
    pub token: Uuid,
    /// The name of the operation in the API.
    pub operation: String,
    /// What the operation was about, such as the key of a job; empty if that is not known.
    pub target: String,
    /// What became of it.
    pub outcome: AuditOutcome,
    /// Why it was refused or failed; for a refusal, what the caller was answered.
    pub reason: Option<String>,
}

impl AuditEntry {
    /// The entry of an operation that is done. What concerns all organizations is in the log of the server.
    pub fn new(id: Uuid, at: Instant, access: &Access, operation: Operation, (target, global): (&str, bool)) -> Self {
        let of_server = global || operation.right() == Right::Server;
        Self {
            id,
            organization: (!of_server).then_some(access.organization.id),
            at,
            who: access.who.clone(),
            token: access.token,
            operation: operation.word().to_owned(),
            target: shortened(target, MAX_TARGET),
            outcome: AuditOutcome::Done,
            reason: None,
        }
    }

    /// The same entry with another outcome.
    #[must_use]
    pub fn with(self, outcome: AuditOutcome, reason: &str) -> Self {
        Self { outcome, reason: Some(shortened(reason, MAX_REASON)), ..self }
    }
}

/// How many days entries are kept.
pub const KEPT_DAYS: i64 = 400;

/// Operations that happen so often that their entries are kept only as long as job results, which name who started and
/// who killed them.
pub const FREQUENT: [Operation; 8] = [
    Operation::RunJob,
    Operation::RunJobs,
    Operation::DryRunJob,
    Operation::KillJobResult,
    Operation::KillJobResults,
    Operation::RetryJobResult,
    Operation::WriteRecords,
    Operation::DeleteRecords,
];

/// Which entries to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only of this operation.
    pub operation: Option<String>,
    /// Only from this instant on.
    pub since: Option<Instant>,
    /// Only before this instant.
    pub until: Option<Instant>,
}
