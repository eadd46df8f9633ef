//! Wakes a result before its time.

use engine::model::lifecycle::lease_state::LeaseState;
use engine::model::organization::OrganizationId;
use engine::model::result::ResultId;
use engine::ports::StoreError;

use crate::transaction::Transaction;
use crate::writer::SingleCommand;

/// Makes one result ready before its time.
pub(in crate::queue) struct EndWait {
    pub organization: OrganizationId,
    pub result: ResultId,
}

impl SingleCommand for EndWait {
    type Answer = ();
    const DURABLE: bool = false;

    async fn apply(&self, db: &Transaction) -> Result<(), StoreError> {
        db.leases().change((self.organization.0, self.result.0), |row| {
            if row.state == LeaseState::Later.word() && row.isolated_until.is_none() {
                row.make_ready();
            }
        });
        Ok(())
    }
}
