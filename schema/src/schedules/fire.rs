//! Starting what schedules are due for, many at once.

use std::collections::{HashMap, HashSet};

use engine::model::organization::OrganizationId;
use engine::ports::StoreError;
use engine::ports::results::{NewResult, Started};
use engine::ports::schedules::{Fire, FireAnswer, SavedSchedule};
use sea_orm::prelude::*;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{Condition, DatabaseTransaction, QuerySelect};

use super::write;
use crate::batch::{by_organization, pieces};
use crate::columns::micros;
use crate::entities::job_results::{self, Column as Of};
use crate::entities::schedules::{Column, Entity};
use crate::results::start::start_all;
use crate::writer::Change;
use crate::{failed, unavailable};

pub(super) struct FireOne(pub Fire);

impl Change for FireOne {
    type Answer = FireAnswer;
    const DURABLE: bool = true;

    async fn apply(changes: &[&Self], db: &DatabaseTransaction) -> Result<Vec<FireAnswer>, StoreError> {
        let fires: Vec<&Fire> = changes.iter().map(|change| &change.0).collect();
        let mut seen = revisions(db, &fires).await?;
        let there = started_before(db, &fires).await?;
        let (mut starts, mut counts) = (Vec::new(), Vec::with_capacity(fires.len()));
        for fire in &fires {
            let SavedSchedule { organization, id, revision, .. } = fire.saved;
            // Taken out, so that the first of two that saw the same is the one that counts.
            let current = seen.remove(&(organization.0, id.0)) == Some(revision);
            let before = starts.len();
            if current {
                let new = |result: &&NewResult| instant(organization, result).is_none_or(|of| !there.contains(&of));
                starts.extend(fire.results.iter().filter(new).map(|result| (organization, result)));
            }
            counts.push(current.then(|| starts.len() - before));
        }
        let mut started = start_all(db, &starts).await?.into_iter();
        let (mut answers, mut moved) = (Vec::with_capacity(fires.len()), Vec::new());
        for (fire, count) in fires.into_iter().zip(counts) {
            let Some(count) = count else {
                answers.push(FireAnswer::Outdated);
                continue;
            };
            let started: Result<Vec<Started>, _> = started.by_ref().take(count).collect();
            let started = started.map_err(unavailable)?;
            let saved = fire.saved.clone();
            moved.push(SavedSchedule { position: fire.moved(&started), revision: saved.revision + 1, ..saved });
            answers.push(FireAnswer::Fired(started));
        }
        write(db, &moved).await?;
        Ok(answers)
    }
}

/// The newest revisions of these schedules.
async fn revisions(db: &DatabaseTransaction, fires: &[&Fire]) -> Result<HashMap<(Uuid, Uuid), u64>, StoreError> {
    let mut revisions = HashMap::new();
    for (organization, ids) in by_organization(fires.iter().map(|fire| (fire.saved.organization.0, fire.saved.id.0))) {
        for ids in pieces(&ids) {
            let rows = Entity::find().filter(Column::OrganizationId.eq(organization));
            let rows = rows.filter(Column::Id.is_in(ids.iter().copied())).select_only();
            let rows: Vec<(Uuid, i64)> =
                rows.columns([Column::Id, Column::Revision]).into_tuple().all(db).await.map_err(failed)?;
            revisions.extend(rows.into_iter().map(|(id, revision)| ((organization, id), revision.cast_unsigned())));
        }
    }
    Ok(revisions)
}

/// An instant of a schedule: whose, of which job, which schedule, when.
type InstantOf = (Uuid, String, String, i64);

fn instant(organization: OrganizationId, result: &NewResult) -> Option<InstantOf> {
    let scheduled = result.scheduled.as_ref()?;
    Some((organization.0, result.job.clone(), scheduled.schedule.clone(), micros(scheduled.at)))
}

/// Those of the instants for which something was started before.
async fn started_before(db: &DatabaseTransaction, fires: &[&Fire]) -> Result<HashSet<InstantOf>, StoreError> {
    let all =
        fires.iter().flat_map(|fire| fire.results.iter().filter_map(|result| instant(fire.saved.organization, result)));
    let all: Vec<InstantOf> = all.collect();
    let mut there = HashSet::new();
    for some in pieces(&all) {
        let any = some.iter().fold(Condition::any(), |any, (organization, job, schedule, at)| {
            any.add(
                Of::OrganizationId
                    .eq(*organization)
                    .and(Of::JobKey.eq(job))
                    .and(Of::Schedule.eq(schedule))
                    .and(Of::ScheduledAt.eq(*at)),
            )
        });
        let first = job_results::Entity::find().filter(Of::Schedule.is_not_null()).filter(Of::RetryOf.is_null());
        let first = first.filter(any).select_only();
        let columns = [Of::OrganizationId, Of::JobKey, Of::Schedule, Of::ScheduledAt];
        let rows: Vec<InstantOf> = first.columns(columns).into_tuple().all(db).await.map_err(failed)?;
        there.extend(rows);
    }
    Ok(there)
}
