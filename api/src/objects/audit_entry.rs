//! Entries of the audit log.

use async_graphql::connection::EmptyFields;
use async_graphql::{Context, Enum, ID, InputObject, Object};
use engine::model::audit::{self as model, AuditFilter};
use engine::ports;

use super::moment::Moment;
use super::page::{self, Cursor, Page};
use crate::resolver::{Result, access, engine};

/// What became of a request for a change.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "model::AuditOutcome")]
pub(crate) enum AuditOutcome {
    /// The change was made.
    Done,
    /// It was refused, and nothing was changed.
    Refused,
    /// The server failed.
    Failed,
}

/// An entry of the audit log: somebody asked for a change.
pub(crate) struct AuditEntry(model::AuditEntry);

/// An entry of the audit log: somebody asked for a change.
#[Object]
impl AuditEntry {
    /// Id of the entry.
    async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// When it happened.
    async fn at(&self) -> Moment {
        Moment(self.0.at)
    }

    /// Who asked, as in the `startedBy` of job results: `token ci-deploy`.
    async fn who(&self) -> &str {
        &self.0.who
    }

    /// Id of the token; null if the caller had none.
    async fn token(&self) -> Option<ID> {
        (!self.0.token.is_nil()).then(|| ID(self.0.token.to_string()))
    }

    /// Name of the mutation.
    async fn operation(&self) -> &str {
        &self.0.operation
    }

    /// What it was about, such as the key of a job; empty if the input names nothing.
    async fn target(&self) -> &str {
        &self.0.target
    }

    /// What became of it.
    async fn outcome(&self) -> AuditOutcome {
        self.0.outcome.into()
    }

    /// Why it was refused or failed; null if it was done.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }
}

/// Which entries to list. What is left out does not matter.
#[derive(InputObject, Default)]
pub(crate) struct AuditLogFilter {
    /// Name of a mutation.
    operation: Option<String>,
    /// Only entries from this instant on.
    since: Option<Moment>,
    /// Only entries before this instant.
    until: Option<Moment>,
}

/// A page of the audit log of the organization of the request, or of the server, newest first.
pub(crate) async fn list(
    context: &Context<'_>,
    (server, filter): (bool, AuditLogFilter),
    first: i32,
    after: Option<&str>,
) -> Result<Page<AuditEntry, EmptyFields>> {
    let (size, after) = (page::size(first)?, page::start(after)?);
    let before = after.as_deref().map(str::parse).transpose().map_err(|_| page::unknown_cursor())?;
    let AuditLogFilter { operation, since, until } = filter;
    let filter = AuditFilter { operation, since: since.map(|at| at.0), until: until.map(|at| at.0) };
    let page = ports::Page { before, limit: size };
    let listed = engine(context).audit().list(access(context), server, &filter, page).await?;
    Ok(page::of(listed, after.as_ref(), EmptyFields, |entry| (Cursor::behind(entry.id), AuditEntry(entry))))
}
