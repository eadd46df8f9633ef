//! Forgetting what is older than is kept: job by job, a bounded step at a time, found by
//! index and removed by key.

use std::collections::HashSet;

use engine::model::Instant;
use engine::model::organization::OrganizationId;
use engine::model::status::Status;
use engine::ports::StoreError;
use engine::ports::results::{Pruned, Retention};
use sea_orm::prelude::*;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{DatabaseTransaction, QueryOrder, QuerySelect};

use crate::Store;
use crate::batch::pieces;
use crate::entities::deleted_jobs;
use crate::entities::job_results::{Column, Entity};
use crate::writer::Single;
use crate::{columns, failed};

/// How many results one step looks at in a job, and so removes, at most.
const RESULTS: u64 = 200;
/// How many jobs one step looks at.
const JOBS: u32 = 20;

/// How far the walk over all jobs has come.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// The job that was looked at last.
    job: Option<(Uuid, String)>,
    /// The result of it that was looked at last, if there are more.
    result: Option<Uuid>,
}

pub(super) async fn step(store: &Store, keep: Retention, now: Instant) -> Result<Pruned, StoreError> {
    let mut round = store.pruning.lock().await;
    let mut removed = 0;
    for _ in 0..JOBS {
        let Some(job) = next_job(store, &round).await? else {
            *round = Round::default();
            return Ok(Pruned { removed, more: false });
        };
        let look = Look { store, job: &job, keep, now };
        let (old, last) = look.old(round.result).await?;
        for ids in pieces(&old) {
            let organization = OrganizationId(job.0);
            removed += store.writer.write_one(Forget { organization, ids: ids.to_vec() }).await?;
        }
        *round = Round { job: Some(job), result: last };
        if removed > 0 {
            break;
        }
    }
    Ok(Pruned { removed, more: true })
}

/// The job whose turn it is; none when the round is over.
async fn next_job(store: &Store, round: &Round) -> Result<Option<(Uuid, String)>, StoreError> {
    if let (Some(job), Some(_)) = (&round.job, round.result) {
        return Ok(Some(job.clone()));
    }
    // From the key itself, the database would walk over all results of the job to get behind them.
    let behind = |(organization, key): &(Uuid, String)| (*organization, columns::just_behind(key));
    let after = round.job.as_ref().map_or((Uuid::nil(), String::new()), behind);
    let job = Expr::tuple([Column::OrganizationId, Column::JobKey].map(|column| Expr::col((Entity, column))));
    let next = Entity::find()
        .filter(job.gt(Expr::tuple([Expr::val(after.0), Expr::val(after.1)])))
        .order_by_asc(Column::OrganizationId)
        .order_by_asc(Column::JobKey)
        .limit(1);
    let next = next.select_only().columns([Column::OrganizationId, Column::JobKey]).into_tuple();
    next.one(&store.readers).await.map_err(failed)
}

/// A look at the oldest results of one job.
struct Look<'a> {
    store: &'a Store,
    job: &'a (Uuid, String),
    keep: Retention,
    now: Instant,
}

impl Look<'_> {
    fn of_job(&self) -> Select<Entity> {
        let (organization, key) = self.job;
        Entity::find().filter(Column::OrganizationId.eq(*organization)).filter(Column::JobKey.eq(key))
    }

    /// Results that are not kept any longer, and the last one that was looked at, if there are more.
    async fn old(&self, after: Option<Uuid>) -> Result<(Vec<Uuid>, Option<Uuid>), StoreError> {
        let kept = match self.keep.results {
            0 => Some(Uuid::max()),
            _ => self.oldest_of_the_newest().await?,
        };
        // Of a job that was deleted, all that is old goes, however few results there are.
        let deleted = deleted_jobs::version_of(&self.store.readers, (self.job.0, self.job.1.as_str())).await?;
        if kept.is_none() && deleted == 0 {
            return Ok((Vec::new(), None));
        }
        let end = if deleted == 0 { kept } else { None }.unwrap_or(Uuid::max());
        // As pairs, which only the index of jobs can look up.
        let place = Expr::tuple([Column::JobKey, Column::Id].map(|column| Expr::col((Entity, column))));
        let at = |id: Uuid| Expr::tuple([Expr::val(self.job.1.as_str()), Expr::val(id)]);
        let oldest = Entity::find()
            .filter(Column::OrganizationId.eq(self.job.0))
            .filter(place.clone().gt(at(after.unwrap_or(Uuid::nil()))))
            .filter(place.lt(at(end)))
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
            if self.is_aged(id, created_at)? {
                aged.push((id, status, version));
            }
        }
        // Newer ones are younger still.
        let last = last.filter(|_| !aged.is_empty());
        let last_ones = if aged.is_empty() { HashSet::new() } else { self.last_of_their_kind().await? };
        let ended = |status: &str| Status::from_word(status).is_some_and(Status::is_final);
        let surplus = |id: &Uuid| kept.is_some_and(|kept| *id < kept) && !last_ones.contains(id);
        let old =
            aged.into_iter().filter(|(id, status, version)| ended(status) && (*version <= deleted || surplus(id)));
        Ok((old.map(|(id, ..)| id).collect(), last))
    }

    fn is_aged(&self, id: Uuid, created_at: i64) -> Result<bool, StoreError> {
        let created_at = columns::Place::new("job_results", id).instant("created_at", created_at)?;
        Ok((self.now - created_at).to_std().is_ok_and(|age| age > self.keep.age))
    }

    /// Of as many as stay whatever their age, the oldest; none if there are no more than that.
    async fn oldest_of_the_newest(&self) -> Result<Option<Uuid>, StoreError> {
        let newest = self.of_job().order_by_desc(Column::Id).offset(u64::from(self.keep.results) - 1).limit(1);
        let id = newest.select_only().column(Column::Id).into_tuple();
        id.one(&self.store.readers).await.map_err(failed)
    }

    /// The last result that went well, and the last that failed.
    async fn last_of_their_kind(&self) -> Result<HashSet<Uuid>, StoreError> {
        let job = (self.job.0, self.job.1.as_str());
        let mut last = HashSet::new();
        for kind in [&[Status::Success, Status::Info][..], &[Status::Error]] {
            last.extend(self.store.newest(job, kind, None).await?.map(|row| row.id));
        }
        Ok(last)
    }
}

/// Removes results of one organization with all that belongs to them, but those that a result
/// which stays goes on from.
struct Forget {
    organization: OrganizationId,
    ids: Vec<Uuid>,
}

impl Single for Forget {
    type Answer = u64;
    const DURABLE: bool = false;

    async fn apply(&self, db: &DatabaseTransaction) -> Result<u64, StoreError> {
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
}
