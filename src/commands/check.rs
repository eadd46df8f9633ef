//! `ropewalk check FILE`: every fault of a job file, without running it.

use std::path::PathBuf;

use clap::Args;

use crate::display::say;
use crate::{Failed, job_file, local};

/// What to check.
#[derive(Args)]
pub struct Options {
    /// The job file (YAML or JSON)
    file: PathBuf,
}

/// Checks a job file against the bundled actions.
pub async fn check(options: &Options) -> Result<(), Failed> {
    let document = job_file::read(&options.file)?;
    let engine = local::engine(&options.file, None).await?;
    let job = engine.check_job(&document).await;
    let job = job.map_err(|faults| Failed::Refused(job_file::told(&options.file, &faults)))?;
    say(&format!("{}: job {} with {} lines has no faults", options.file.display(), job.key, job.lines.len()))
}
