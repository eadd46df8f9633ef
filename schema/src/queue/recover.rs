//! Recovery: the running results of lost nodes wait again, or are given up.

use std::collections::HashMap;
use std::time::Duration;

use engine::model::Instant;
use engine::model::lifecycle::isolation::Crashes;
use engine::model::organization::OrganizationId;
use engine::model::result::ResultId;
use engine::model::status::{Event, Status};
use engine::ports::StoreError;
use engine::ports::queue::{Finish, NodeId, is_lost};
use sea_orm::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use crate::batch::{by_organization, pieces};
use crate::columns::{RowName, of_result};
use crate::entities::leases;
use crate::entities::{line_results, nodes};
use crate::results::end::{EndedResult, end_all};
use crate::results::{found, lines};
use crate::transaction::Transaction;
use crate::writer::SingleCommand;
use crate::{failed, unavailable};

pub(super) struct Recover {
    pub node: NodeId,
    pub now: Instant,
    pub silent: Option<Duration>,
}

impl SingleCommand for Recover {
    type Answer = u64;
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<u64, StoreError> {
        let beats = beats(db).await?;
        let lost = |node: Uuid| is_lost(NodeId(node), beats.get(&node).copied(), (self.node, self.now, self.silent));
        let leased: Vec<_> = db.leases().leased().filter(|lease| lease.node.is_none_or(lost)).cloned().collect();
        let lines = running_lines(db, &leased).await?;
        let mut put_back = 0;
        for lease in &leased {
            let line = lines.get(&(lease.organization_id, lease.job_result_id)).copied();
            put_back += u64::from(self.put_back(db, lease, line).await?);
        }
        let lost: Vec<_> = beats.keys().copied().filter(|node| lost(*node)).collect();
        for lost in pieces(&lost) {
            let gone = nodes::Entity::delete_many().filter(nodes::Column::Id.is_in(lost.iter().copied()));
            gone.exec(db).await.map_err(failed)?;
        }
        Ok(put_back)
    }
}

async fn beats(db: &Transaction) -> Result<HashMap<Uuid, Instant>, StoreError> {
    let rows = nodes::Entity::find().all(db).await.map_err(failed)?;
    rows.into_iter().map(|row| Ok((row.id, RowName::new("nodes", row.id).instant("beat_at", row.beat_at)?))).collect()
}

/// The line that was running in each of these results.
async fn running_lines(db: &Transaction, leased: &[leases::Model]) -> Result<HashMap<(Uuid, Uuid), u32>, StoreError> {
    use line_results::Column::{JobResultId, LineNo, OrganizationId, Status as StatusColumn};
    let mut first = HashMap::new();
    for (organization, ids) in by_organization(leased.iter().map(|lease| (lease.organization_id, lease.job_result_id)))
    {
        for ids in pieces(&ids) {
            let lines = line_results::Entity::find()
                .filter(OrganizationId.eq(organization))
                .filter(JobResultId.is_in(ids.iter().copied()))
                .filter(StatusColumn.eq(Status::Running.word()))
                .order_by_asc(JobResultId)
                .order_by_asc(LineNo);
            let lines = lines.select_only().columns([JobResultId, LineNo]).into_tuple::<(Uuid, i64)>();
            for (id, line_no) in lines.all(db).await.map_err(failed)? {
                let row = RowName::new("line_results", of_result(id, line_no));
                let line_no = row.small("line_no", line_no)?;
                first.entry((organization, id)).or_insert(line_no);
            }
        }
    }
    Ok(first)
}

impl Recover {
    async fn put_back(&self, db: &Transaction, lease: &leases::Model, line: Option<u32>) -> Result<bool, StoreError> {
        let crashes = lease.crashes()?.add(line, lease.isolated_until.is_some());
        if crashes.gives_up() && self.give_up(db, lease, crashes).await? {
            return Ok(false);
        }
        let key = (lease.organization_id, lease.job_result_id);
        db.leases().change(key, |row| row.put_back(crashes.isolated_until(self.now), crashes));
        Ok(true)
    }

    /// Ends a result that crashes its nodes. One that cannot be read is left to the next claim, which ends it.
    async fn give_up(&self, db: &Transaction, lease: &leases::Model, crashes: Crashes) -> Result<bool, StoreError> {
        let (organization, id) = (OrganizationId(lease.organization_id), ResultId(lease.job_result_id));
        let mut result = match found(db, organization, id).await {
            Ok(Some(result)) => result,
            Ok(None) | Err(StoreError::Unreadable(_)) => return Ok(false),
            Err(unavailable) => return Err(unavailable),
        };
        let finish = Finish::given_up(&result, crashes, self.now);
        finish.end(&mut result).map_err(unavailable)?;
        lines::end_open_lines(db, organization, &result, Event::End(finish.status), &finish.message).await?;
        end_all(db, vec![EndedResult { organization, result, has_sets: lease.has_sets }]).await?;
        Ok(true)
    }
}
