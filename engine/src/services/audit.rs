//! The audit log: who asked for which change, and what became of it.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::AuditLog;
use crate::model::audit::{AuditEntry, AuditFilter, AuditOutcome};
use crate::model::organization::Access;
use crate::model::rights::Operation;
use crate::node::service_error::ServiceError;
use crate::node::{Node, new_id};
use crate::ports::audit::{PendingEntry, with_entry};
use crate::ports::{Listed, Page};

/// How often it is looked whether a change has ended whose caller is gone.
const ABANDONED_CHECK: Duration = Duration::from_millis(200);

/// What the log says about a request for a change.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What was asked for.
    pub operation: Operation,
    /// What it is about, such as the key of a job.
    pub target: &'a str,
    /// Whether it concerns all organizations.
    pub global: bool,
}

impl AuditLog {
    /// Makes a change and records it. The entry is part of the first transaction of the change; a change that was
    /// refused or failed has no transaction, so its entry is written by itself, with the outcome and the reason that
    /// `outcome` finds in the answer.
    pub async fn record<T>(
        &self,
        access: &Access,
        subject: Subject<'_>,
        change: impl Future<Output = T>,
        outcome: impl FnOnce(&T) -> Result<(), (AuditOutcome, String)>,
    ) -> T {
        let pending = PendingEntry::new(self.entry(access, subject));
        let mut unfinished =
            Unfinished { node: Arc::clone(&self.node), pending: Arc::clone(&pending), finished: false };
        let answer = with_entry(Arc::clone(&pending), change).await;
        if let Some(entry) = pending.take() {
            let entry = match outcome(&answer) {
                Ok(()) => entry,
                Err((outcome, reason)) => entry.with(outcome, &reason),
            };
            append(&self.node, entry).await;
        }
        unfinished.finished = true;
        answer
    }

    /// Records that a caller was refused something before it began.
    pub async fn record_refusal(&self, access: &Access, subject: Subject<'_>, reason: &str) {
        append(&self.node, self.entry(access, subject).with(AuditOutcome::Refused, reason)).await;
    }

    /// Entries of the caller's organization, or of the server, newest first.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn list(
        &self,
        access: &Access,
        server: bool,
        filter: &AuditFilter,
        page: Page<Uuid>,
    ) -> Result<Listed<AuditEntry>, ServiceError> {
        access.require_global(Operation::ReadAuditLog, server)?;
        let scope = (!server).then_some(access.scope());
        Ok(self.node.stores.audit.entries(scope, filter, page).await?)
    }

    fn entry(&self, access: &Access, Subject { operation, target, global }: Subject<'_>) -> AuditEntry {
        AuditEntry::new(new_id(), self.node.clock.now(), access, operation, (target, global))
    }
}

/// Adds an entry by itself. Too many refusals of one token are left out, so that nobody fills the disk with them.
async fn append(node: &Node, entry: AuditEntry) {
    if entry.outcome != AuditOutcome::Done && !node.usage.may_audit_refusal(entry.token) {
        tracing::warn!(
            who = entry.who,
            operation = entry.operation,
            "an entry is left out of the audit log: this token is refused too often"
        );
        return;
    }
    if let Err(error) = node.stores.audit.append(&entry).await {
        tracing::error!(%error, who = entry.who, operation = entry.operation, target = entry.target, outcome = ?entry.outcome,
            "an entry of the audit log could not be written");
    }
}

/// A change whose caller may disconnect before it ends. The change goes on, so its entry must be written nevertheless.
struct Unfinished {
    node: Arc<Node>,
    pending: Arc<PendingEntry>,
    finished: bool,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.finished {
            return;
        }
        let (node, pending) = (Arc::clone(&self.node), Arc::clone(&self.pending));
        runtime.spawn(async move {
            // The value that is being dropped holds it too, and so does the change, also while a write has the entry.
            while Arc::strong_count(&pending) > 1 {
                tokio::time::sleep(ABANDONED_CHECK).await;
            }
            if let Some(entry) = pending.take() {
                append(&node, entry.with(AuditOutcome::Failed, "The client disconnected before the answer.")).await;
            }
        });
    }
}
