//! Preparing the starts of a due schedule, before the transaction that writes them.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::execution::notifications;
use crate::execution::start::{Cause, Start, accept};
use crate::model::Instant;
use crate::model::organization::{Access, OrganizationId, Role};
use crate::model::refusal::RefusalCode;
use crate::model::result::{ResultId, Scheduled};
use crate::model::status::Status;
use crate::node::service_error::ServiceError;
use crate::node::{Node, new_id};
use crate::ports::StoreError;
use crate::ports::results::{EndedAtStart, NewResult};
use crate::ports::schedules::{Fire, SavedSchedule};

/// Prepares schedules that are due together, and looks up each organization once.
pub(super) struct Preparation {
    node: Arc<Node>,
    watched_since: Instant,
    organizations: Mutex<HashMap<OrganizationId, Option<Access>>>,
}

impl Preparation {
    pub(super) fn new(node: Arc<Node>, watched_since: Instant) -> Self {
        Self { node, watched_since, organizations: Mutex::default() }
    }

    /// What the schedule starts now; none if it is not due, or if its organization no longer exists.
    pub(super) async fn prepare(&self, saved: SavedSchedule) -> Result<Option<Fire>, StoreError> {
        let at = self.node.clock.now();
        let Some(firing) = saved.schedule.fire(saved.id, &saved.position, at, self.watched_since) else {
            return Ok(None);
        };
        let Some(access) = self.access(saved.organization).await? else { return Ok(None) };
        if !access.organization.is_active() {
            // Nothing may happen in the organization, so these instants are not in its history either.
            return Ok(Some(Fire { saved, firing, results: Vec::new(), at }));
        }
        let access = Access { who: format!("schedule {}", saved.schedule.key), ..access };
        let mut results = Vec::with_capacity(firing.starts.len());
        for nominal in &firing.starts {
            results.extend(self.prepare_start(&access, &saved, *nominal).await?);
        }
        if let Some(left_out) = firing.left_out {
            let ended = EndedAtStart { status: Status::Info, message: left_out.message(&saved.schedule) };
            results.extend(report_of_start(&self.node, &access, &saved, left_out.last, ended).await?);
        }
        Ok(Some(Fire { saved, firing, results, at }))
    }

    async fn access(&self, organization: OrganizationId) -> Result<Option<Access>, StoreError> {
        let mut known = self.organizations.lock().await;
        if let Some(access) = known.get(&organization) {
            return Ok(access.clone());
        }
        let found = self.node.stores.organizations.by_id(organization).await?;
        let access = found.map(|organization| Access::of(organization, Role::Operator, String::new()));
        known.insert(organization, access.clone());
        Ok(access)
    }

    /// The result of one start. If the job cannot be started, a result in error and its notifications.
    async fn prepare_start(
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
        let accepted = match self.node.usage.count_start(access).await {
            Ok(()) => accept(&self.node, access, start).await,
            Err(refused) => Err(refused),
        };
        let refused = match accepted {
            Ok(new) => return Ok(vec![new]),
            Err(ServiceError::Store(error)) => return Err(error),
            Err(refused) => refused,
        };
        let reached_quota = refused.code() == Some(RefusalCode::QuotaReached);
        if reached_quota && !self.node.usage.may_report_refusal(saved.id) {
            return Ok(Vec::new());
        }
        let reason = refused.to_string();
        let reason = reason.trim_end_matches('.');
        let message = match reached_quota {
            true => format!(
                "Could not be started, like all starts of this schedule in this minute that are not listed: {reason}."
            ),
            false => format!("Could not be started: {reason}."),
        };
        let ended = EndedAtStart { status: Status::Error, message };
        let mut results = report_of_start(&self.node, access, saved, nominal, ended).await?;
        if reached_quota {
            // There may be many of these, so nobody is notified.
            results.truncate(1);
        }
        Ok(results)
    }
}

/// A result that only reports about an instant of a schedule; if it is an error, with its notifications.
async fn report_of_start(
    node: &Node,
    access: &Access,
    saved: &SavedSchedule,
    nominal: Instant,
    ended: EndedAtStart,
) -> Result<Vec<NewResult>, StoreError> {
    let Some(job) = node.stores.jobs.find(access.scope(), &saved.job, None).await? else { return Ok(Vec::new()) };
    let is_error = ended.status == Status::Error;
    let new = NewResult::new(ResultId(new_id()), (&saved.job, job.version), &access.who, node.clock.now());
    let new = NewResult {
        scheduled: Some(Scheduled { schedule: saved.schedule.key.clone(), at: nominal }),
        ended_at_start: Some(ended),
        arguments: saved.schedule.arguments.clone(),
        now: nominal,
        ..new
    };
    let mut all = vec![new.clone()];
    if let (true, Ok(read)) = (is_error, node.jobs.newest(access.scope(), &job).await?) {
        all.extend(notifications::of_end(node, (&access.organization, &read), &new.accept().0, &[]).await?);
    }
    Ok(all)
}
