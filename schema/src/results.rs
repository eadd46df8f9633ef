//! The adapter of the `results` port.

mod append_output;
pub(crate) mod end;
mod kill;
pub(crate) mod lines;
mod prune;
pub(crate) mod start;
mod waiting;

use std::collections::HashMap;

use async_trait::async_trait;
use engine::model::Instant;
use engine::model::lifecycle::retention::{LATEST, Retention, moves_since};
use engine::model::lifecycle::waiting::Waiting;
use engine::model::organization::{OrgScope, OrganizationId};
use engine::model::result::{JobResult, LineResult, ResultId};
use engine::model::status::Status;
use engine::ports::actions::LineOutput;
use engine::ports::parts::{Part, PartKind};
use engine::ports::results::{
    Endings, History, Kill, KillError, LinesOf, NewResult, Pruned, ResultFilter, ResultRelation, StartError, Started,
    Starts,
};
use engine::ports::{Listed, Page, StoreError};
use sea_orm::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use crate::batch::{by_organization, padded, pieces};
use crate::columns::RowName;
use crate::entities::job_results::Column;
use crate::entities::{deleted_jobs, job_results, job_starts, leases, line_results, parts};
use crate::transaction::Transaction;
use crate::{Store, failed, fill, page, unavailable};

pub(crate) use prune::PruneCursor;

/// How many related results are listed: retries of a result, or results that it started.
const RELATED_AT_MOST: u64 = 100;

#[async_trait]
impl Starts for Store {
    async fn start(&self, scope: OrgScope, start: NewResult) -> Result<Started, StartError> {
        self.writer.write(start::Start { organization: scope.organization(), start }).await?
    }

    async fn started_as(&self, scope: OrgScope, key: &str) -> Result<Option<(JobResult, String)>, StoreError> {
        let id = (scope.organization().0, key.to_owned());
        let row = job_starts::Entity::find_by_id(id).one(&self.readers).await.map_err(failed)?;
        let Some(row) = row else { return Ok(None) };
        let result =
            by_id(scope.organization(), ResultId(row.job_result_id)).one(&self.readers).await.map_err(failed)?;
        Ok(result.map(job_results::Model::read).transpose()?.map(|result| (result, row.digest)))
    }

    async fn started_under(
        &self,
        scope: OrgScope,
        prefix: &str,
        limit: u32,
    ) -> Result<Vec<(String, JobResult)>, StoreError> {
        let organization = scope.organization().0;
        let starts = job_starts::Entity::find()
            .filter(job_starts::Column::OrganizationId.eq(organization))
            .filter(job_starts::Column::IdempotencyKey.gte(prefix))
            .filter(job_starts::Column::IdempotencyKey.lt(format!("{prefix}{}", char::MAX)))
            .order_by_asc(job_starts::Column::IdempotencyKey)
            .limit(u64::from(limit));
        let rows = starts.all(&self.readers).await.map_err(failed)?;
        let mut results = found_all(&self.readers, rows.iter().map(|row| (organization, row.job_result_id))).await?;
        let found = rows.into_iter().filter_map(|row| {
            let result = results.remove(&(organization, row.job_result_id))?;
            Some(result.read().map(|result| (row.idempotency_key, result)))
        });
        found.collect()
    }

    async fn last_success(&self, scope: OrgScope, job: &str) -> Result<Option<Instant>, StoreError> {
        let name = (scope.organization(), job.to_owned());
        self.memory.successes.read(name, async || self.read_last_success(scope, job).await).await
    }

    async fn ended_before(&self, scope: OrgScope, job: &str, before: ResultId) -> Result<Option<Status>, StoreError> {
        let ends: Vec<_> = Status::ALL.into_iter().filter(|status| status.is_final()).collect();
        let newest = self.newest((scope.organization().0, job), &ends, Some(before)).await?;
        newest.map(|row| row.status()).transpose()
    }

    async fn count_open(&self, scope: OrgScope) -> Result<u64, StoreError> {
        // Exactly the results that have not ended have a lease.
        let open = leases::Entity::find().filter(leases::Column::OrganizationId.eq(scope.organization().0));
        open.count(&self.readers).await.map_err(failed)
    }
}

#[async_trait]
impl History for Store {
    async fn find(&self, scope: OrgScope, id: ResultId) -> Result<Option<JobResult>, StoreError> {
        let row = by_id(scope.organization(), id).one(&self.readers).await.map_err(failed)?;
        row.map(job_results::Model::read).transpose()
    }

