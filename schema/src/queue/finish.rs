//! Ends results, many in one transaction.

use std::collections::HashMap;

use engine::model::Instant;
use engine::model::lifecycle::retention::moves_last_success;
use engine::model::result::JobResult;
use engine::ports::StoreError;
use engine::ports::queue::{Finish, Finished, Lease, LeaseError};
use sea_orm::prelude::*;

use crate::entities::line_results;
use crate::leases::key_of;
use crate::memory::Memory;
use crate::results::end::{EndedResult, end_all};
use crate::results::start::start_notifications;
use crate::results::{found_all, lines};
use crate::transaction::Transaction;
use crate::unavailable;
use crate::writer::Command;

pub(super) struct FinishOne {
    pub lease: Lease,
    pub finish: Finish,
    pub lines: Vec<line_results::Model>,
}

impl Command for FinishOne {
    type Answer = Result<Finished, LeaseError>;
    const DURABLE: bool = true;

    async fn apply(commands: &[&Self], db: &Transaction) -> Result<Vec<Self::Answer>, StoreError> {
        let mut running = running(db, commands).await?;
        let mut results = Vec::with_capacity(commands.len());
        let (mut ended, mut rows, mut notifications) = (Vec::new(), Vec::new(), Vec::new());
        for Self { lease, finish, lines } in commands {
            // The result is removed from the map, so that only the first of two ends counts.
            let held = db.leases().held(*lease).map(|held| held.has_sets);
            let found =
                held.and_then(|has_sets| Ok((has_sets, running.remove(&key_of(*lease)).ok_or(LeaseError::Lost)?)));
            let (has_sets, mut result) = match found {
                Ok(found) => found,
                Err(lost) => {
                    results.push(Err(lost));
                    continue;
                }
            };
            finish.end(&mut result).map_err(unavailable)?;
            results.push(Ok(result.clone()));
            rows.extend(lines);
            notifications.extend(finish.notifications.iter().map(|one| (lease.organization, one)));
            ended.push(EndedResult { organization: lease.organization, result, has_sets });
        }
        lines::write(db, rows).await?;
        let armed_schedule = end_all(db, ended).await?;
        start_notifications(db, notifications.into_iter()).await?;
        let more = db.leases().is_anything_ready();
        Ok(results.into_iter().map(|result| result.map(|result| Finished { result, more, armed_schedule })).collect())
    }

    fn committed(&self, answer: &Self::Answer, memory: &Memory) {
        let Ok(Finished { result, .. }) = answer else { return };
        if moves_last_success(result) {
            let job = (self.lease.organization, result.job.clone());
            // The table only searches the newest results: what a late retry, or a clock that was put back, means there is
            // read again.
            let is_newest = |last: &Option<Instant>| result.retry_of.is_none() && *last <= Some(result.now);
            memory.successes.change(&job, |last| is_newest(last).then_some(Some(result.now)));
        }
    }
}

/// The results whose leases are valid, as they were when they were claimed.
async fn running(db: &Transaction, commands: &[&FinishOne]) -> Result<HashMap<(Uuid, Uuid), JobResult>, StoreError> {
    let (mut running, mut unknown) = (HashMap::new(), Vec::new());
    for FinishOne { lease, .. } in commands {
        let (mut leases, key) = (db.leases(), key_of(*lease));
        if leases.check(*lease).is_err() || running.contains_key(&key) {
            continue;
        }
        match leases.handover.take_running(key) {
            Some(result) => drop(running.insert(key, result)),
            None => unknown.push(key),
        }
    }
    for (key, row) in found_all(db, unknown).await? {
        running.insert(key, row.read()?);
    }
    Ok(running)
}
