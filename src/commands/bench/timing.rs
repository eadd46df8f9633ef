//! Measures times.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Failed;

/// Times of one row.
#[derive(Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Adds the time since `began`.
    pub fn note(&mut self, began: Instant) {
        self.0.push(began.elapsed());
    }

    /// Adds a time.
    pub fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// The row: microseconds at p50 and p99.
    pub fn row(mut self, name: &str) -> Value {
        self.0.sort();
        let at = |share: f64| {
            let index = ((self.0.len() as f64 * share) as usize).min(self.0.len().saturating_sub(1));
            self.0.get(index).map_or(0.0, |time| (time.as_secs_f64() * 1e7).round() / 10.0)
        };
        json!({"row": name, "times": self.0.len(), "p50_us": at(0.5), "p99_us": at(0.99)})
    }
}

/// How long the disk takes to write 4 KiB durably.
pub fn fdatasync(folder: &Path, name: &str) -> Result<Value, Failed> {
    let broken = |error: std::io::Error| Failed::Broken(format!("the disk cannot be measured: {error}"));
    let mut file = File::create(folder.join("sync")).map_err(broken)?;
    let mut times = Times::default();
    for _ in 0..100 {
        file.write_all(&[0; 4096]).map_err(broken)?;
        let began = Instant::now();
        file.sync_data().map_err(broken)?;
        times.note(began);
    }
    Ok(times.row(name))
}
