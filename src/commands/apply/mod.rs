//! `ropewalk apply FILE`: saves the jobs and filter templates of files on a server.

mod save;
mod validation;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::api_client::Server;
use crate::comparison::{self, Change, Compared};
use crate::display::counted;
use crate::failure::{REFUSED, Report};
use crate::stdio::print;
use crate::{Failed, job_folder};

/// What to save, and how.
#[derive(Args)]
pub struct Options {
    /// A job file (YAML or JSON), or a folder with job files
    #[arg(value_name = "FILE|DIR")]
    path: PathBuf,
    /// Check everything and show what would change, but save nothing
    #[arg(long)]
    dry_run: bool,
    /// Delete jobs and filter templates of the organization that the folder does not have
    #[arg(long)]
    prune: bool,
    /// Save without asking
    #[arg(long)]
    yes: bool,
    /// Print what changes as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// Compares, validates everything, asks, and saves.
pub async fn apply(options: &Options) -> Result<(), Failed> {
    if options.prune && !options.path.is_dir() {
        let message = "--prune deletes what the files do not have, so it needs the folder with all of them";
        return Err(Failed::Refused(message.to_owned()));
    }
    let documents = job_folder::read(&options.path, options.prune)?;
    let templates = options.server.template_documents().await?;
    let mut plan = comparison::compare(&options.server, documents, &templates).await?;
    let faults = validation::faults(&options.server, &plan, &templates).await?;
    if !faults.is_empty() {
        return Err(refused(&faults));
    }
    if options.prune {
        let missing = comparison::missing_in_files(&options.server, &plan, &templates).await?;
        plan.extend(missing);
    }
    let changes = plan.iter().any(|document| document.change != Change::Unchanged);
    if !options.json {
        print(&comparison::table(&plan).to_string())?;
    }
    if !changes || options.dry_run {
        return report(options, &plan, &[], if changes { "Dry run: nothing was saved." } else { "Nothing changes." });
    }
    confirm(options)?;
    let saved = save::save(&options.server, &plan).await?;
    report(options, &plan, &saved, &save::sentences(&plan, &saved).join("\n"))
}

fn report(options: &Options, plan: &[Compared], saved: &[u64], text: &str) -> Result<(), Failed> {
    if options.json {
        let changes = save::changes(plan, saved);
        return print(&json!({"dryRun": options.dry_run, "changes": changes}).to_string());
    }
    print(&format!("\n{text}"))
}

/// All faults, with their files.
fn refused(faults: &[(&Compared, Vec<validation::Fault>)]) -> Failed {
    let mut message = String::new();
    let mut errors = Vec::new();
    for (document, faults) in faults {
        let (file, name) = (document.file(), document.name());
        message.push_str(&format!("{file}: the {name} has {}", counted(faults.len(), "fault")));
        for fault in faults {
            message.push_str(&format!("\n  {fault}"));
            errors.push(json!({"file": file, "path": fault.path, "message": fault.message}));
        }
        message.push('\n');
    }
    message.push_str("Nothing was saved.");
    let details = Map::from_iter([("errors".to_owned(), Value::Array(errors))]);
    Report { exit: REFUSED, code: Some("INVALID".to_owned()), message, details }.into()
}

fn confirm(options: &Options) -> Result<(), Failed> {
    if options.yes {
        return Ok(());
    }
    let refused = |message: &str| Err(Failed::Refused(message.to_owned()));
    if options.json || !std::io::stdin().is_terminal() {
        return refused("Nothing was saved: there is nobody to ask. Repeat the command with --yes.");
    }
    let _ = write!(std::io::stderr(), "\nSave these changes? [y/N] ");
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    match read.is_ok() && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
        true => Ok(()),
        false => refused("Nothing was saved."),
    }
}
