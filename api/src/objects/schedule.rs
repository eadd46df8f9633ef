//! Schedules.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use engine::model::organization::OrgScope;
use engine::ports::schedules::SavedSchedule;
use engine::runtime::engine::Engine;
use engine::runtime::schedules::MOST_PREVIEWED;
use serde_json::Value;

use super::global_id::GlobalId;
use super::moment::Moment;
use super::page::{self, Cursor, Page};
use super::{Result, access, engine, scope};
use crate::mutation::user_error::UserError;
use crate::refusal::Refusal;

/// When a job starts by itself, and how far that has come.
pub(crate) struct Schedule(pub(crate) SavedSchedule);

/// How a schedule stands.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScheduleState {
    /// It will start its job at `nextAt`.
    Armed,
    /// What it started has not ended; it goes on from there.
    AwaitsCompletion,
    /// It, or its job, is inactive.
    Inactive,
    /// It has started its job as often as it should, or all its instants are past.
    Over,
}

/// When a job starts by itself, and how far that has come.
#[Object]
impl Schedule {
    /// Global id.
    pub(crate) async fn id(&self) -> ID {
        let SavedSchedule { organization, job, schedule, .. } = &self.0;
        GlobalId::Schedule(*organization, job.clone(), schedule.key.clone()).encode()
    }

    /// Unique in its job.
    async fn key(&self) -> &str {
        &self.0.schedule.key
    }

    /// Key of the job that it starts.
    async fn job(&self) -> &str {
        &self.0.job
    }

    /// All that it says, in the shape of the job file, with what its job and its organization leave it.
    async fn document(&self) -> Value {
        self.0.schedule.document()
    }

    /// Whether it starts anything: it and its job are active.
    async fn active(&self) -> bool {
        self.0.schedule.active
    }

    /// IANA name of the zone in which its times are meant.
    async fn time_zone(&self) -> &str {
        self.0.schedule.zone.name()
    }

    /// How it stands.
    async fn state(&self) -> ScheduleState {
        let SavedSchedule { schedule, position, .. } = &self.0;
        match (position.next, position.awaits) {
            _ if !schedule.active => ScheduleState::Inactive,
            (Some(_), _) => ScheduleState::Armed,
            (None, Some(_)) => ScheduleState::AwaitsCompletion,
            (None, None) => ScheduleState::Over,
        }
    }

    /// The instant that its next start is meant for; null if there is none at the moment.
    async fn next_at(&self) -> Option<Moment> {
        self.0.position.next.map(Moment)
    }

    /// When that start comes: later than `nextAt` by its share of `jitter`.
    async fn due_at(&self) -> Option<Moment> {
        self.0.due().map(Moment)
    }

    /// The next instants, if every start ended at once. None of an inactive schedule.
    #[graphql(complexity = "page::BULKY + child_complexity")]
    async fn next(&self, #[graphql(desc = "How many: 1 to 1000.", default = 5)] count: i32) -> Result<Vec<Moment>> {
        let SavedSchedule { schedule, position, .. } = &self.0;
        Ok(schedule.following(position, how_many(count)?).into_iter().map(Moment).collect())
    }

    /// How often it has started its job. Starts that were skipped are not counted.
    async fn fired(&self) -> u64 {
        self.0.position.fired
    }

    /// Global id of the job result whose end it waits for.
    async fn awaits(&self) -> Option<ID> {
        self.0.position.awaits.map(|id| GlobalId::JobResult(id).encode())
    }
}

/// What else a page of schedules tells.
pub(crate) struct AllSchedules;

/// What else a page of schedules tells.
#[Object]
impl AllSchedules {
    /// How many schedules the organization has in all. Counted only when it is asked for.
    async fn total_count(&self, context: &Context<'_>) -> Result<u64> {
        Ok(engine(context).schedules.count_schedules(scope(context)).await?)
    }
}