    async fn list(
        &self,
        scope: OrgScope,
        filter: &ResultFilter,
        page_of: Page<ResultId>,
    ) -> Result<Listed<JobResult>, StoreError> {
        let mut newest_first = matching(scope, filter).order_by_desc(Column::Id);
        if let Some(before) = page_of.before {
            newest_first = newest_first.filter(Column::Id.lt(before.0));
        }
        page(newest_first, (&self.readers, page_of.limit), |row| row.arguments.len(), job_results::Model::read).await
    }

    async fn count(&self, scope: OrgScope, filter: &ResultFilter) -> Result<u64, StoreError> {
        let counted =
            matching(scope, filter).select_only().column_as(Column::Id.count(), "results").into_tuple::<i64>();
        let count = counted.one(&self.readers).await.map_err(failed)?.unwrap_or(0);
        u64::try_from(count).map_err(unavailable)
    }

    async fn lines_within(
        &self,
        scope: OrgScope,
        of: LinesOf<'_>,
        most: usize,
    ) -> Result<Listed<(ResultId, LineResult)>, StoreError> {
        let mut ids: Vec<_> = of.results.iter().map(|id| id.0).collect();
        ids.sort_unstable();
        ids.dedup();
        let (mut found, mut left) = (Listed { items: Vec::new(), more: false }, most);
        for ids in padded(&ids) {
            let mut lines = lines::of(scope.organization(), &ids);
            if let Some(after) = of.after {
                lines = lines.filter(line_results::Column::LineNo.gt(after));
            }
            if !of.details {
                lines = line_results::without_details(lines);
            }
            let rows = lines.stream(&self.readers).await.map_err(failed)?;
            let (weigh, read) = (line_results::Model::bytes, line_results::Model::read);
            left = left.saturating_sub(fill(&mut found, rows, (usize::MAX, left), weigh, read).await?);
            if found.more {
                break;
            }
        }
        Ok(found)
    }

    async fn waiting(&self, scope: OrgScope, ids: &[ResultId]) -> Result<Vec<(ResultId, Waiting)>, StoreError> {
        waiting::waiting(&self.readers, scope.organization(), ids).await
    }

    async fn parts(
        &self,
        scope: OrgScope,
        id: ResultId,
        (line_no, kind): (u32, PartKind),
        from: u32,
        limit: u32,
    ) -> Result<Vec<Part>, StoreError> {
        let set = parts::Entity::find()
            .filter(parts::Column::OrganizationId.eq(scope.organization().0))
            .filter(parts::Column::JobResultId.eq(id.0))
            .filter(parts::Column::LineNo.eq(line_no))
            .filter(parts::Column::Kind.eq(kind.word()))
            .filter(parts::Column::Part.gte(from));
        let set = set.order_by_asc(parts::Column::Part).limit(u64::from(limit));
        set.all(&self.readers).await.map_err(failed)?.into_iter().map(parts::Model::read).collect()
    }

    async fn related(
        &self,
        scope: OrgScope,
        id: ResultId,
        relation: ResultRelation,
    ) -> Result<Vec<ResultId>, StoreError> {
        let column = match relation {
            ResultRelation::Retries => Column::RetryOf,
            ResultRelation::Started => Column::StartedFrom,
        };
        self.oldest(scope, column.eq(id.0)).await
    }
}

#[async_trait]
impl Endings for Store {
    async fn kill(&self, scope: OrgScope, id: ResultId, kill: Kill) -> Result<JobResult, KillError> {
        self.writer.write_one(kill::KillOne { organization: scope.organization(), id, kill }).await?
    }

    async fn append_output(
        &self,
        scope: OrgScope,
        id: ResultId,
        line_no: u32,
        output: &LineOutput,
    ) -> Result<(), StoreError> {
        let (organization, output) = (scope.organization(), output.clone());
        self.writer.write_one(append_output::AppendOutput { organization, id, line_no, output }).await
    }

    async fn prune(&self, keep: Retention, now: Instant) -> Result<Pruned, StoreError> {
        prune::step(self, keep, now).await
    }
}

