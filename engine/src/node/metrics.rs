//! The metrics of a node, in the formats of Prometheus and OpenMetrics.
//!
//! Labels are bounded: statuses and kinds of failures are closed sets, and at most [`MAX_ACTIONS`] actions and
//! [`MAX_QUEUES`] queues are named.

use std::collections::HashSet;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use crate::model::Instant;
use crate::model::result::LineResult;
use crate::model::status::Status;
use crate::ports::actions::FailureKind;
use crate::ports::metrics::StoreMetrics;
use crate::ports::queues::QueueDepth;

/// Upper bounds of the buckets for how late schedules start, in seconds.
const LATENESS_BUCKETS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 60.0, 3600.0];
/// Upper bounds of the buckets for how long lines run, in seconds: the default timeout of a line is 5 minutes.
const LINE_BUCKETS: [f64; 12] = [0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 3600.0];
/// Upper bounds of the buckets for the memory of guests, in bytes.
const MEMORY_BUCKETS: [f64; 9] =
    [1.0 * MIB, 2.0 * MIB, 4.0 * MIB, 8.0 * MIB, 16.0 * MIB, 32.0 * MIB, 64.0 * MIB, 128.0 * MIB, 256.0 * MIB];
const MIB: f64 = 1_048_576.0;
/// How many different actions have a label of their own. All others are counted as [`OTHER`].
const MAX_ACTIONS: usize = 200;
/// How many queues have a label of their own: those with the most ready results.
const MAX_QUEUES: usize = 100;
/// The label of all other actions and queues. No action or queue can have this name.
const OTHER: &str = "(other)";
/// The label of lines that have a filter.
const FILTER: &str = "filter";

