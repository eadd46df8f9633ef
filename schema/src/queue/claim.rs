//! Claims results for a node: they are chosen fairly, and become running in batches.

mod batch;
mod due;
mod isolated;
mod resume;

use std::collections::HashMap;

use engine::model::fairness::{Candidate, choose};
use engine::model::lifecycle::isolation::Isolation;
use engine::model::organization::OrganizationId;
use engine::ports::StoreError;
use engine::ports::queue::{Claim, Claimed, Claims};

use crate::batch::{by_organization, pieces};
use crate::transaction::Transaction;
use crate::writer::SingleCommand;
use batch::Batch;
pub(super) use due::EndWait;
use isolated::isolation;

pub(super) struct ClaimResults {
    pub claim: Claim,
    /// The organization that this node served last.
    pub last_served: Option<OrganizationId>,
}

impl SingleCommand for ClaimResults {
    type Answer = Claims;
    const DURABLE: bool = false;
    /// So that it takes what the others of its group started or let begin.
    const LAST: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<Claims, StoreError> {
        let mut next_due = db.leases().wake(self.claim.now)?;
        loop {
            let isolation = isolation(&mut db.leases(), self.claim)?;
            let isolated = !matches!(isolation, Isolation::Nothing);
            let claimed = match isolation {
                Isolation::Running(until) => {
                    next_due = Some(next_due.map_or(until, |due| due.min(until)));
                    Vec::new()
                }
                Isolation::Next(candidate) => match self.take(db, vec![candidate]).await? {
                    // It could not be read and was ended, so the next one is chosen.
                    claimed if claimed.is_empty() => continue,
                    claimed => claimed,
                },
                Isolation::WaitsForIdle | Isolation::Nothing => self.take(db, self.choose(db)?).await?,
            };
            return Ok(Claims { claimed, next_due, isolated });
        }
    }
}

impl ClaimResults {
    async fn take(&self, db: &Transaction, chosen: Vec<Candidate>) -> Result<Vec<Claimed>, StoreError> {
        let ids = chosen.iter().map(|candidate| (candidate.organization.0, candidate.result.0));
        let mut claimed = HashMap::new();
        for (organization, ids) in by_organization(ids) {
            for ids in pieces(&ids) {
                let batch = Batch { organization, claim: self.claim };
                claimed.extend(batch.take(db, ids).await?);
            }
        }
        let in_order =
            chosen.iter().filter_map(|candidate| claimed.remove(&(candidate.organization, candidate.result)));
        Ok(in_order.collect())
    }

    fn choose(&self, db: &Transaction) -> Result<Vec<Candidate>, StoreError> {
        let capacity = self.claim.bounded_capacity();
        if capacity.slots == 0 && capacity.spare == 0 {
            return Ok(Vec::new());
        }
        let (candidates, mut running) = db.leases().candidates(capacity, self.last_served)?;
        Ok(choose(candidates, &mut running, capacity))
    }
}