impl Store {
    /// The clock reading of the last success, from the table.
    async fn read_last_success(&self, scope: OrgScope, job: &str) -> Result<Option<Instant>, StoreError> {
        let columns = [Column::Now, Column::CreatedAt, Column::RetryOf, Column::Version];
        let deleted = deleted_jobs::version_of(&self.readers, (scope.organization().0, job)).await?;
        let mut latest: Option<i64> = None;
        for status in [Status::Success, Status::Info] {
            let newest = has_run((scope.organization().0, job), status).order_by_desc(Column::Id).limit(LATEST as u64);
            let rows: Vec<(Option<i64>, i64, Option<Uuid>, i64)> =
                newest.select_only().columns(columns).into_tuple().all(&self.readers).await.map_err(failed)?;
            let moving = rows.into_iter().filter(|(now, created_at, retry_of, version)| {
                *version > deleted && moves_since(retry_of.is_some(), now.is_none_or(|now| now == *created_at))
            });
            latest = moving.map(|(now, created_at, ..)| now.unwrap_or(created_at)).max().max(latest);
        }
        let latest = latest.map(|micros| RowName::new("job_results", job).instant("now", micros));
        latest.transpose()
    }

    /// The oldest results for which a condition holds.
    async fn oldest(&self, scope: OrgScope, condition: Expr) -> Result<Vec<ResultId>, StoreError> {
        let results = matching(scope, &ResultFilter::default()).filter(condition);
        let oldest =
            results.order_by_asc(Column::Id).limit(RELATED_AT_MOST).select_only().column(Column::Id).into_tuple();
        let ids: Vec<Uuid> = oldest.all(&self.readers).await.map_err(failed)?;
        Ok(ids.into_iter().map(ResultId).collect())
    }

    /// The newest result of a job that has run, has one of these statuses, and is older than `before`. Results of a
    /// deleted job with the same key do not count.
    async fn newest(
        &self,
        (organization, job): (Uuid, &str),
        statuses: &[Status],
        before: Option<ResultId>,
    ) -> Result<Option<job_results::Model>, StoreError> {
        let mut newest: Option<job_results::Model> = None;
        // There is one statement for each status: each reads the last entry of an index.
        for status in statuses {
            let mut of_status = has_run((organization, job), *status);
            if let Some(before) = before {
                of_status = of_status.filter(Column::Id.lt(before.0));
            }
            let found = of_status.order_by_desc(Column::Id).limit(1).one(&self.readers).await.map_err(failed)?;
            newest = newest.into_iter().chain(found).max_by_key(|row| row.id);
        }
        let deleted = deleted_jobs::version_of(&self.readers, (organization, job)).await?;
        Ok(newest.filter(|row| row.version > deleted))
    }
}

/// The results of a job with this status that have run, but for dry runs and notifications.
fn has_run((organization, job): (Uuid, &str), status: Status) -> Select<job_results::Entity> {
    job_results::Entity::find()
        .filter(Column::OrganizationId.eq(organization))
        .filter(Column::JobKey.eq(job))
        .filter(Column::Status.eq(status.word()))
        .filter(Column::DryRun.eq(false))
        .filter(Column::NotificationOf.is_null())
        .filter(Column::StartedAt.is_not_null())
}

fn matching(scope: OrgScope, filter: &ResultFilter) -> Select<job_results::Entity> {
    let mut results = job_results::Entity::find().filter(Column::OrganizationId.eq(scope.organization().0));
    if let Some(job) = &filter.job {
        results = results.filter(Column::JobKey.eq(job));
    }
    if let Some(status) = filter.status {
        results = results.filter(Column::Status.eq(status.word()));
    }
    results
}

fn by_id(organization: OrganizationId, id: ResultId) -> Select<job_results::Entity> {
    job_results::Entity::find_by_id((organization.0, id.0))
}

/// The result as the transaction sees it.
pub(crate) async fn found(
    db: &Transaction,
    organization: OrganizationId,
    id: ResultId,
) -> Result<Option<JobResult>, StoreError> {
    let row = by_id(organization, id).one(db).await.map_err(failed)?;
    row.map(job_results::Model::read).transpose()
}

/// Results as the transaction sees them, by organization and id.
pub(crate) async fn found_all(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = (Uuid, Uuid)>,
) -> Result<HashMap<(Uuid, Uuid), job_results::Model>, StoreError> {
    let mut found = HashMap::new();
    for (organization, ids) in by_organization(ids) {
        for ids in pieces(&ids) {
            let rows = job_results::Entity::find().filter(Column::OrganizationId.eq(organization));
            let rows = rows.filter(Column::Id.is_in(ids.iter().copied())).all(db).await.map_err(failed)?;
            found.extend(rows.into_iter().map(|row| ((organization, row.id), row)));
        }
    }
    Ok(found)
}
