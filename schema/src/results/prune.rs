//! Removes old results: job by job, in bounded steps, found by index and deleted by key.

use std::collections::HashSet;

use engine::model::Instant;
use engine::model::lifecycle::retention::{KINDS, Retention, RetentionFacts};
use engine::model::organization::OrganizationId;
use engine::model::status::Status;
use engine::ports::StoreError;
use engine::ports::results::Pruned;
use sea_orm::prelude::*;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{QueryOrder, QuerySelect};

use crate::batch::pieces;
use crate::entities::deleted_jobs;
use crate::entities::job_results::{Column, Entity};
use crate::memory::Memory;
use crate::transaction::Transaction;
use crate::writer::SingleCommand;
use crate::{Store, columns, failed};

/// How many results of a job one step reads, and so removes, at most.
const RESULTS: u64 = 200;
/// How many jobs one step reads.
const JOBS: u32 = 20;

/// The position of the walk over all jobs.
#[derive(Debug, Default)]
pub(crate) struct PruneCursor {
    /// The last job that was read.
    job: Option<(Uuid, String)>,
    /// The last result of it that was read, if there are more.
    result: Option<Uuid>,
}

pub(super) async fn step(store: &Store, keep: Retention, now: Instant) -> Result<Pruned, StoreError> {
    let mut cursor = store.pruning.lock().await;
    let mut removed = 0;
    for _ in 0..JOBS {
        let Some(job) = next_job(store, &cursor).await? else {
            *cursor = PruneCursor::default();
            return Ok(Pruned { removed, more: false });
        };
        let scan = PruneScan { store, job: &job, keep, now };
        let (old, last) = scan.old(cursor.result).await?;
        for ids in pieces(&old) {
            let organization = OrganizationId(job.0);
            removed += store.writer.write_one(RemoveResults { organization, ids: ids.to_vec() }).await?;
        }
        *cursor = PruneCursor { job: Some(job), result: last };
        if removed > 0 {
            break;
        }
    }
    Ok(Pruned { removed, more: true })
}

/// The next job; none at the end of the walk.
async fn next_job(store: &Store, cursor: &PruneCursor) -> Result<Option<(Uuid, String)>, StoreError> {
    if let (Some(job), Some(_)) = (&cursor.job, cursor.result) {
        return Ok(Some(job.clone()));
    }
    // To search behind the key itself, the database would walk over all results of the job.
    let behind = |(organization, key): &(Uuid, String)| (*organization, columns::just_behind(key));
    let after = cursor.job.as_ref().map_or((Uuid::nil(), String::new()), behind);
    let job = Expr::tuple([Column::OrganizationId, Column::JobKey].map(|column| Expr::col((Entity, column))));
    let next = Entity::find()
        .filter(job.gt(Expr::tuple([Expr::val(after.0), Expr::val(after.1)])))
        .order_by_asc(Column::OrganizationId)
        .order_by_asc(Column::JobKey)
        .limit(1);
    let next = next.select_only().columns([Column::OrganizationId, Column::JobKey]).into_tuple();
    next.one(&store.readers).await.map_err(failed)
}

/// A search for the old results of one job.
struct PruneScan<'a> {
    store: &'a Store,
    job: &'a (Uuid, String),
    keep: Retention,
    now: Instant,
}

