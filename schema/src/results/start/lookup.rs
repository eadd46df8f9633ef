//! Reads what the starts of results depend on, for all of them together.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use engine::model::organization::OrganizationId;
use engine::model::result::JobResult;
use engine::ports::StoreError;
use engine::ports::results::{NewResult, StartError, Started};
use sea_orm::prelude::*;

use crate::batch::pieces;
use crate::entities::{job_results, job_starts};
use crate::results::found_all;
use crate::transaction::Transaction;
use crate::{failed, unavailable};

type Starts<'a> = [(OrganizationId, &'a NewResult)];
/// An organization, and the key of something in it.
type Key = (Uuid, String);

/// What is known before results are started, and of those that were started since.
pub(super) struct StartLookup {
    /// The first results of the idempotency keys, each with the digest of its request.
    first: HashMap<Key, (String, JobResult)>,
    /// The results to be retried.
    retried: HashMap<(Uuid, Uuid), job_results::Model>,
}

impl StartLookup {
    pub async fn read(db: &Transaction, starts: &Starts<'_>) -> Result<Self, StoreError> {
        let retried = |(organization, start): &(OrganizationId, &NewResult)| {
            start.retry.as_ref().map(|retry| (organization.0, retry.of.0))
        };
        Ok(Self {
            first: first_starts(db, starts).await?,
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

    /// Adds a result that was started.
    pub fn add(&mut self, organization: OrganizationId, start: &NewResult, result: &JobResult) {
        if let Some(name) = &start.idempotency {
            self.first.insert((organization.0, name.key.clone()), (name.digest.clone(), result.clone()));
        }
    }
}

/// The results of earlier starts with the same idempotency keys.
async fn first_starts(db: &Transaction, starts: &Starts<'_>) -> Result<HashMap<Key, (String, JobResult)>, StoreError> {
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
