//! Reads what the starts of results depend on, for all of them together.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use engine::model::fairness::QueueName;
use engine::model::organization::OrganizationId;
use engine::model::overlap::Overlap;
use engine::model::result::{JobResult, ResultId};
use engine::ports::StoreError;
use engine::ports::results::{NewResult, StartError, Started};
use sea_orm::DatabaseTransaction;
use sea_orm::prelude::*;

use crate::batch::pieces;
use crate::entities::{job_results, job_starts, queues};
use crate::results::{found_all, unfinished};
use crate::{failed, unavailable};

type Starts<'a> = [(OrganizationId, &'a NewResult)];
/// An organization, and the key of something in it.
type Key = (Uuid, String);

/// What is known before results are started, and of those that were started since.
pub(super) struct StartLookup {
    /// The first results of the idempotency keys, each with the digest of its request.
    first: HashMap<Key, (String, JobResult)>,
    /// The named queues that organizations have themselves.
    own_queues: HashSet<Key>,
    /// The oldest unfinished result of each job whose overlap rule needs it.
    unfinished: HashMap<Key, Option<ResultId>>,
    /// The results to be retried.
    retried: HashMap<(Uuid, Uuid), job_results::Model>,
}

impl StartLookup {
    pub async fn read(db: &DatabaseTransaction, starts: &Starts<'_>) -> Result<Self, StoreError> {
        let retried = |(organization, start): &(OrganizationId, &NewResult)| {
            start.retry.as_ref().map(|retry| (organization.0, retry.of.0))
        };
        Ok(Self {
            first: first_starts(db, starts).await?,
            own_queues: own_queues(db, starts).await?,
            unfinished: unfinished(db, starts).await?,
            retried: found_all(db, starts.iter().filter_map(retried)).await?,
        })
    }

    /// The answer to a start that needs no new result.
    pub fn answer(&self, organization: OrganizationId, start: &NewResult) -> Option<Result<Started, StartError>> {
        let name = start.idempotency.as_ref();
        let first = name.and_then(|name| Some((name, self.first.get(&(organization.0, name.key.clone()))?)));
        if let Some((name, (digest, first))) = first {
            // Rows of older versions have no digest.
            let same = digest.is_empty() || *digest == name.digest;
            let answer = Started { result: first.clone(), replaced: Vec::new() };
            return Some(if same { Ok(answer) } else { Err(StartError::Conflict(first.id)) });
        }
        let retry = start.retry.as_ref()?;
        match self.retried.get(&(organization.0, retry.of.0)).map(job_results::Model::status) {
            None => Some(Err(StartError::Gone)),
            Some(Err(unreadable)) => Some(Err(unreadable.into())),
            Some(Ok(status)) if status.is_final() => None,
            Some(Ok(_)) => Some(Err(unavailable("the job result to be retried has not ended").into())),
        }
    }

    /// The queue with this key that an organization uses.
    pub fn queue(&self, organization: OrganizationId, key: &str) -> QueueName {
        let own = (organization.0, key.to_owned());
        let holder = if self.own_queues.contains(&own) { organization.0 } else { Uuid::nil() };
        QueueName { holder, key: own.1 }
    }

    /// The result that a new one would overlap with.
    pub fn unfinished(&self, organization: OrganizationId, result: &JobResult) -> Option<ResultId> {
        self.unfinished.get(&(organization.0, result.job.clone())).copied().flatten()
    }

    /// Adds a result that was started.
    pub fn add(&mut self, organization: OrganizationId, start: &NewResult, result: &JobResult) {
        if let Some(name) = &start.idempotency {
            self.first.insert((organization.0, name.key.clone()), (name.digest.clone(), result.clone()));
        }
        if !result.is_real() || result.status.is_final() {
            return;
        }
        if let Some(first) = self.unfinished.get_mut(&(organization.0, result.job.clone())) {
            let others = first.filter(|_| start.overlap != Overlap::Replace);
            *first = Some(others.map_or(result.id, |other| other.min(result.id)));
        }
    }
}

/// The results of earlier starts with the same idempotency keys.
async fn first_starts(
    db: &DatabaseTransaction,
    starts: &Starts<'_>,
) -> Result<HashMap<Key, (String, JobResult)>, StoreError> {
    let mut names: BTreeMap<Uuid, BTreeSet<&str>> = BTreeMap::new();
    for (organization, start) in starts {
        let name = start.idempotency.as_ref().map(|name| name.key.as_str());
        names.entry(organization.0).or_default().extend(name);
    }
    let mut rows = Vec::new();
    for (organization, names) in names {
        for names in pieces(&names.into_iter().collect::<Vec<_>>()) {
            use job_starts::Column::{IdempotencyKey, OrganizationId};
            let found = job_starts::Entity::find().filter(OrganizationId.eq(organization));
            let found = found.filter(IdempotencyKey.is_in(names.iter().copied()));
            rows.extend(found.all(db).await.map_err(failed)?);
        }
    }
    let results = found_all(db, rows.iter().map(|row| (row.organization_id, row.job_result_id))).await?;
    let mut first = HashMap::new();
    for row in rows {
        let Some(result) = results.get(&(row.organization_id, row.job_result_id)) else { continue };
        first.insert((row.organization_id, row.idempotency_key), (row.digest, result.clone().read()?));
    }
    Ok(first)
}

async fn own_queues(db: &DatabaseTransaction, starts: &Starts<'_>) -> Result<HashSet<Key>, StoreError> {
    let holders: BTreeSet<_> = starts.iter().map(|(organization, _)| organization.0).collect();
    let keys: BTreeSet<_> = starts.iter().map(|(_, start)| start.queue.as_str()).collect();
    let keys: Vec<_> = keys.into_iter().collect();
    let mut own = HashSet::new();
    for holders in pieces(&holders.into_iter().collect::<Vec<_>>()) {
        for keys in pieces(&keys) {
            let found = queues::Entity::find()
                .filter(queues::Column::Holder.is_in(holders.iter().copied()))
                .filter(queues::Column::Key.is_in(keys.iter().copied()));
            own.extend(found.all(db).await.map_err(failed)?.into_iter().map(|row| (row.holder, row.key)));
        }
    }
    Ok(own)
}

async fn unfinished(
    db: &DatabaseTransaction,
    starts: &Starts<'_>,
) -> Result<HashMap<Key, Option<ResultId>>, StoreError> {
    let mut of: BTreeMap<Uuid, BTreeSet<String>> = BTreeMap::new();
    for (organization, start) in starts.iter().filter(|(_, start)| start.overlap != Overlap::Allow) {
        of.entry(organization.0).or_default().insert(start.job.clone());
    }
    let mut found = HashMap::new();
    for (organization, keys) in of {
        let keys: Vec<_> = keys.into_iter().collect();
        let first = unfinished::unfinished(db, organization, &keys).await?;
        found.extend(first.into_iter().map(|(job, first)| ((organization, job), first.oldest())));
    }
    Ok(found)
}
