//! The scheduler: starts jobs at the instants of their schedules.
//!
//! It waits until the next schedule is due, and is notified when a schedule changes, so that it does not poll the
//! database. Due schedules are fired in the order of their instants: each start is written in the transaction that
//! advances its schedule.

mod clock_watch;
mod prepare;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio_util::sync::CancellationToken;

use super::sweep;
use crate::execution::start::publish_start;
use crate::model::Instant;
use crate::model::status::Status;
use crate::node::Node;
use crate::node::backoff::Backoff;
use crate::node::panics::catch_panic;
use crate::ports::StoreError;
use crate::ports::results::Started;
use crate::ports::schedules::{Fire, FireAnswer, SavedSchedule, ScheduleRef};
use clock_watch::ClockWatch;
use prepare::Preparation;

/// How many due schedules are read together.
const BATCH: u32 = 256;
/// How many of them are prepared at the same time.
const CONCURRENT_PREPARATIONS: usize = 16;
/// How often it checks the clock while it waits. The store is not read for this.
const TICK: Duration = Duration::from_secs(1);
/// How often it checks the clock while no schedule is armed.
const IDLE_TICK: Duration = Duration::from_secs(600);
/// After how many failures in a row a schedule is disarmed until the next sweep, if the store works for others.
const MAX_FAILURES: u32 = 4;

/// Fires schedules when they are due.
pub struct Scheduler {
    node: Arc<Node>,
    watch: ClockWatch,
    failures: HashMap<ScheduleRef, u32>,
}

impl Scheduler {
    pub(crate) fn new(node: Arc<Node>) -> Self {
        let watch = ClockWatch::begin(node.clock.as_ref());
        Self { node, watch, failures: HashMap::new() }
    }

    /// Works until `stop`.
    pub async fn work(mut self, stop: CancellationToken) {
        let sweeper = tokio::spawn(sweep::work(Arc::clone(&self.node), stop.clone()));
        let mut backoff = Backoff::default();
        // When the next schedule is due, if that is known.
        let mut next: Option<Option<Instant>> = None;
        while !stop.is_cancelled() {
            let jumped = self.check_clock();
            let may_wait = next.filter(|next| !jumped && next.is_none_or(|next| next > self.node.clock.now()));
            let pause = match may_wait {
                Some(next) => self.pause_until(next),
                None => match catch_panic("scheduler", self.step_until(&stop)).await {
                    Some(Ok(due)) => {
                        (next, backoff) = (Some(due), Backoff::default());
                        self.pause_until(due)
                    }
                    failed => {
                        if let Some(Err(error @ StoreError::Unavailable(_))) = failed {
                            self.node.health.paused(&error);
                        }
                        next = None;
                        backoff.next()
                    }
                },
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.node.schedules.changed.notified() => next = None,
                () = tokio::time::sleep(pause) => {}
            }
        }
        let _ = sweeper.await;
    }

    /// How long to wait, if this is when the next schedule is due.
    fn pause_until(&self, next: Option<Instant>) -> Duration {
        let Some(next) = next else { return IDLE_TICK };
        (next - self.node.clock.now()).to_std().unwrap_or_default().min(TICK)
    }

    /// Returns whether the clock has jumped.
    fn check_clock(&mut self) -> bool {
        let Some(jump) = self.watch.check(self.node.clock.as_ref()) else { return false };
        self.node.metrics.clock_jumps.inc();
        let seconds = jump.num_milliseconds() as f64 / 1000.0;
        if seconds > 0.0 {
            tracing::warn!(
                seconds,
                "the clock was set forward, or the machine slept; starts that were due meanwhile count as missed"
            );
        } else {
            tracing::warn!(
                seconds,
                "the clock was set back; schedules start nothing until the clock has passed its earlier time"
            );
        }
        true
    }

    /// Fires all due schedules, and returns when the next one is due.
    ///
    /// # Errors
    /// The store failed. Starts that were written before are kept.
    pub async fn step(&mut self) -> Result<Option<Instant>, StoreError> {
        self.step_until(&CancellationToken::new()).await
    }

