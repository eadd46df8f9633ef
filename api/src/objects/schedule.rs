//! Schedules.

use std::collections::HashMap;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use engine::engine::Engine;
use engine::model::organization::OrgScope;
use engine::ports::schedules::SavedSchedule;
use engine::services::schedules::MOST_PREVIEWED;
use serde_json::Value;

use super::global_id::GlobalId;
use super::moment::Moment;
use super::page::{self, Cursor, Page};
use crate::error::ApiError;
use crate::resolver::{Result, access, engine, scope};
use crate::user_error::UserError;

/// A schedule that starts a job, with its position.
pub(crate) struct Schedule(pub(crate) SavedSchedule);

/// State of a schedule.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScheduleState {
    /// It will start its job at `nextAt`.
    Armed,
    /// It waits for the end of the result that it started, and continues from there.
    AwaitsCompletion,
    /// It, or its job, is inactive.
    Inactive,
    /// It has reached its number of executions, or all its instants are past.
    Over,
}

/// A schedule that starts a job, with its position.
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

    /// The whole schedule, as in a job file, with the defaults of its job and its organization.
    async fn document(&self) -> Value {
        self.0.schedule.document()
    }

    /// Whether both the schedule and its job are active.
    async fn active(&self) -> bool {
        self.0.schedule.active
    }

    /// IANA name of its time zone.
    async fn time_zone(&self) -> &str {
        self.0.schedule.zone.name()
    }

    /// Its state.
    async fn state(&self) -> ScheduleState {
        let SavedSchedule { schedule, position, .. } = &self.0;
        match (position.next, position.awaits) {
            _ if !schedule.active => ScheduleState::Inactive,
            (Some(_), _) => ScheduleState::Armed,
            (None, Some(_)) => ScheduleState::AwaitsCompletion,
            (None, None) => ScheduleState::Over,
        }
    }

    /// The nominal instant of its next start; null if there is none at the moment.
    async fn next_at(&self) -> Option<Moment> {
        self.0.position.next.map(Moment)
    }

    /// When that start happens: later than `nextAt` by a random part of `jitter`.
    async fn due_at(&self) -> Option<Moment> {
        self.0.due().map(Moment)
    }

    /// The next instants, assuming that each result ends at once. An inactive schedule has none.
    #[graphql(complexity = "page::BULKY + child_complexity")]
    async fn next(&self, #[graphql(desc = "How many: 1 to 1000.", default = 5)] count: i32) -> Result<Vec<Moment>> {
        let SavedSchedule { schedule, position, .. } = &self.0;
        Ok(schedule.following(position, how_many(count)?).into_iter().map(Moment).collect())
    }

    /// How often it has started its job, without skipped starts.
    async fn fired(&self) -> u64 {
        self.0.position.fired
    }

    /// Global id of the job result whose end it waits for, if it waits.
    async fn awaits(&self) -> Option<ID> {
        self.0.position.awaits.map(|id| GlobalId::JobResult(id).encode())
    }
}

/// Additional fields of a page of schedules.
pub(crate) struct AllSchedules;

/// Additional fields of a page of schedules.
#[Object]
impl AllSchedules {
    /// How many schedules the organization has in total. They are counted only when this field is requested.
    async fn total_count(&self, context: &Context<'_>) -> Result<u64> {
        Ok(engine(context).schedules().count(scope(context)).await?)
    }
}

/// One schedule of the caller's organization.
pub(crate) async fn find(context: &Context<'_>, job: &str, key: &str) -> Result<Option<Schedule>> {
    Ok(engine(context).schedules().find(scope(context), job, key).await?.map(Schedule))
}

/// A page of them, by job and key.
pub(crate) async fn list(
    context: &Context<'_>,
    first: i32,
    after: Option<&str>,
) -> Result<Page<Schedule, AllSchedules>> {
    let (size, after) = (page::size(first)?, page::start(after)?);
    let position = after.as_deref().map(|after| after.split_once('/').ok_or_else(page::unknown_cursor)).transpose()?;
    let listed = engine(context).schedules().list(scope(context), position, size).await?;
    let edge =
        |saved: SavedSchedule| (Cursor::behind(format!("{}/{}", saved.job, saved.schedule.key)), Schedule(saved));
    Ok(page::of(listed, after.as_ref(), AllSchedules, edge))
}

/// Reads the schedules of many jobs together.
pub(crate) struct ScheduleLoader {
    engine: Engine,
    scope: OrgScope,
}

impl ScheduleLoader {
    /// A loader for one request.
    pub(crate) fn new(engine: Engine, scope: OrgScope) -> DataLoader<Self> {
        DataLoader::new(Self { engine, scope }, tokio::spawn)
    }
}

impl Loader<String> for ScheduleLoader {
    type Value = Vec<SavedSchedule>;
    type Error = ApiError;

    async fn load(&self, jobs: &[String]) -> Result<HashMap<String, Self::Value>, ApiError> {
        let mut by_job: HashMap<String, Vec<SavedSchedule>> = HashMap::new();
        for saved in self.engine.schedules().of_jobs(self.scope, jobs).await? {
            by_job.entry(saved.job.clone()).or_default().push(saved);
        }
        Ok(by_job)
    }
}

/// Input of `previewSchedule`.
#[derive(InputObject)]
pub(crate) struct PreviewScheduleInput {
    /// The schedule, as in a job file. It needs no key.
    schedule: Value,
    /// Instants after this one are returned; default: now.
    from: Option<Moment>,
    /// How many: 1 to 1000; default: 5.
    count: Option<i32>,
}

/// Answer of `previewSchedule`.
#[derive(SimpleObject)]
pub(crate) struct SchedulePreview {
    /// The next instants in UTC, assuming that each result ends at once. There are fewer than requested if the schedule
    /// ends before.
    instants: Vec<Moment>,
    /// The same instants in the local time of its time zone.
    local: Vec<String>,
    /// IANA name of that zone.
    time_zone: Option<String>,
    /// All faults of the schedule; empty if it could be saved.
    user_errors: Vec<UserError>,
}

pub(crate) fn preview(context: &Context<'_>, input: &PreviewScheduleInput) -> Result<SchedulePreview> {
    let (count, from) = (how_many(input.count.unwrap_or(5))?, input.from.map(|from| from.0));
    let answer = engine(context).schedules().preview(access(context), &input.schedule, from, count);
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
    count.ok_or_else(|| ApiError::bad(format!("`count` must be between 1 and {MOST_PREVIEWED}.")))
}
