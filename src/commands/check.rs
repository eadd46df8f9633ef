//! `ropewalk check FILE`: every fault of all that a job file holds, without running it.

use std::path::PathBuf;

use clap::Args;
use engine::model::job::Part;

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

/// Checks all jobs and filter templates of a file against the modules at hand.
pub async fn check(options: &Options) -> Result<(), Failed> {
    let file = job_file::read(&options.file)?;
    let local = Local::open(&options.file, None, "UTC", &options.modules).await?;
    let mut faults = local.take_templates(&file).await?;
    let mut checked = Vec::new();
    for part in &file.jobs {
        match local.engine.check_job(&local.access, &part.document).await {
            Ok(job) => checked.push(job),
            Err(error) => faults.extend(job_file::not_saved(part, error)?),
        }
    }
    if !faults.is_empty() {
        return Err(Failed::Refused(job_file::told(&options.file, &faults)));
    }
    for job in &checked {
        let told = format!("job {} with {} lines has no faults", job.key, job.lines.len());
        say(&format!("{}: {told}", options.file.display()))?;
    }
    for key in file.templates.iter().filter_map(Part::key) {
        say(&format!("{}: filter template {key} has no faults", options.file.display()))?;
    }
    Ok(())
}