type UnsignedGauge = Gauge<u64, AtomicU64>;
type StatusLabel = [(&'static str, &'static str); 1];
type ActionLabel = [(&'static str, String); 1];
type QueueLabel = [(&'static str, String); 1];
type LineLabels = [(&'static str, String); 2];

/// The metrics of this node since it started.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Job results that began to run.
    pub(crate) job_results_started: Counter,
    job_results_finished: Family<StatusLabel, Counter>,
    /// Job results that are running. Set when the metrics are read.
    pub(crate) job_results_running: UnsignedGauge,
    /// How many job results the workers run at the same time at most.
    worker_slots: UnsignedGauge,
    queue_ready: Family<QueueLabel, UnsignedGauge>,
    /// Seconds since the oldest ready result of the queue was started.
    queue_oldest: Family<QueueLabel, Gauge<f64, AtomicU64>>,
    lines_finished: Family<LineLabels, Counter>,
    line_duration: Family<ActionLabel, Histogram, LineHistogram>,
    /// Attempts at lines that failed and are followed by another.
    pub(crate) line_retries: Counter,
    guest_failures: Family<StatusLabel, Counter>,
    guest_memory: Histogram,
    /// Held while the metrics are read, so that two readers do not mix their depths of queues.
    encoding: Mutex<()>,
    /// The actions that have a label of their own.
    actions: Mutex<HashSet<String>>,
    /// Starts of schedules.
    pub(crate) schedule_starts: Counter,
    /// Missed starts of schedules that are not caught up.
    pub(crate) schedule_starts_missed: Counter,
    /// Starts of schedules that failed.
    pub(crate) schedule_starts_failed: Counter,
    /// Seconds from when a start of a schedule was due until it was durable.
    pub(crate) schedule_lateness: Histogram,
    /// Active schedules, at the last sweep.
    pub(crate) schedules_active: UnsignedGauge,
    /// Active schedules that would never have started again, at the last sweep.
    pub(crate) schedules_unarmed: UnsignedGauge,
    /// How often the clock has jumped.
    pub(crate) clock_jumps: Counter,
    /// Damaged places of the database, at its last check.
    pub(crate) database_faults: UnsignedGauge,
    /// When the database was last checked, in seconds since 1970.
    pub(crate) database_checked: UnsignedGauge,
}

/// Makes the histogram of an action.
#[derive(Debug, Clone)]
struct LineHistogram;

impl MetricConstructor<Histogram> for LineHistogram {
    fn new_metric(&self) -> Histogram {
        Histogram::new(LINE_BUCKETS)
    }
}

/// Subtracts the slots of a worker when it is dropped.
pub(crate) struct SlotsGuard<'a> {
    gauge: &'a UnsignedGauge,
    slots: u32,
}

impl Drop for SlotsGuard<'_> {
    fn drop(&mut self) {
        self.gauge.dec_by(self.slots.into());
    }
}

/// Registers metrics as they are made.
struct Registration(Registry);

impl Registration {
    fn add<M: Metric + Clone + Default>(&mut self, name: &str, help: &str) -> M {
        self.add_made(name, help, M::default())
    }

    fn add_made<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        self.0.register(name, help, metric.clone());
        metric
    }
}

impl Metrics {
    /// With the metrics that the store measures itself.
    pub(crate) fn new(store: &StoreMetrics) -> Self {
        let mut registry = Registration(Registry::with_prefix("ropewalk"));
        registry.add_made(
            "store_commit_duration_seconds",
            "How long the commits of the store took",
            store.commit_seconds.clone(),
        );
        registry.add_made("store_commit_changes", "How many changes shared a commit", store.commit_changes.clone());
        Self {
            job_results_started: registry.add("job_results_started", "Job results that began to run on this node"),
            job_results_finished: registry
                .add("job_results_finished", "Job results that were ended by this node, by status"),
            job_results_running: registry.add("job_results_running", "Job results that are running on this node"),
            worker_slots: registry.add(
                "worker_slots",
                "How many job results this node runs at the same time; a quarter more may run for organizations that \
                 have none running",
            ),
            queue_ready: registry.add(
                "queue_ready",
                "Job results that are ready for a worker, by queue, over all organizations and nodes",
            ),
            queue_oldest: registry
                .add("queue_oldest_ready_seconds", "How long ago the oldest ready job result was started, by queue"),
            lines_finished: registry
                .add("lines_finished", "Lines of job results that have ended, by action and status"),
            line_duration: registry.add_made(
                "line_duration_seconds",
                "How long the last attempts at lines took, by action",
                Family::new_with_constructor(LineHistogram),
            ),
            line_retries: registry.add("line_retries", "Attempts at lines that failed and are followed by another"),
            guest_failures: registry
                .add("guest_failures", "Failures of actions, by kind: temporary, final, trap, limit or timeout"),
            guest_memory: registry.add_made(
                "guest_memory_peak_bytes",
                "The most memory that the instance of a module used, for each attempt at a line",
                Histogram::new(MEMORY_BUCKETS),
            ),
            encoding: Mutex::default(),
            actions: Mutex::default(),
            schedule_starts: registry.add("schedule_starts", "Starts that schedules made"),
            schedule_starts_missed: registry.add(
                "schedule_starts_missed",
                "Missed starts of schedules that are not caught up; job results report them",
            ),
            schedule_starts_failed: registry
                .add("schedule_starts_failed", "Starts of schedules that failed; each leaves a job result in error"),
            schedule_lateness: registry.add_made(
                "schedule_lateness_seconds",
                "Seconds from when a start of a schedule was due until it was durable",
                Histogram::new(LATENESS_BUCKETS),
            ),
            schedules_active: registry
                .add("schedules_active", "Active schedules that have starts left, at the last sweep"),
            schedules_unarmed: registry.add(
                "schedules_unarmed",
                "Active schedules that were not armed at the last sweep; alert if this is above 0",
            ),
            clock_jumps: registry.add("clock_jumps", "How often the clock of the machine jumped"),
            database_faults: registry
                .add("database_faults", "Damaged places of the database at its last check; alert if this is above 0"),
            database_checked: registry.add(
                "database_checked_timestamp_seconds",
                "When the whole database was last checked, in seconds since 1970; 0 if it was not checked yet",
            ),
            registry: registry.0,
        }
    }

    /// Counts the slots of a worker until the guard is dropped.
    pub(crate) fn add_slots(&self, slots: u32) -> SlotsGuard<'_> {
        self.worker_slots.inc_by(slots.into());
        SlotsGuard { gauge: &self.worker_slots, slots }
    }

    /// All metrics in the text format of OpenMetrics, with these as the current depths of the queues.
    pub(crate) fn encode(&self, mut depths: Vec<QueueDepth>, now: Instant) -> String {
        depths.sort_by(|one, other| other.ready.cmp(&one.ready).then_with(|| one.queue.cmp(&other.queue)));
        let mut text = String::new();
        let _one_at_a_time = self.encoding.lock().unwrap_or_else(PoisonError::into_inner);
        self.queue_ready.clear();
        self.queue_oldest.clear();
        for (position, depth) in depths.into_iter().enumerate() {
            let label = [("queue", if position < MAX_QUEUES { depth.queue } else { OTHER.to_owned() })];
            self.queue_ready.get_or_create(&label).inc_by(depth.ready);
            let age = (now - depth.oldest).as_seconds_f64().max(0.0);
            let oldest = self.queue_oldest.get_or_create(&label);
            oldest.set(oldest.get().max(age));
        }
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// Counts a job result that has ended.
    pub(crate) fn count_job_result(&self, status: Status) {
        self.job_results_finished.get_or_create(&[("status", status.word())]).inc();
    }

    /// Counts a line that has ended, with its duration if it ran.
    pub(crate) fn count_line(&self, line: &LineResult) {
        let action = self.action_label(line.action.as_deref());
        let status = ("status", line.status.word().to_owned());
        self.lines_finished.get_or_create(&[("action", action.clone()), status]).inc();
        if let (Some(began), Some(ended)) = (line.started_at, line.finished_at) {
            // The clock may have been put back meanwhile.
            let seconds = (ended - began).as_seconds_f64().max(0.0);
            self.line_duration.get_or_create(&[("action", action)]).observe(seconds);
        }
    }

    /// Notes the memory that the instance of a module used, in bytes.
    pub(crate) fn observe_guest_memory(&self, peak: u64) {
        if peak > 0 {
            // A memory is far smaller than what a float can count.
            self.guest_memory.observe(peak as f64);
        }
    }

    /// Counts the failure of an action. A kill is not counted.
    pub(crate) fn count_guest_failure(&self, kind: FailureKind) {
        let kind = match kind {
            FailureKind::Temporary { .. } => "temporary",
            FailureKind::Final => "final",
            FailureKind::Trap => "trap",
            FailureKind::Limit => "limit",
            FailureKind::Timeout => "timeout",
            FailureKind::Cancelled => return,
        };
        self.guest_failures.get_or_create(&[("kind", kind)]).inc();
    }

    fn action_label(&self, action: Option<&str>) -> String {
        let Some(action) = action else { return FILTER.to_owned() };
        let mut known = self.actions.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(action) {
            return action.to_owned();
        }
        if known.len() >= MAX_ACTIONS {
            return OTHER.to_owned();
        }
        known.insert(action.to_owned());
        action.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::model::record::Sample;
    use crate::model::result::{Counters, LineKind};

    fn line(action: Option<&str>, status: Status) -> LineResult {
        let began = Instant::UNIX_EPOCH;
        LineResult {
            line_no: 10,
            name: None,
            kind: if action.is_some() { LineKind::Action } else { LineKind::Filter },
            action: action.map(str::to_owned),
            status,
            message: String::new(),
            started_at: (status != Status::Skipped).then_some(began),
            finished_at: Some(began + TimeDelta::milliseconds(20)),
            attempt: 1,
            retry_at: None,
            counters: Counters::default(),
            parameters: Default::default(),
            sample: Sample::default(),
            rejected: Vec::new(),
            log: Vec::new(),
            effects: Vec::new(),
        }
    }

    #[test]
    fn every_name_has_the_prefix_and_a_standard_suffix() {
        let metrics = Metrics::new(&StoreMetrics::default());
        metrics.count_job_result(Status::Warning);
        metrics.count_line(&line(Some("standard/report"), Status::Success));
        metrics.count_line(&line(None, Status::Skipped));
        metrics.count_guest_failure(FailureKind::Trap);
        metrics.count_guest_failure(FailureKind::Cancelled);
        metrics.observe_guest_memory(1_114_112);
        metrics.observe_guest_memory(0);
        let depth = QueueDepth { queue: "imports".to_owned(), ready: 3, oldest: Instant::UNIX_EPOCH };
        let now = Instant::UNIX_EPOCH + TimeDelta::milliseconds(1500);
        metrics.encode(vec![QueueDepth { queue: "emptied".to_owned(), ..depth.clone() }], now);
        let text = metrics.encode(vec![depth], now);
        for expected in [
            "ropewalk_job_results_started_total 0",
            "ropewalk_job_results_finished_total{status=\"warning\"} 1",
            "ropewalk_job_results_running 0",
            "ropewalk_worker_slots 0",
            "ropewalk_queue_ready{queue=\"imports\"} 3",
            "ropewalk_queue_oldest_ready_seconds{queue=\"imports\"} 1.5",
            "ropewalk_guest_memory_peak_bytes_bucket{le=\"1048576.0\"} 0",
            "ropewalk_guest_memory_peak_bytes_count 1",
            "ropewalk_lines_finished_total{action=\"standard/report\",status=\"success\"} 1",
            "ropewalk_lines_finished_total{action=\"filter\",status=\"skipped\"} 1",
            "ropewalk_line_duration_seconds_bucket{le=\"0.025\",action=\"standard/report\"} 1",
            "ropewalk_line_retries_total 0",
            "ropewalk_guest_failures_total{kind=\"trap\"} 1",
            "ropewalk_store_commit_duration_seconds_count 0",
            "ropewalk_store_commit_changes_count 0",
            "ropewalk_schedule_lateness_seconds_count 0",
        ] {
            assert!(text.lines().any(|line| line == expected), "{expected} is not in:\n{text}");
        }
        let mut names = text.lines().filter(|line| !line.starts_with('#'));
        assert!(names.all(|line| line.starts_with("ropewalk_")), "{text}");
        assert!(!text.contains("killed"), "a kill is no failure of an action");
        assert!(!text.contains("emptied"), "a queue where nothing is ready any more");
        assert!(!text.contains("line_duration_seconds_count{action=\"filter\"}"), "a skipped line has no duration");
    }

    #[test]
    fn actions_beyond_the_limit_share_a_label() {
        let metrics = Metrics::new(&StoreMetrics::default());
        for number in 0..MAX_ACTIONS + 10 {
            metrics.count_line(&line(Some(&format!("module/{number}")), Status::Success));
        }
        metrics.count_line(&line(Some("module/0"), Status::Success));
        let text = metrics.encode(Vec::new(), Instant::UNIX_EPOCH);
        assert!(text.contains("ropewalk_lines_finished_total{action=\"(other)\",status=\"success\"} 10"), "{text}");
        assert!(text.contains("ropewalk_lines_finished_total{action=\"module/0\",status=\"success\"} 2"), "{text}");
        let labels = text.lines().filter(|line| line.starts_with("ropewalk_lines_finished_total{"));
        assert_eq!(labels.count(), MAX_ACTIONS + 1);
    }

    #[test]
    fn queues_beyond_the_limit_share_a_label() {
        let metrics = Metrics::new(&StoreMetrics::default());
        let depth = |number: usize| QueueDepth {
            queue: format!("queue-{number}"),
            ready: 1000 - number as u64,
            oldest: Instant::UNIX_EPOCH - TimeDelta::seconds(number as i64),
        };
        let text = metrics.encode((0..MAX_QUEUES + 2).map(depth).collect(), Instant::UNIX_EPOCH);
        assert!(text.contains("ropewalk_queue_ready{queue=\"queue-0\"} 1000\n"), "{text}");
        assert!(text.contains("ropewalk_queue_ready{queue=\"(other)\"} 1799\n"), "{text}");
        assert!(text.contains("ropewalk_queue_oldest_ready_seconds{queue=\"(other)\"} 101.0\n"), "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with("ropewalk_queue_ready{")).count(), MAX_QUEUES + 1);
    }
}
