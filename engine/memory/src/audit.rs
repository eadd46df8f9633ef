//! The audit log, in memory. Entries are added by themselves, since nothing here survives a crash.

use async_trait::async_trait;
use uuid::Uuid;

use super::{MemoryStore, listed};
use engine::model::Instant;
use engine::model::audit::{AuditEntry, AuditFilter};
use engine::model::organization::OrgScope;
use engine::ports::audit::AuditLog;
use engine::ports::{Listed, Page, StoreError};

#[async_trait]
impl AuditLog for MemoryStore {
    async fn append(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.tables().audit.insert(entry.id, entry.clone());
        Ok(())
    }

    async fn entries(
        &self,
        scope: Option<OrgScope>,
        filter: &AuditFilter,
        page: Page<Uuid>,
    ) -> Result<Listed<AuditEntry>, StoreError> {
        let tables = self.tables();
        let organization = scope.map(OrgScope::organization);
        let newest = tables.audit.range(..page.before.unwrap_or(Uuid::max())).rev().map(|(_, entry)| entry);
        let matching = newest.filter(|entry| {
            entry.organization == organization
                && filter.operation.as_ref().is_none_or(|operation| *operation == entry.operation)
                && filter.since.is_none_or(|since| entry.at >= since)
                && filter.until.is_none_or(|until| entry.at < until)
        });
        Ok(listed(matching.cloned(), page.limit, |_| 0))
    }

    async fn prune_audit(&self, before: Instant, operations: Option<&[&str]>) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let count = tables.audit.len();
        tables.audit.retain(|_, entry| {
            entry.at >= before || operations.is_some_and(|some| !some.contains(&entry.operation.as_str()))
        });
        Ok((count - tables.audit.len()) as u64)
    }
}
