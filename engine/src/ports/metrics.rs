//! What a store measures about itself. The engine publishes it with its own metrics.

use prometheus_client::metrics::histogram::Histogram;

/// Upper bounds of the buckets for the duration of commits, in seconds: from a fast disk to one that is overloaded.
const SECONDS_BUCKETS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// Upper bounds of the buckets for the changes that share a commit.
const CHANGES_BUCKETS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// Histograms that a store fills. Clones share their values.
#[derive(Debug, Clone)]
pub struct StoreMetrics {
    /// How long each commit took, in seconds, the sync of the disk included.
    pub commit_seconds: Histogram,
    /// How many changes each commit wrote.
    pub commit_changes: Histogram,
}

impl Default for StoreMetrics {
    fn default() -> Self {
        Self { commit_seconds: Histogram::new(SECONDS_BUCKETS), commit_changes: Histogram::new(CHANGES_BUCKETS) }
    }
}
