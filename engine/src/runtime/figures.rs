//! What a node counts, for whoever watches it by numbers.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds of what is told apart, in seconds.
const LATENESS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 60.0, 3600.0];

/// The figures of this node since it started.
#[derive(Debug)]
pub struct Figures {
    registry: Registry,
    /// Starts of schedules.
    pub(crate) schedule_starts: Counter,
    /// Starts of schedules that were missed and not made up for.
    pub(crate) schedule_starts_missed: Counter,
    /// Starts of schedules that could not be made: their job has faults.
    pub(crate) schedule_starts_failed: Counter,
    /// How long after an instant came due its start was durable.
    pub(crate) schedule_lateness: Histogram,
    /// Schedules that are to start something at some time.
    pub(crate) schedules_active: Gauge<u64, AtomicU64>,
    /// Active schedules that stood as if they would never start again, at the last sweep.
    pub(crate) schedules_unarmed: Gauge<u64, AtomicU64>,
    /// How often the clock was found to have jumped.
    pub(crate) clock_jumps: Counter,
    /// Damaged places of the database at the last look at all its pages.
    pub(crate) database_faults: Gauge<u64, AtomicU64>,
    /// When that was, in seconds since 1970.
    pub(crate) database_checked: Gauge<u64, AtomicU64>,
}

impl Default for Figures {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("ropewalk");
        let figures = Self {
            registry: Registry::default(),
            schedule_starts: Counter::default(),
            schedule_starts_missed: Counter::default(),
            schedule_starts_failed: Counter::default(),
            schedule_lateness: Histogram::new(LATENESS),
            schedules_active: Gauge::default(),
            schedules_unarmed: Gauge::default(),
            clock_jumps: Counter::default(),
            database_faults: Gauge::default(),
            database_checked: Gauge::default(),
        };
        registry.register("schedule_starts", "Starts that schedules made", figures.schedule_starts.clone());
        let told = "Starts of schedules that were missed and not made up for; job results tell of each";
        registry.register("schedule_starts_missed", told, figures.schedule_starts_missed.clone());
        let told = "Starts of schedules that could not be made; a job result in error tells of each";
        registry.register("schedule_starts_failed", told, figures.schedule_starts_failed.clone());
        let told = "Seconds from when an instant of a schedule came due until its start was durable";
        registry.register("schedule_lateness_seconds", told, figures.schedule_lateness.clone());
        let told = "Schedules that are to start something at some time, at the last sweep";
        registry.register("schedules_active", told, figures.schedules_active.clone());
        let told = "Active schedules that were found not to be armed at the last sweep; alert when it is above 0";
        registry.register("schedules_unarmed", told, figures.schedules_unarmed.clone());
        registry.register("clock_jumps", "How often the clock of the machine jumped", figures.clock_jumps.clone());
        let told = "Damaged places of the database at the last look at all its pages; alert when it is above 0";
        registry.register("database_faults", told, figures.database_faults.clone());
        let told = "When all pages of the database were last read, in seconds since 1970; 0 if not yet";
        registry.register("database_checked_timestamp_seconds", told, figures.database_checked.clone());
        Self { registry, ..figures }
    }
}

impl Figures {
    /// All of them, in the text format of OpenMetrics.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
