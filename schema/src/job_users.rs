//! Finds the jobs that use a module or a filter template: with their newest version, or with a result that has not
//! ended.

use std::collections::{BTreeMap, BTreeSet};

use engine::model::notify::history_of;
use engine::model::organization::OrganizationId;
use engine::model::refusal::JobUse;
use engine::model::status::Status;
use engine::ports::StoreError;
use sea_orm::prelude::*;
use sea_orm::{ConnectionTrait, QuerySelect};

use crate::columns::RowName;
use crate::entities::{job_results, jobs};
use crate::failed;

/// Versions of jobs, by organization and key of the job.
pub(crate) type Versions = BTreeMap<(Uuid, String), BTreeSet<i64>>;

/// Those of these versions that are in use. `table` names the table for errors.
pub(crate) async fn in_use<Db: ConnectionTrait>(
    db: &Db,
    table: &'static str,
    versions: Versions,
) -> Result<Vec<JobUse>, StoreError> {
    let mut users = Vec::new();
    for ((organization, job), versions) in versions {
        for version in of_job(db, organization, &job, &versions).await? {
            let version = RowName::new(table, &job).small("version", version)?;
            users.push(JobUse { organization: OrganizationId(organization), job: job.clone(), version });
        }
    }
    Ok(users)
}

/// Those of these versions that are the newest of the job, or that an unfinished result runs.
async fn of_job<Db: ConnectionTrait>(
    db: &Db,
    organization: Uuid,
    job: &str,
    versions: &BTreeSet<i64>,
) -> Result<BTreeSet<i64>, StoreError> {
    use job_results::Column::{JobKey, OrganizationId, Status as StatusColumn, Version};
    let newest = jobs::Entity::find_by_id((organization, job.to_owned())).one(db).await.map_err(failed)?;
    let mut in_use: BTreeSet<i64> = newest.into_iter().map(|newest| newest.version).collect();
    for status in [Status::Pending, Status::Running] {
        let unfinished = job_results::Entity::find()
            .filter(OrganizationId.eq(organization))
            .filter(JobKey.is_in([job.to_owned(), history_of(job)]))
            .filter(StatusColumn.eq(status.word()));
        let running: Vec<i64> =
            unfinished.select_only().column(Version).distinct().into_tuple().all(db).await.map_err(failed)?;
        in_use.extend(running);
    }
    Ok(in_use.intersection(versions).copied().collect())
}
