//! Ending results, many at once.

use engine::ports::StoreError;
use engine::ports::queue::{Finish, Finished, Lease, LeaseError};
use sea_orm::prelude::*;
use sea_orm::{DatabaseTransaction, QuerySelect};

use super::held::{Held, place};
use crate::entities::leases::{self, Stands};
use crate::entities::line_results;
use crate::results::end::{Ended, end_all};
use crate::results::{found_all, lines};
use crate::writer::Change;
use crate::{failed, unavailable};

pub(super) struct FinishOne {
    pub lease: Lease,
    pub finish: Finish,
    pub lines: Vec<line_results::Model>,
}

impl Change for FinishOne {
    type Answer = Result<Finished, LeaseError>;
    const DURABLE: bool = true;

    async fn apply(changes: &[&Self], db: &DatabaseTransaction) -> Result<Vec<Self::Answer>, StoreError> {
        let held = Held::among(db, changes.iter().map(|change| change.lease)).await?;
        let good = changes.iter().map(|change| change.lease).filter(|lease| held.check(*lease).is_ok());
        let mut running = found_all(db, good.map(place)).await?;
        let (mut results, mut ended, mut rows) = (Vec::with_capacity(changes.len()), Vec::new(), Vec::new());
        for Self { lease, finish, lines } in changes {
            // Taken out of the map, so that the first of two ends is the one that counts.
            let row =
                held.get(*lease).and_then(|held| Ok((held, running.remove(&place(*lease)).ok_or(LeaseError::Lost)?)));
            let (held, row) = match row {
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
            let notices = finish.notices.clone();
            ended.push(Ended { organization: lease.organization, result, has_sets: held.has_sets, notices });
        }
        lines::write(db, rows).await?;
        let rearmed = end_all(db, ended).await?;
        let more = is_anything_ready(db).await?;
        Ok(results.into_iter().map(|result| result.map(|result| Finished { result, more, rearmed })).collect())
    }
}

async fn is_anything_ready(db: &DatabaseTransaction) -> Result<bool, StoreError> {
    let ready = leases::Entity::find().filter(Stands::Ready.holds()).select_only();
    let ready = ready.column(leases::Column::JobResultId).limit(1).into_tuple::<Uuid>();
    Ok(ready.one(db).await.map_err(failed)?.is_some())
}
