//! `ropewalk check FILE`: every fault of a job file, without running it.

use std::path::PathBuf;

use clap::Args;
use engine::model::job::Job;
use engine::ports::actions::Actions;

use crate::{Failed, home, job_file};

/// What to check.
#[derive(Args)]
pub struct Options {
    /// The job file (YAML or JSON)
    file: PathBuf,
}

/// Checks a job file against the bundled actions.
pub async fn check(options: &Options) -> Result<(), Failed> {
    let document = job_file::read(&options.file)?;
    let host = home::host().await?;
    let job = Job::read(&document, &host.catalogue())
        .map_err(|faults| Failed::Refused(job_file::told(&options.file, &faults)))?;
    println!("{}: job {} with {} lines has no faults", options.file.display(), job.key, job.lines.len());
    Ok(())
}
