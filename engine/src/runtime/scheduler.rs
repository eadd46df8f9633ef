//! The scheduler: starts jobs at the instants of their schedules.
//!
//! It knows when the next schedule comes due, waits for that, and is told when a schedule changes:
//! an idle database is asked nothing. What came due is started in the order of its instants, each in the
//! very change that moves its schedule on.

mod prepare;
mod sweep;
mod watch;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio_util::sync::CancellationToken;

use self::prepare::Prepared;
use self::watch::Watch;
use super::caught::caught;
use super::engine::Engine;
use super::patience::Pauses;
use crate::model::Instant;
use crate::model::status::Status;
use crate::ports::StoreError;
use crate::ports::results::Started;
use crate::ports::schedules::{Fire, FireAnswer, Place, SavedSchedule};

/// How many schedules are looked at together.
const BATCH: u32 = 256;
/// How many of them are made ready at a time.
const AT_ONCE: usize = 16;
/// How often it looks at the clock while it waits. The store is not asked.
const TICK: Duration = Duration::from_secs(1);
/// How often it looks at the clock while nothing is armed.
const REST: Duration = Duration::from_secs(600);
/// How often a schedule may fail while others do not: then it rests until a sweep, which tells of it.
const FAILURES: u32 = 4;

/// Starts what schedules are due for.
pub struct Scheduler {
    engine: Arc<Engine>,
    watch: Watch,
    failures: HashMap<Place, u32>,
}

impl Scheduler {
    /// One that watches from now on: what came due before was missed.
    pub fn new(engine: Arc<Engine>) -> Self {
        let watch = Watch::begin(engine.clock.as_ref());
        Self { engine, watch, failures: HashMap::new() }
    }

    /// Works until `stop`.
    pub async fn work(mut self, stop: CancellationToken) {
        let sweeper = tokio::spawn(Arc::clone(&self.engine).keep_sweeping(stop.clone()));
        let mut pauses = Pauses::default();
        // When the next schedule comes due, if that is known.
        let mut next: Option<Option<Instant>> = None;
        while !stop.is_cancelled() {
            let jumped = self.look_at_the_clock();
            let waits = next.filter(|next| !jumped && next.is_none_or(|next| next > self.engine.clock.now()));
            let rest = match waits {
                Some(next) => self.rest(next),
                None => match caught("scheduler", self.step_until(&stop)).await {
                    Some(Ok(due)) => {
                        (next, pauses) = (Some(due), Pauses::default());
                        self.rest(due)
                    }
                    failed => {
                        if let Some(Err(error @ StoreError::Unavailable(_))) = failed {
                            self.engine.health.paused(&error);
                        }
                        next = None;
                        pauses.next()
                    }
                },
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.engine.schedules_changed.notified() => next = None,
                () = tokio::time::sleep(rest) => {}
            }
        }
        let _ = sweeper.await;
    }

    /// How long there is nothing to do.
    fn rest(&self, next: Option<Instant>) -> Duration {
        let Some(next) = next else { return REST };
        (next - self.engine.clock.now()).to_std().unwrap_or_default().min(TICK)
    }

    /// Whether the clock has jumped.
    fn look_at_the_clock(&mut self) -> bool {
        let Some(jump) = self.watch.look(self.engine.clock.as_ref()) else { return false };
        self.engine.figures.clock_jumps.inc();
        let by_seconds = jump.num_milliseconds() as f64 / 1000.0;
        if by_seconds > 0.0 {
            tracing::warn!(
                by_seconds,
                "the clock was put forward, or the machine slept; what was due meanwhile counts as missed"
            );
        } else {
            tracing::warn!(
                by_seconds,
                "the clock was put back; schedules start nothing again until it shows a new time"
            );
        }
        true
    }

    /// Starts all that is due; tells when the next comes due.
    ///
    /// # Errors
    /// The store failed. What was started stays so.
    pub async fn step(&mut self) -> Result<Option<Instant>, StoreError> {
        self.step_until(&CancellationToken::new()).await
    }

    async fn step_until(&mut self, stop: &CancellationToken) -> Result<Option<Instant>, StoreError> {
        loop {
            self.look_at_the_clock();
            let due = self.engine.schedules.due(self.engine.clock.now(), BATCH).await?;
            for (place, told) in &due.unreadable {
                tracing::error!(schedule = %place.1.0, %told, "a schedule cannot be read, so that it starts nothing");
                self.engine.schedules.disarm(*place).await?;
            }
            if due.schedules.is_empty() && due.unreadable.is_empty() || stop.is_cancelled() {
                return Ok(due.next);
            }
            self.fire_all(due.schedules).await?;
        }
    }

    async fn fire_all(&mut self, due: Vec<SavedSchedule>) -> Result<(), StoreError> {
        let since = self.watch.since();
        let prepared = Prepared::of(Arc::clone(&self.engine), since);
        let firing = stream::iter(due).map(async |saved| {
            let place = (saved.organization, saved.id);
            (place, prepared.fire(saved).await)
        });
        let fires: Vec<_> = firing.buffered(AT_ONCE).collect().await;
        // All wait for the same sync.
        let firing = fires.into_iter().map(async |(place, fire)| match fire {
            Ok(Some(fire)) => (place, self.engine.fire(fire, since).await),
            Ok(None) => (place, Err(StoreError::Unreadable("it is due, but has nothing to start".to_owned()))),
            Err(error) => (place, Err(error)),
        });
        let fired = futures_util::future::join_all(firing).await;
        self.engine.wake.notify_one();
        let mut failed = Ok(());
        for (place, fired) in fired {
            match fired {
                Ok(()) => {
                    self.failures.remove(&place);
                }
                Err(error) => failed = failed.and(self.bear(place, error).await),
            }
        }
        failed
    }

    /// Notes that a schedule could not be fired. One that fails though the store works is let rest.
    async fn bear(&mut self, place: Place, error: StoreError) -> Result<(), StoreError> {
        let failures = self.failures.entry(place).or_default();
        *failures += 1;
        if *failures < FAILURES || self.engine.queue.beat(self.engine.node, self.engine.clock.now()).await.is_err() {
            return Err(error);
        }
        tracing::error!(schedule = %place.1.0, %error, "a schedule fails again and again; it is tried again after the next sweep");
        self.failures.remove(&place);
        self.engine.schedules.disarm(place).await
    }
}

impl Engine {
    /// Starts what a schedule is due for, and tells whoever watches.
    async fn fire(&self, fire: Fire, watched_since: Instant) -> Result<(), StoreError> {
        let (organization, schedule, id) = (fire.saved.organization, fire.saved.schedule.clone(), fire.saved.id);
        let left_out = fire.firing.left_out.map_or(0, |left_out| left_out.count);
        let FireAnswer::Fired(started) = self.schedules.fire(fire).await? else { return Ok(()) };
        let now = self.clock.now();
        self.figures.schedule_starts_missed.inc_by(left_out);
        for Started { result, replaced } in started {
            if result.scheduled.is_some() && result.status == Status::Error {
                self.figures.schedule_starts_failed.inc();
            }
            if let (Some(scheduled), Status::Pending) = (&result.scheduled, result.status) {
                let due = schedule.due(scheduled.at, id);
                self.figures.schedule_starts.inc();
                // What was missed says nothing of how quick this node is.
                if due > watched_since {
                    self.figures.schedule_lateness.observe((now - due).as_seconds_f64());
                }
            }
            self.tell_of_start(organization, &result, replaced);
        }
        Ok(())
    }
}