impl PruneScan<'_> {
    fn of_job(&self) -> Select<Entity> {
        let (organization, key) = self.job;
        Entity::find().filter(Column::OrganizationId.eq(*organization)).filter(Column::JobKey.eq(key))
    }

    /// The results to remove, and the last one that was read, if there are more.
    async fn old(&self, after: Option<Uuid>) -> Result<(Vec<Uuid>, Option<Uuid>), StoreError> {
        let kept = match self.keep.results {
            0 => Some(Uuid::max()),
            _ => self.oldest_of_the_newest().await?,
        };
        // Of a deleted job, all old results are removed, even if there are only a few.
        let deleted = deleted_jobs::version_of(&self.store.readers, (self.job.0, self.job.1.as_str())).await?;
        if kept.is_none() && deleted == 0 {
            return Ok((Vec::new(), None));
        }
        let end = if deleted == 0 { kept } else { None }.unwrap_or(Uuid::max());
        // Comparing pairs makes SQLite use the index of jobs.
        let position = Expr::tuple([Column::JobKey, Column::Id].map(|column| Expr::col((Entity, column))));
        let at = |id: Uuid| Expr::tuple([Expr::val(self.job.1.as_str()), Expr::val(id)]);
        let oldest = Entity::find()
            .filter(Column::OrganizationId.eq(self.job.0))
            .filter(position.clone().gt(at(after.unwrap_or(Uuid::nil()))))
            .filter(position.lt(at(end)))
            .order_by_asc(Column::JobKey)
            .order_by_asc(Column::Id)
            .limit(RESULTS);
        let rows =
            oldest.select_only().columns([Column::Id, Column::CreatedAt, Column::Status, Column::Version]).into_tuple();
        let rows: Vec<(Uuid, i64, String, i64)> = rows.all(&self.store.readers).await.map_err(failed)?;
        let full = rows.len() as u64 == RESULTS;
        let last = rows.last().map(|(id, ..)| *id).filter(|_| full);
        let mut aged = Vec::new();
        for (id, created_at, status, version) in rows {
            let created_at = columns::RowName::new("job_results", id).instant("created_at", created_at)?;
            // A result whose status cannot be read stays.
            if let (true, Some(status)) = (self.keep.is_past(created_at, self.now), Status::from_word(&status)) {
                aged.push((id, created_at, status, version));
            }
        }
        // If these are not old, the newer ones are not either.
        let last = last.filter(|_| !aged.is_empty());
        let protected = if aged.is_empty() { HashSet::new() } else { self.last_success_and_failure().await? };
        let old = aged.into_iter().filter(|(id, created_at, status, version)| {
            let past = RetentionFacts {
                created_at: *created_at,
                status: *status,
                of_deleted_job: *version <= deleted,
                is_among_newest: kept.is_none_or(|kept| *id >= kept),
                is_last_of_kind: protected.contains(id),
            };
            self.keep.removes(past, self.now)
        });
        Ok((old.map(|(id, ..)| id).collect(), last))
    }

    /// The oldest of the results that stay regardless of age; none if the job has fewer.
    async fn oldest_of_the_newest(&self) -> Result<Option<Uuid>, StoreError> {
        let newest = self.of_job().order_by_desc(Column::Id).offset(u64::from(self.keep.results) - 1).limit(1);
        let id = newest.select_only().column(Column::Id).into_tuple();
        id.one(&self.store.readers).await.map_err(failed)
    }

    /// The last success and the last failure, which always stay.
    async fn last_success_and_failure(&self) -> Result<HashSet<Uuid>, StoreError> {
        let job = (self.job.0, self.job.1.as_str());
        let mut last = HashSet::new();
        for kind in KINDS {
            last.extend(self.store.newest(job, kind, None).await?.map(|row| row.id));
        }
        Ok(last)
    }
}

/// Removes results with all that belongs to them, except the roots of retries that stay.
struct RemoveResults {
    organization: OrganizationId,
    ids: Vec<Uuid>,
}

impl SingleCommand for RemoveResults {
    type Answer = u64;
    const DURABLE: bool = false;

    async fn apply(&self, db: &Transaction) -> Result<u64, StoreError> {
        let of = Column::OrganizationId.eq(self.organization.0);
        let roots = Entity::find().filter(of.clone()).filter(Column::Root.is_in(self.ids.iter().copied()));
        let roots = roots.select_only().column(Column::Root).into_tuple::<Option<Uuid>>();
        let roots: HashSet<_> = roots.all(db).await.map_err(failed)?.into_iter().flatten().collect();
        let mut removed = 0;
        let ids: Vec<_> = self.ids.iter().copied().filter(|id| !roots.contains(id)).collect();
        for ids in pieces(&ids) {
            let gone = Entity::delete_many().filter(of.clone()).filter(Column::Id.is_in(ids.iter().copied()));
            removed += gone.exec(db).await.map_err(failed)?.rows_affected;
        }
        Ok(removed)
    }

    fn committed(&self, removed: &u64, memory: &Memory) {
        if *removed > 0 {
            memory.successes.forget_all();
        }
    }
}