/// One schedule of the caller's organization.
pub(crate) async fn find(context: &Context<'_>, job: &str, key: &str) -> Result<Option<Schedule>> {
    Ok(engine(context).schedules.find_schedule(scope(context), job, key).await?.map(Schedule))
}

/// A page of them, by job and key.
pub(crate) async fn list(
    context: &Context<'_>,
    first: i32,
    after: Option<&str>,
) -> Result<Page<Schedule, AllSchedules>> {
    let (size, after) = (page::size(first)?, page::start(after)?);
    let place = after.as_deref().map(|after| after.split_once('/').ok_or_else(page::unknown_cursor)).transpose()?;
    let listed = engine(context).schedules.list_schedules(scope(context), place, size).await?;
    let edge =
        |saved: SavedSchedule| (Cursor::behind(format!("{}/{}", saved.job, saved.schedule.key)), Schedule(saved));
    Ok(page::of(listed, after.as_ref(), AllSchedules, edge))
}

/// Reads the schedules of many jobs in one go.
pub(crate) struct Schedules {
    engine: Arc<Engine>,
    scope: OrgScope,
}

impl Schedules {
    /// A loader for one request.
    pub(crate) fn loader(engine: Arc<Engine>, scope: OrgScope) -> DataLoader<Self> {
        DataLoader::new(Self { engine, scope }, tokio::spawn)
    }
}

impl Loader<String> for Schedules {
    type Value = Vec<SavedSchedule>;
    type Error = Refusal;

    async fn load(&self, jobs: &[String]) -> Result<HashMap<String, Self::Value>, Refusal> {
        let mut by_job: HashMap<String, Vec<SavedSchedule>> = HashMap::new();
        for saved in self.engine.schedules.schedules_of(self.scope, jobs).await? {
            by_job.entry(saved.job.clone()).or_default().push(saved);
        }
        Ok(by_job)
    }
}

/// What `previewSchedule` is given.
#[derive(InputObject)]
pub(crate) struct PreviewScheduleInput {
    /// The schedule, in the shape of the job file. It needs no key.
    schedule: Value,
    /// The instants after this one; after now, if nothing is given.
    from: Option<Moment>,
    /// How many: 1 to 1000. 5 if nothing is given.
    count: Option<i32>,
}

/// What `previewSchedule` answers.
#[derive(SimpleObject)]
pub(crate) struct SchedulePreview {
    /// The next instants, in UTC, if every start ended at once. Fewer than were asked for if it ends before.
    instants: Vec<Moment>,
    /// The same as the wall clocks of its time zone show them.
    local: Vec<String>,
    /// IANA name of that zone.
    time_zone: Option<String>,
    /// What is wrong with the schedule; empty if it could be saved.
    user_errors: Vec<UserError>,
}

pub(crate) fn preview(context: &Context<'_>, input: &PreviewScheduleInput) -> Result<SchedulePreview> {
    let (count, from) = (how_many(input.count.unwrap_or(5))?, input.from.map(|from| from.0));
    let answer = engine(context).preview_schedule(access(context), &input.schedule, from, count);
    Ok(match answer {
        Ok((schedule, instants)) => SchedulePreview {
            local: instants.iter().map(|at| engine::model::dates::stamp(&at.with_timezone(&schedule.zone))).collect(),
            instants: instants.into_iter().map(Moment).collect(),
            time_zone: Some(schedule.zone.name().to_owned()),
            user_errors: Vec::new(),
        },
        Err(faults) => SchedulePreview {
            instants: Vec::new(),
            local: Vec::new(),
            time_zone: None,
            user_errors: UserError::of_faults(faults),
        },
    })
}

fn how_many(count: i32) -> Result<usize> {
    let count = usize::try_from(count).ok().filter(|count| (1..=MOST_PREVIEWED).contains(count));
    count.ok_or_else(|| Refusal::bad(format!("`count` must be between 1 and {MOST_PREVIEWED}.")))
}
