//! Recovery: what a worker that is gone had taken up waits again, or is given up.

use engine::model::Instant;
use engine::model::organization::OrganizationId;
use engine::model::result::{JobResult, ResultId};
use engine::model::status::Event;
use engine::ports::StoreError;
use engine::ports::queue::{CLAIMS_AT_MOST, Finish};
use sea_orm::prelude::*;
use sea_orm::{DatabaseTransaction, QuerySelect};

use crate::entities::{job_results, leases};
use crate::results::{cut_lines, found, write_ends};
use crate::writer::Single;
use crate::{failed, unavailable};

/// How many results are looked at together.
const BATCH: u64 = 500;

pub(super) struct Recover {
    pub now: Instant,
}

impl Single for Recover {
    type Answer = u64;
    const DURABLE: bool = true;

    async fn apply(&self, db: &DatabaseTransaction) -> Result<u64, StoreError> {
        let mut put_back = 0;
        loop {
            let held = leases::Entity::find().filter(leases::Column::Waiting.eq(false)).limit(BATCH);
            let held = held.all(db).await.map_err(failed)?;
            if held.is_empty() {
                return Ok(put_back);
            }
            // Each of these leaves the set that the next round looks at.
            for lease in held {
                put_back += u64::from(self.put_back(db, lease).await?);
            }
        }
    }
}

impl Recover {
    async fn put_back(&self, db: &DatabaseTransaction, lease: leases::Model) -> Result<bool, StoreError> {
        let (organization, id) = (OrganizationId(lease.organization_id), ResultId(lease.job_result_id));
        match found(db, organization, id).await {
            Ok(Some(result)) if result.attempt >= CLAIMS_AT_MOST => {
                self.give_up(db, organization, result).await?;
                return Ok(false);
            }
            // The next claim ends what cannot be read.
            Ok(_) | Err(StoreError::Unreadable(_)) => {}
            Err(unavailable) => return Err(unavailable),
        }
        let row = leases::Entity::update_many()
            .col_expr(leases::Column::Waiting, Expr::val(true))
            .filter(leases::Column::OrganizationId.eq(lease.organization_id))
            .filter(leases::Column::JobResultId.eq(lease.job_result_id));
        row.exec(db).await.map_err(failed)?;
        Ok(true)
    }

    async fn give_up(
        &self,
        db: &DatabaseTransaction,
        organization: OrganizationId,
        mut result: JobResult,
    ) -> Result<(), StoreError> {
        let finish = Finish::of_a_killer(&result, self.now);
        let (status, message) = (finish.status, finish.message.clone());
        finish.end(&mut result).map_err(unavailable)?;
        write_ends(db, &[job_results::Model::of(organization, &result)?]).await?;
        cut_lines(db, organization, &result, Event::End(status), &message).await
    }
}
