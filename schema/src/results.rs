//! The adapter of the `results` port.

use std::collections::HashMap;

use async_trait::async_trait;
use engine::model::Instant;
use engine::model::organization::{OrgScope, OrganizationId};
use engine::model::result::{JobResult, LineResult, ResultId};
use engine::model::status::{Event, Status};
use engine::ports::actions::Told;
use engine::ports::queue::cut;
use engine::ports::results::{Kill, KillError, NewResult, ResultFilter, Results};
use engine::ports::{Listed, Page, StoreError};
use sea_orm::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{DatabaseTransaction, QueryOrder, QuerySelect};

use crate::batch::{by_organization, insert, pieces};
use crate::entities::job_results::Column;
use crate::entities::{job_inputs, job_results, job_starts, leases, line_results};
use crate::writer::{Change, Single};
use crate::{Store, columns, failed, page, unavailable};

#[async_trait]
impl Results for Store {
    async fn start(&self, scope: OrgScope, start: NewResult) -> Result<JobResult, StoreError> {
        self.writer.write(Start { organization: scope.organization(), start }).await
    }

    async fn find(&self, scope: OrgScope, id: ResultId) -> Result<Option<JobResult>, StoreError> {
        let row = one(scope.organization(), id).one(&self.readers).await.map_err(failed)?;
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
        let rows = newest_first.limit(u64::from(page_of.limit) + 1).all(&self.readers).await.map_err(failed)?;
        page(rows, page_of.limit, job_results::Model::read)
    }

    async fn count(&self, scope: OrgScope, filter: &ResultFilter) -> Result<u64, StoreError> {
        let counted =
            matching(scope, filter).select_only().column_as(Column::Id.count(), "results").into_tuple::<i64>();
        let count = counted.one(&self.readers).await.map_err(failed)?.unwrap_or(0);
        u64::try_from(count).map_err(unavailable)
    }

    async fn lines(&self, scope: OrgScope, ids: &[ResultId]) -> Result<Vec<(ResultId, LineResult)>, StoreError> {
        let mut ids: Vec<_> = ids.iter().map(|id| id.0).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut lines = Vec::new();
        for ids in pieces(&ids) {
            let rows = lines_of(scope.organization(), ids).all(&self.readers).await.map_err(failed)?;
            for row in rows {
                lines.push(row.read()?);
            }
        }
        Ok(lines)
    }

    async fn last_success(&self, scope: OrgScope, job: &str) -> Result<Option<Instant>, StoreError> {
        // One statement for each status walks an index to its end and stops there.
        let mut newest: Option<(Uuid, i64)> = None;
        for status in [Status::Success, Status::Info] {
            let filter = ResultFilter { job: Some(job.to_owned()), status: Some(status) };
            let ended_so = matching(scope, &filter).filter(Column::DryRun.eq(false)).order_by_desc(Column::Id);
            let created = ended_so.select_only().columns([Column::Id, Column::CreatedAt]).into_tuple();
            newest = newest.max(created.one(&self.readers).await.map_err(failed)?);
        }
        let place = |id| columns::Place::new("job_results", id);
        newest.map(|(id, micros): (Uuid, _)| place(id).instant("created_at", micros)).transpose()
    }

    async fn tell(&self, scope: OrgScope, id: ResultId, line_no: u32, told: &Told) -> Result<(), StoreError> {
        self.writer.write_one(Tell { organization: scope.organization(), id, line_no, told: told.clone() }).await
    }

    async fn kill(&self, scope: OrgScope, id: ResultId, kill: Kill) -> Result<JobResult, KillError> {
        self.writer.write_one(KillOne { organization: scope.organization(), id, kill }).await?
    }
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

fn one(organization: OrganizationId, id: ResultId) -> Select<job_results::Entity> {
    job_results::Entity::find_by_id((organization.0, id.0))
}

fn lines_of(organization: OrganizationId, ids: &[Uuid]) -> Select<line_results::Entity> {
    use line_results::Column::{JobResultId, LineNo, OrganizationId};
    line_results::Entity::find()
        .filter(OrganizationId.eq(organization.0))
        .filter(JobResultId.is_in(ids.iter().copied()))
        .order_by_asc(JobResultId)
        .order_by_asc(LineNo)
}

/// The result as it is in the transaction.
pub(crate) async fn found(
    db: &DatabaseTransaction,
    organization: OrganizationId,
    id: ResultId,
) -> Result<Option<JobResult>, StoreError> {
    let row = one(organization, id).one(db).await.map_err(failed)?;
    row.map(job_results::Model::read).transpose()
}

/// Results as they are in the transaction, by organization and identity.
pub(crate) async fn found_all(
    db: &DatabaseTransaction,
    places: impl IntoIterator<Item = (Uuid, Uuid)>,
) -> Result<HashMap<(Uuid, Uuid), job_results::Model>, StoreError> {
    let mut found = HashMap::new();
    for (organization, ids) in by_organization(places) {
        for ids in pieces(&ids) {
            let rows = job_results::Entity::find().filter(Column::OrganizationId.eq(organization));
            let rows = rows.filter(Column::Id.is_in(ids.iter().copied())).all(db).await.map_err(failed)?;
            found.extend(rows.into_iter().map(|row| ((organization, row.id), row)));
        }
    }
    Ok(found)
}

/// Writes that results have ended, and takes their leases away from whoever holds
/// them. The rows are there, so that each insertion comes to an update.
pub(crate) async fn write_ends(db: &DatabaseTransaction, ended: &[job_results::Model]) -> Result<(), StoreError> {
    for (organization, ids) in by_organization(ended.iter().map(|row| (row.organization_id, row.id))) {
        for ids in pieces(&ids) {
            let leases = leases::Entity::delete_many().filter(leases::Column::OrganizationId.eq(organization));
            leases.filter(leases::Column::JobResultId.is_in(ids.iter().copied())).exec(db).await.map_err(failed)?;
        }
    }
    let changed =
        OnConflict::columns([Column::OrganizationId, Column::Id]).update_columns(job_results::ENDED).to_owned();
    insert::<job_results::Entity>(db, ended, Some(changed)).await
}

/// Ends the lines that a result leaves open when it is killed or given up.
pub(crate) async fn cut_lines(
    db: &DatabaseTransaction,
    organization: OrganizationId,
    result: &JobResult,
    event: Event,
    message: &str,
) -> Result<(), StoreError> {
    use line_results::Column::{JobResultId, LineNo, OrganizationId};
    let Some(at) = result.finished_at else { return Ok(()) };
    for row in lines_of(organization, &[result.id.0]).all(db).await.map_err(failed)? {
        let (_, mut line) = row.read()?;
        if line.status.is_final() {
            continue;
        }
        cut(&mut line, event, message, at).map_err(unavailable)?;
        let row = line_results::Entity::update_many()
            .set(line_results::cut(&line))
            .filter(OrganizationId.eq(organization.0))
            .filter(JobResultId.eq(result.id.0))
            .filter(LineNo.eq(line.line_no));
        row.exec(db).await.map_err(failed)?;
    }
    Ok(())
}

struct Start {
    organization: OrganizationId,
    start: NewResult,
}

impl Change for Start {
    type Answer = JobResult;
    const DURABLE: bool = true;

