//! The engine of one command: its store is in memory, and it reads files with the rights of the user who runs the
//! program.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use engine::engine::Engine;
use engine::model::Instant;
use engine::model::fault::Fault;
use engine::model::grant::Grants;
use engine::model::job::JobFile;
use engine::model::module::{Owner, is_key};
use engine::model::organization::Access;
use engine::model::refusal::Refusal;
use engine::node::service_error::ServiceError;
use engine::ports::clock::{Clock, StandingClock, SystemClock};
use engine::ports::files::Folder;
use engine::ports::queues::QueueSetting;
use engine::ports::stores::Stores;
use engine::services::organizations::NewOrganization;
use memory::MemoryStore;
use serde_json::{Value, json};

use crate::{Failed, host_setup, job_file};

/// The modules of a command, besides the bundled ones.
#[derive(Args, Default)]
pub struct Modules {
    /// A module to use, built with `ropewalk module build`; may be repeated
    #[arg(long = "module", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A grant to a module, such as js:http=api.example.com; may be repeated
    #[arg(long = "grant", value_name = "MODULE:GRANT", value_parser = read_grant)]
    grants: Vec<(String, String)>,
}

fn read_grant(text: &str) -> Result<(String, String), String> {
    let (module, term) = text.split_once(':').ok_or("write MODULE:GRANT, such as js:http=api.example.com")?;
    Grants::add(&mut json!({}), term)?;
    Ok((module.to_owned(), term.to_owned()))
}

/// An engine, and an operator of its only organization.
pub struct LocalEngine {
    pub engine: Engine,
    pub access: Access,
}

impl LocalEngine {
    /// An engine whose relative paths start at the folder of `file`. With `now`, its clock stands still at that
    /// instant.
    pub async fn open(file: &Path, now: Option<Instant>, time_zone: &str, modules: &Modules) -> Result<Self, Failed> {
        let clock: Arc<dyn Clock> = match now {
            Some(now) => Arc::new(StandingClock::at(now)),
            None => Arc::new(SystemClock),
        };
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let stores = Stores::of(Arc::new(MemoryStore::new()));
        let files = Arc::new(Folder::open_from(folder));
        let engine = Engine::new(stores, Arc::new(host_setup::host(None).await?), files, clock);
        let access = operator(&engine, time_zone).await?;
        let local = Self { engine, access };
        local.add_modules(modules).await?;
        Ok(local)
    }

    /// Installs the modules that a command names, and grants what it says.
    pub async fn add_modules(&self, modules: &Modules) -> Result<(), Failed> {
        for path in &modules.files {
            self.install(path).await?;
        }
        let mut documents: Vec<(&String, Value)> = Vec::new();
        for (module, term) in &modules.grants {
            let known = documents.iter().position(|(other, _)| *other == module);
            let index = known.unwrap_or_else(|| {
                documents.push((module, json!({})));
                documents.len() - 1
            });
            Grants::add(&mut documents[index].1, term).map_err(Failed::Refused)?;
        }
        for (module, document) in documents {
            self.grant(module, &document).await?;
        }
        Ok(())
    }

    /// Installs a component and returns its key and version.
    pub async fn install(&self, path: &Path) -> Result<(String, String), Failed> {
        let content = std::fs::read(path);
        let content =
            content.map_err(|error| Failed::Refused(format!("{}: cannot be read: {error}", path.display())))?;
        let installed =
            self.engine.modules().install_component(&self.access, content.into(), Owner::Organization).await;
        let installed = installed.map_err(|error| refused(&path.display().to_string(), error))?;
        Ok((installed.info.key.clone(), installed.info.version.to_string()))
    }

    /// Sets up the queues that the jobs of a file name. A server has its own, which are not needed here.
    pub async fn add_queues(&self, file: &JobFile) -> Result<(), Failed> {
        // The check of the job reports a name that cannot be a key.
        let keys = file.jobs.iter().filter_map(|part| part.document["queue"].as_str()).filter(|key| is_key(key));
        for key in keys {
            let setting = QueueSetting { key: key.to_owned(), global: false, limit: None };
            let saved = self.engine.queues().save(&self.access, &setting).await;
            saved.map_err(|error| Failed::Broken(error.to_string()))?;
        }
        Ok(())
    }

    /// Saves the filter templates of a file and returns their faults.
    pub async fn add_templates(&self, file: &JobFile) -> Result<Vec<Fault>, Failed> {
        let mut faults = Vec::new();
        for part in &file.templates {
            let document = part.document.clone();
            let saved = self.engine.templates().save(&self.access, document, Owner::Organization, None).await;
            if let Err(error) = saved {
                faults.extend(job_file::refused(part, error)?);
            }
        }
        Ok(faults)
    }

    async fn grant(&self, module: &str, document: &Value) -> Result<(), Failed> {
        let flag = format!("--grant {module}");
        let grants = Grants::read(document).map_err(|faults| refused(&flag, faults.into()))?;
        let granted = self.engine.modules().grant(&self.access, module, &grants).await;
        granted.map_err(|error| refused(&flag, error))
    }
}

/// The faults of something that the command line names, one on each line.
fn refused(name: &str, error: ServiceError) -> Failed {
    match error {
        ServiceError::Refused(refusals) => {
            let line = |refusal: &Refusal| match refusal.path.as_str() {
                // The path of a fault in the module itself says nothing.
                "module" => format!("\n  {}", refusal.message),
                _ => format!("\n  {refusal}"),
            };
            Failed::Refused(format!("{name}:{}", refusals.iter().map(line).collect::<String>()))
        }
        ServiceError::Store(error) => Failed::Broken(error.to_string()),
    }
}

async fn operator(engine: &Engine, time_zone: &str) -> Result<Access, Failed> {
    let new =
        NewOrganization { key: "local".to_owned(), name: "Command line".to_owned(), time_zone: time_zone.to_owned() };
    let organization = engine.organizations().add(new).await;
    let organization = organization.map_err(|_| {
        Failed::Refused(format!("--time-zone: `{time_zone}` is not an IANA name such as Europe/Madrid"))
    })?;
    Ok(Access::of_operator(organization, "the command line"))
}