    async fn step_until(&mut self, stop: &CancellationToken) -> Result<Option<Instant>, StoreError> {
        loop {
            self.check_clock();
            let due = self.node.stores.due_schedules.due(self.node.clock.now(), BATCH).await?;
            for (schedule, fault) in &due.unreadable {
                tracing::error!(schedule = %schedule.1.0, %fault, "a schedule cannot be read, so it starts nothing; save its job again");
                self.node.stores.due_schedules.disarm(*schedule).await?;
            }
            if due.schedules.is_empty() && due.unreadable.is_empty() || stop.is_cancelled() {
                return Ok(due.next);
            }
            self.fire_all(due.schedules).await?;
        }
    }

    async fn fire_all(&mut self, due: Vec<SavedSchedule>) -> Result<(), StoreError> {
        let since = self.watch.since();
        let preparation = Preparation::new(Arc::clone(&self.node), since);
        let firing = stream::iter(due).map(async |saved| {
            let schedule = (saved.organization, saved.id);
            (schedule, preparation.prepare(saved).await)
        });
        let fires: Vec<_> = firing.buffered(CONCURRENT_PREPARATIONS).collect().await;
        // Fired together, so that they share a commit.
        let firing = fires.into_iter().map(async |(schedule, fire)| match fire {
            Ok(Some(fire)) => (schedule, fire_one(&self.node, fire, since).await),
            Ok(None) => {
                (schedule, Err(StoreError::Unreadable("the schedule is due, but has nothing to start".to_owned())))
            }
            Err(error) => (schedule, Err(error)),
        });
        let fired = futures_util::future::join_all(firing).await;
        self.node.wake.notify_one();
        let mut failed = Ok(());
        for (schedule, fired) in fired {
            match fired {
                Ok(()) => {
                    self.failures.remove(&schedule);
                }
                Err(error) => failed = failed.and(self.count_failure(schedule, error).await),
            }
        }
        failed
    }

    /// Counts a failure of a schedule. One that keeps failing while the store works is disarmed until the next sweep.
    async fn count_failure(&mut self, schedule: ScheduleRef, error: StoreError) -> Result<(), StoreError> {
        let failures = self.failures.entry(schedule).or_default();
        *failures += 1;
        if *failures < MAX_FAILURES || self.node.stores.queue.beat(self.node.id, self.node.clock.now()).await.is_err() {
            let failures = *failures;
            tracing::warn!(schedule = %schedule.1.0, %error, failures, "a schedule could not be fired; this is retried");
            return Err(error);
        }
        tracing::error!(schedule = %schedule.1.0, %error, "a schedule keeps failing; it is disarmed until the next sweep");
        self.failures.remove(&schedule);
        self.node.stores.due_schedules.disarm(schedule).await
    }
}

/// Writes the starts of a due schedule, and publishes them.
async fn fire_one(node: &Arc<Node>, fire: Fire, watched_since: Instant) -> Result<(), StoreError> {
    let (organization, schedule, id) = (fire.saved.organization, fire.saved.schedule.clone(), fire.saved.id);
    let left_out = fire.firing.left_out.map_or(0, |left_out| left_out.count);
    let FireAnswer::Fired(started) = node.stores.due_schedules.fire(fire).await? else { return Ok(()) };
    let now = node.clock.now();
    node.metrics.schedule_starts_missed.inc_by(left_out);
    for Started { result, replaced } in started {
        if result.status.is_final() {
            node.metrics.count_job_result(result.status);
        }
        if result.scheduled.is_some() && result.status == Status::Error {
            node.metrics.schedule_starts_failed.inc();
        }
        if let (Some(scheduled), Status::Pending) = (&result.scheduled, result.status) {
            let due = schedule.due(scheduled.at, id);
            node.metrics.schedule_starts.inc();
            // Missed starts do not show how quick this node is.
            if due > watched_since {
                node.metrics.schedule_lateness.observe((now - due).as_seconds_f64());
            }
        }
        publish_start(node, organization, &result, replaced);
    }
    Ok(())
}
