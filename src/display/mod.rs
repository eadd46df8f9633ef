//! What `run` shows: progress while it works, the lines when it is done, the records.

pub mod output;
pub mod progress;
pub mod report;
