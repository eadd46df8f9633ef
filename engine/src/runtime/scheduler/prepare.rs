//! What a schedule that came due starts: made ready before the change that starts it.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::model::Instant;
use crate::model::organization::{Access, OrganizationId, Role};
use crate::model::overlap::Overlap;
use crate::model::result::{ResultId, Scheduled};
use crate::model::status::Status;
use crate::ports::StoreError;
use crate::ports::queues::DEFAULT_QUEUE;
use crate::ports::results::{Born, NewResult};
use crate::ports::schedules::{Fire, SavedSchedule};
use crate::runtime::authenticate::access;
use crate::runtime::engine::Engine;
use crate::runtime::jobs::told;
use crate::runtime::notices::About;
use crate::runtime::start::{Cause, Start, StartError};

/// What is looked up once for all schedules that come due together.
pub(super) struct Prepared {
    engine: Arc<Engine>,
    watched_since: Instant,
    organizations: Mutex<HashMap<OrganizationId, Option<Access>>>,
}

impl Prepared {
    pub(super) fn of(engine: Arc<Engine>, watched_since: Instant) -> Self {
        Self { engine, watched_since, organizations: Mutex::default() }
    }

    /// What the schedule does now; nothing if it is not due, or if its organization is gone.
    pub(super) async fn fire(&self, saved: SavedSchedule) -> Result<Option<Fire>, StoreError> {
        let at = self.engine.clock.now();
        let Some(firing) = saved.schedule.fire(saved.id, &saved.position, at, self.watched_since) else {
            return Ok(None);
        };
        let Some(access) = self.access(saved.organization).await? else { return Ok(None) };
        let access = Access { who: format!("schedule {}", saved.schedule.key), ..access };
        let mut results = Vec::with_capacity(firing.starts.len());
        for nominal in &firing.starts {
            results.extend(self.start(&access, &saved, *nominal).await?);
        }
        if let Some(left_out) = firing.left_out {
            let told = left_out.told(&saved.schedule);
            let born = Born { status: Status::Info, message: told };
            results.extend(self.engine.born(&access, &saved, left_out.last, born).await?);
        }
        Ok(Some(Fire { saved, firing, results, at }))
    }

    async fn access(&self, organization: OrganizationId) -> Result<Option<Access>, StoreError> {
        let mut known = self.organizations.lock().await;
        if let Some(access) = known.get(&organization) {
            return Ok(access.clone());
        }
        let found = self.engine.organizations.by_id(organization).await?;
        let access = found.map(|organization| access(organization, Role::Operator, false, String::new()));
        known.insert(organization, access.clone());
        Ok(access)
    }

    /// The result of one start; in error if the job cannot be started, with those that tell people of it.
    async fn start(
        &self,
        access: &Access,
        saved: &SavedSchedule,
        nominal: Instant,
    ) -> Result<Vec<NewResult>, StoreError> {
        let start = Start {
            job: saved.job.clone(),
            arguments: saved.schedule.arguments.clone(),
            cause: Cause::Schedule(Scheduled { schedule: saved.schedule.key.clone(), at: nominal }),
            ..Start::default()
        };
        let accepted = match self.engine.count_start(access).await? {
            Ok(()) => self.engine.accept(access, start).await,
            Err(reached) => Err(reached.into()),
        };
        let refused = match accepted {
            Ok(new) => return Ok(vec![new]),
            Err(StartError::Quota(reached)) if self.engine.is_worth_telling(saved.id) => {
                let told = format!("Could not be started, nor what is not listed in this minute: {reached}.");
                let born = Born { status: Status::Error, message: told };
                return Ok(self.engine.born(access, saved, nominal, born).await?.into_iter().take(1).collect());
            }
            Err(StartError::Quota(_)) => return Ok(Vec::new()),
            Err(StartError::Store(error)) => return Err(error),
            Err(StartError::Faults(faults)) => format!("{}.", told(&faults)),
            Err(refused) => format!("{refused}."),
        };
        let born = Born { status: Status::Error, message: format!("Could not be started: {refused}") };
        self.engine.born(access, saved, nominal, born).await
    }
}

impl Engine {
    /// A result that only tells of an instant of a schedule, and those that tell people of it if it is an error.
    async fn born(
        &self,
        access: &Access,
        saved: &SavedSchedule,
        nominal: Instant,
        born: Born,
    ) -> Result<Vec<NewResult>, StoreError> {
        let Some(job) = self.jobs.find(access.scope(), &saved.job, None).await? else { return Ok(Vec::new()) };
        let is_error = born.status == Status::Error;
        let created_at = self.clock.now();
        let new = NewResult {
            id: ResultId(Self::new_id()),
            job: saved.job.clone(),
            version: job.version,
            templates: Vec::new(),
            title: None,
            started_by: access.who.clone(),
            dry_run: false,
            queue: DEFAULT_QUEUE.to_owned(),
            priority: 0,
            overlap: Overlap::Allow,
            idempotency: None,
            retry: None,
            notice_of: None,
            scheduled: Some(Scheduled { schedule: saved.schedule.key.clone(), at: nominal }),
            started_from: None,
            depth: 0,
            born: Some(born),
            arguments: saved.schedule.arguments.clone(),
            since: None,
            records: Vec::new(),
            now: nominal,
            created_at,
        };
        let mut all = vec![new.clone()];
        if let (true, Ok(read)) = (is_error, self.read_job(access.scope(), &job).await?) {
            let about = About { organization: &access.organization, job: &read };
            all.extend(self.notices_of(about, &new.accept().0, &[]).await?);
        }
        Ok(all)
    }
}
