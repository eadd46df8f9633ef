//! `ropewalk module check [PATH]`: shows what a module asks for and offers, and runs its cases.

use std::path::{Path, PathBuf};

use clap::Args;
use engine::model::catalogue::Offering;

use super::build::Project;
use super::cases;
use crate::Failed;
use crate::display::plain;
use crate::local_engine::{LocalEngine, Modules};
use crate::stdio::print;

/// What to check.
#[derive(Args)]
pub struct Options {
    /// A built module, or the folder of its project
    #[arg(value_name = "PATH", default_value = ".")]
    path: PathBuf,
    /// Folder of the cases; default: `cases` in the project
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    #[command(flatten)]
    modules: Modules,
}

/// Loads the module, describes it and runs its cases.
pub async fn check(options: &Options) -> Result<(), Failed> {
    let (module, folder) = if options.path.is_dir() {
        (built(&options.path)?, Some(options.path.join("cases")).filter(|folder| folder.is_dir()))
    } else {
        (options.path.clone(), None)
    };
    let folder = options.cases.clone().or(folder);
    let local = LocalEngine::open(&module, None, "UTC", &Modules::default()).await?;
    let (key, version) = local.install(&module).await?;
    local.add_modules(&options.modules).await?;
    let catalogue = local.engine.modules().catalogue(local.access.scope()).await;
    let catalogue = catalogue.map_err(|error| Failed::Broken(error.to_string()))?;
    let named = |offering: &&std::sync::Arc<Offering>| offering.installed.info.version.to_string() == version;
    let Some(offering) = catalogue.versions(&key).iter().find(named) else {
        return Err(Failed::Broken(format!("{key}@{version} was installed, but is not in the catalogue")));
    };
    print(&description(offering))?;
    match folder {
        Some(folder) => cases::run_all(&local, &key, &folder).await,
        None => print("No cases were run: there is no folder `cases`."),
    }
}

fn built(folder: &Path) -> Result<PathBuf, Failed> {
    let module = Project::read(folder)?.module();
    match module.exists() {
        true => Ok(module),
        false => Err(Failed::Refused(format!(
            "{}: the module is not built yet; run `ropewalk module build {}`",
            folder.display(),
            folder.display()
        ))),
    }
}

fn description(offering: &Offering) -> String {
    let info = &offering.installed.info;
    let mut text = format!("{}, {} KB", offering.installed, info.size.div_ceil(1000));
    for (label, value) in [("", &info.description), ("by ", &info.authors), ("licence ", &info.licence)] {
        if let Some(value) = value {
            text.push_str(&format!("\n  {label}{}", plain(value)));
        }
    }
    text.push_str(&format!("\n  digest {}", info.digest));
    let asked: Vec<_> = info
        .capabilities
        .iter()
        .filter(|capability| capability.has_effects())
        .map(|capability| capability.word())
        .collect();
    text.push_str(&match asked.is_empty() {
        true => "\nIt needs no grants, and its lines have no side effects.".to_owned(),
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
