//! `ropewalk module check [PATH]`: what a module asks for and offers, and whether its cases hold.

use std::path::{Path, PathBuf};

use clap::Args;
use engine::model::catalogue::Offering;

use super::build::Project;
use super::cases;
use crate::Failed;
use crate::display::{plain, say};
use crate::local::{Local, Modules};

/// What to look at.
#[derive(Args)]
pub struct Options {
    /// A module, or the folder of its project
    #[arg(value_name = "PATH", default_value = ".")]
    path: PathBuf,
    /// The folder of cases; `cases` in the project, if left out
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    #[command(flatten)]
    modules: Modules,
}

/// Looks at it and tries its cases.
pub async fn check(options: &Options) -> Result<(), Failed> {
    let (module, folder) = if options.path.is_dir() {
        (built(&options.path)?, Some(options.path.join("cases")).filter(|folder| folder.is_dir()))
    } else {
        (options.path.clone(), None)
    };
    let folder = options.cases.clone().or(folder);
    let local = Local::open(&module, None, "UTC", &Modules::default()).await?;
    let (key, version) = local.install(&module).await?;
    local.take(&options.modules).await?;
    let catalogue = local.engine.catalogue(local.access.scope()).await;
    let catalogue = catalogue.map_err(|error| Failed::Broken(error.to_string()))?;
    let named = |offering: &&std::sync::Arc<Offering>| offering.installed.info.version.to_string() == version;
    let Some(offering) = catalogue.versions(&key).iter().find(named) else {
        return Err(Failed::Broken(format!("{key}@{version} was installed and is not there")));
    };
    say(&told(offering))?;
    match folder {
        Some(folder) => cases::all(&local, &key, &folder).await,
        None => say("No cases were tried: there is no folder of them."),
    }
}

fn built(folder: &Path) -> Result<PathBuf, Failed> {
    let module = Project::read(folder)?.module();
    match module.exists() {
        true => Ok(module),
        false => Err(Failed::Refused(format!(
            "{}: it is not built yet; run `ropewalk module build {}`",
            folder.display(),
            folder.display()
        ))),
    }
}

/// The module in words.
fn told(offering: &Offering) -> String {
    let info = &offering.installed.info;
    let mut text = format!("{}, {} KB", offering.installed, info.size.div_ceil(1000));
    for (what, said) in [("", &info.description), ("by ", &info.authors), ("licence ", &info.licence)] {
        if let Some(said) = said {
            text.push_str(&format!("\n  {what}{}", plain(said)));
        }
    }
    text.push_str(&format!("\n  digest {}", info.digest));
    let asked: Vec<_> = info.capabilities.iter().filter(|one| one.has_effects()).map(|one| one.word()).collect();
    text.push_str(&match asked.is_empty() {
        true => "\nIt asks for nothing: its lines are pure.".to_owned(),
        false => format!("\nIt asks for {}, which must be granted.", asked.join(", ")),
    });
    text.push_str("\nIt offers");
    for offered in offering.actions.values() {
        let spec = &offered.spec;
        let summary = spec.summary.lines().next().unwrap_or_default();
        text.push_str(&format!("\n  {}  {} (takes {})", spec.full_name(), plain(summary), spec.intake.word()));
    }
    text
}
