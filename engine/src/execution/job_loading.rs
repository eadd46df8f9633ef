//! Loading the job of a result.

use std::sync::Arc;

use crate::model::job::Job;
use crate::model::notify::job_of;
use crate::model::organization::{OrgScope, Organization};
use crate::model::result::JobResult;
use crate::node::Node;
use crate::ports::StoreError;

/// The job of a result, in the version with which the result runs, and its organization; the inner error says
/// why the result cannot run.
pub(crate) async fn load_job(
    node: &Node,
    scope: OrgScope,
    result: &JobResult,
) -> Result<Result<(Organization, Arc<Job>), String>, StoreError> {
    let Some(organization) = node.stores.organizations.by_id(scope.organization()).await? else {
        return Ok(Err("The organization of the job no longer exists.".to_owned()));
    };
    let job = node.jobs.of_result(scope, job_of(&result.job), result).await?;
    Ok(job.map(|job| (organization, job)))
}
