//! Fires schedules: starts the results that are due, many in one transaction.

use std::collections::{HashMap, HashSet};

use engine::model::result::Scheduled;
use engine::ports::StoreError;
use engine::ports::results::Started;
use engine::ports::schedules::{Fire, FireAnswer, SavedSchedule};
use sea_orm::prelude::*;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{Condition, QuerySelect};

use crate::batch::{by_organization, pieces};
use crate::columns::micros;
use crate::entities::job_results::{self, Column as Of};
use crate::entities::schedules::{Column, Entity};
use crate::results::start::start_all;
use crate::schedules::write;
use crate::transaction::Transaction;
use crate::writer::Command;
use crate::{failed, unavailable};

pub(super) struct FireOne(pub Fire);

impl Command for FireOne {
    type Answer = FireAnswer;
    const DURABLE: bool = true;

    async fn apply(commands: &[&Self], db: &Transaction) -> Result<Vec<FireAnswer>, StoreError> {
        let fires: Vec<&Fire> = commands.iter().map(|command| &command.0).collect();
        let mut newest = revisions(db, &fires).await?;
        let existing = started_before(db, &fires).await?;
        let (mut starts, mut counts) = (Vec::new(), Vec::with_capacity(fires.len()));
        for fire in &fires {
            let SavedSchedule { organization, id, revision, .. } = fire.saved;
            // It is removed, so that only the first of two fires with the same revision counts.
            let current = newest.remove(&(organization.0, id.0)) == Some(revision);
            let before = starts.len();
            if current {
                let missing = fire.missing(|scheduled| existing.contains(&instant(fire, scheduled)));
                starts.extend(missing.into_iter().map(|result| (organization, result)));
            }
            counts.push(current.then(|| starts.len() - before));
        }
        let started = start_all(db, &starts).await?.into_iter().collect::<Result<Vec<_>, _>>().map_err(unavailable)?;
        // The results that another start of this transaction has replaced.
        let ended = started.iter().flat_map(|one| one.replaced.iter().copied()).collect();
        let mut started = started.into_iter();
        let (mut answers, mut moved) = (Vec::with_capacity(fires.len()), Vec::new());
        for (fire, count) in fires.into_iter().zip(counts) {
            let Some(count) = count else {
                answers.push(FireAnswer::Outdated);
                continue;
            };
            let started: Vec<Started> = started.by_ref().take(count).collect();
            let saved = fire.saved.clone();
            moved.push(SavedSchedule { position: fire.moved(&started, &ended), revision: saved.revision + 1, ..saved });
            answers.push(FireAnswer::Fired(started));
        }
        write(db, &moved).await?;
        Ok(answers)
    }
}

/// The newest revisions of these schedules.
async fn revisions(db: &Transaction, fires: &[&Fire]) -> Result<HashMap<(Uuid, Uuid), u64>, StoreError> {
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

/// An instant of a schedule: organization, job, schedule, time.
type InstantOf = (Uuid, String, String, i64);

fn instant(fire: &Fire, scheduled: &Scheduled) -> InstantOf {
    let SavedSchedule { organization, job, .. } = &fire.saved;
    (organization.0, job.clone(), scheduled.schedule.clone(), micros(scheduled.at))
}

/// The instants for which a result exists already.
async fn started_before(db: &Transaction, fires: &[&Fire]) -> Result<HashSet<InstantOf>, StoreError> {
    let of = |fire: &Fire| {
        let scheduled = fire.results.iter().filter_map(|result| result.scheduled.as_ref());
        scheduled.map(|scheduled| instant(fire, scheduled)).collect::<Vec<_>>()
    };
    let all: Vec<InstantOf> = fires.iter().flat_map(|fire| of(fire)).collect();
    let mut started = HashSet::new();
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
        started.extend(rows);
    }
    Ok(started)
}