    async fn apply(changes: &[&Self], db: &DatabaseTransaction) -> Result<Vec<JobResult>, StoreError> {
        let mut first = first_starts(changes, db).await?;
        let (mut answers, mut rows, mut inputs, mut leases) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut starts = Vec::new();
        for Self { organization, start } in changes {
            let name = start.idempotency_key.clone().map(|key| (organization.0, key));
            if let Some(there) = name.as_ref().and_then(|name| first.get(name)) {
                answers.push(there.clone());
                continue;
            }
            let (result, records) = start.clone().accept();
            rows.push(job_results::Model::of(*organization, &result)?);
            if !records.is_empty() {
                inputs.push(job_inputs::Model::of(*organization, result.id, &records)?);
            }
            leases.push(leases::Model::new(*organization, result.id));
            if let Some((organization_id, idempotency_key)) = name {
                first.insert((organization_id, idempotency_key.clone()), result.clone());
                starts.push(job_starts::Model { organization_id, idempotency_key, job_result_id: result.id.0 });
            }
            answers.push(result);
        }
        insert::<job_results::Entity>(db, &rows, None).await?;
        insert::<job_inputs::Entity>(db, &inputs, None).await?;
        insert::<leases::Entity>(db, &leases, None).await?;
        insert::<job_starts::Entity>(db, &starts, None).await?;
        Ok(answers)
    }
}

/// The results of earlier starts that had the same names as these.
async fn first_starts(
    changes: &[&Start],
    db: &DatabaseTransaction,
) -> Result<HashMap<(Uuid, String), JobResult>, StoreError> {
    let mut found = HashMap::new();
    for Start { organization, start } in changes {
        let Some(key) = start.idempotency_key.clone() else { continue };
        let place = (organization.0, key.clone());
        let row = job_starts::Entity::find_by_id(place).one(db).await.map_err(failed)?;
        let Some(row) = row else { continue };
        let first = self::found(db, *organization, ResultId(row.job_result_id)).await?;
        found.extend(first.map(|result| ((organization.0, key), result)));
    }
    Ok(found)
}

struct Tell {
    organization: OrganizationId,
    id: ResultId,
    line_no: u32,
    told: Told,
}

impl Single for Tell {
    type Answer = ();
    const DURABLE: bool = false;

    async fn apply(&self, db: &DatabaseTransaction) -> Result<(), StoreError> {
        use line_results::Column::{JobResultId, LineNo, OrganizationId, Status as Stands};
        let row = line_results::Entity::update_many()
            .set(line_results::told(&self.told))
            .filter(OrganizationId.eq(self.organization.0))
            .filter(JobResultId.eq(self.id.0))
            .filter(LineNo.eq(self.line_no))
            .filter(Stands.eq(Status::Killed.word()));
        row.exec(db).await.map_err(failed)?;
        Ok(())
    }
}

struct KillOne {
    organization: OrganizationId,
    id: ResultId,
    kill: Kill,
}

impl Single for KillOne {
    type Answer = Result<JobResult, KillError>;
    const DURABLE: bool = true;

    async fn apply(&self, db: &DatabaseTransaction) -> Result<Self::Answer, StoreError> {
        let Some(mut result) = found(db, self.organization, self.id).await? else {
            return Ok(Err(KillError::Absent));
        };
        if let Err(refusal) = self.kill.end(&mut result) {
            return Ok(Err(KillError::Ended(refusal.status)));
        }
        write_ends(db, &[job_results::Model::of(self.organization, &result)?]).await?;
        cut_lines(db, self.organization, &result, Event::Kill, &self.kill.line_message).await?;
        Ok(Ok(result))
    }
}
