//! `ropewalk check FILE`: every fault of a job file, without running it.

use std::path::PathBuf;

use clap::Args;

use crate::display::say;
use crate::local::{Local, Modules};
use crate::{Failed, job_file};

/// What to check.
#[derive(Args)]
pub struct Options {
    /// The job file (YAML or JSON)
    file: PathBuf,
    #[command(flatten)]
    modules: Modules,
}

/// Checks a job file against the modules at hand.
pub async fn check(options: &Options) -> Result<(), Failed> {
    let document = job_file::read(&options.file)?;
    let local = Local::open(&options.file, None, "UTC", &options.modules).await?;
    let job = local.engine.check_job(&local.access, &document).await;
    let job = job.map_err(|error| job_file::not_saved(&options.file, error))?;
    say(&format!("{}: job {} with {} lines has no faults", options.file.display(), job.key, job.lines.len()))
}
