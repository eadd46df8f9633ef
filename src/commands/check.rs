//! `ropewalk check FILE`: finds all faults of the jobs and filter templates in a file, without running anything.

use std::path::PathBuf;

use clap::Args;
use engine::model::job::Part;

use crate::display::counted;
use crate::host_setup::explain_when_slow;
use crate::local_engine::{LocalEngine, Modules};
use crate::stdio::print;
use crate::{Failed, job_file};

/// What to check.
#[derive(Args)]
pub struct Options {
    /// The job file (YAML or JSON)
    file: PathBuf,
    #[command(flatten)]
    modules: Modules,
}

/// Checks them against the bundled modules and those that the command names.
pub async fn check(options: &Options) -> Result<(), Failed> {
    let file = job_file::read(&options.file)?;
    let local = LocalEngine::open(&options.file, None, "UTC", &options.modules).await?;
    let mut faults = local.add_templates(&file).await?;
    let mut checked = Vec::new();
    for part in &file.jobs {
        match explain_when_slow(local.engine.jobs().check(&local.access, &part.document)).await {
            Ok(job) => checked.push(job),
            Err(error) => faults.extend(job_file::refused(part, error)?),
        }
    }
    if !faults.is_empty() {
        return Err(Failed::Refused(job_file::list(&options.file, &faults)));
    }
    for job in &checked {
        let lines = counted(job.lines.len(), "line");
        print(&format!("{}: job {} with {lines} has no faults", options.file.display(), job.key))?;
    }
    for key in file.templates.iter().filter_map(Part::key) {
        print(&format!("{}: filter template {key} has no faults", options.file.display()))?;
    }
    Ok(())
}
