//! What `run` shows: a progress bar while the job runs, then its lines and records.

pub mod output;
pub mod progress;
pub mod report;

pub use engine::model::text::printable as plain;

/// A count with its noun: `1 line`, `2 lines`.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
