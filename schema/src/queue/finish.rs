//! Ends results, many in one transaction.

use crate::entities::leases::is_in;
use engine::model::lifecycle::lease_state::LeaseState;
use engine::ports::StoreError;
use engine::ports::queue::{Finish, Finished, Lease, LeaseError};
use sea_orm::prelude::*;
use sea_orm::{DatabaseTransaction, QuerySelect};

use super::lease_guard::{LeaseGuard, result_of};
use crate::entities::leases;
use crate::entities::line_results;
use crate::results::end::{EndedResult, end_all};
use crate::results::start::start_notifications;
use crate::results::{found_all, lines};
use crate::writer::Command;
use crate::{failed, unavailable};

pub(super) struct FinishOne {
    pub lease: Lease,
    pub finish: Finish,
    pub lines: Vec<line_results::Model>,
}

impl Command for FinishOne {
    type Answer = Result<Finished, LeaseError>;
    const DURABLE: bool = true;

    async fn apply(commands: &[&Self], db: &DatabaseTransaction) -> Result<Vec<Self::Answer>, StoreError> {
        let guard = LeaseGuard::among(db, commands.iter().map(|command| command.lease)).await?;
        let valid = commands.iter().map(|command| command.lease).filter(|lease| guard.check(*lease).is_ok());
        let mut running = found_all(db, valid.map(result_of)).await?;
        let mut results = Vec::with_capacity(commands.len());
        let (mut ended, mut rows, mut notifications) = (Vec::new(), Vec::new(), Vec::new());
        for Self { lease, finish, lines } in commands {
            // It is removed from the map, so that only the first of two ends counts.
            let row = guard
                .get(*lease)
                .and_then(|guard| Ok((guard, running.remove(&result_of(*lease)).ok_or(LeaseError::Lost)?)));
            let (guard, row) = match row {
                Ok(found) => found,
                Err(lost) => {
                    results.push(Err(lost));
                    continue;
                }
            };
            let mut result = row.read()?;
            finish.end(&mut result).map_err(unavailable)?;
            results.push(Ok(result.clone()));
            rows.extend(lines);
            notifications.extend(finish.notifications.iter().map(|one| (lease.organization, one)));
            ended.push(EndedResult { organization: lease.organization, result, has_sets: guard.has_sets });
        }
        lines::write(db, rows).await?;
        let armed_schedule = end_all(db, ended).await?;
        start_notifications(db, notifications.into_iter()).await?;
        let more = is_anything_ready(db).await?;
        Ok(results.into_iter().map(|result| result.map(|result| Finished { result, more, armed_schedule })).collect())
    }
}

async fn is_anything_ready(db: &DatabaseTransaction) -> Result<bool, StoreError> {
    let ready = leases::Entity::find().filter(is_in(LeaseState::Ready)).select_only();
    let ready = ready.column(leases::Column::JobResultId).limit(1).into_tuple::<Uuid>();
    Ok(ready.one(db).await.map_err(failed)?.is_some())
}
