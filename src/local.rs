//! The engine of one command: nothing is kept, and files are read with the rights of
//! whoever runs the program.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use engine::model::Instant;
use engine::model::fault::Fault;
use engine::model::grant::Grants;
use engine::model::job::JobFile;
use engine::model::module::{Owner, is_key};
use engine::model::organization::Access;
use engine::ports::clock::{Clock, StandingClock, SystemClock};
use engine::ports::files::Folder;
use engine::ports::memory::MemoryStore;
use engine::ports::queues::QueueSetting;
use engine::runtime::engine::{Engine, Stores};
use engine::runtime::manage::NewOrganization;
use engine::runtime::modules::ModuleError;
use engine::runtime::templates::TemplateError;
use serde_json::{Value, json};

use crate::{Failed, home};

/// The modules of a command, besides those that come with the program.
#[derive(Args, Default)]
pub struct Modules {
    /// A module to use, as `ropewalk module build` writes it; may be given several times
    #[arg(long = "module", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What a module may do outside, such as js:http=api.example.com; may be given several times
    #[arg(long = "grant", value_name = "MODULE:GRANT", value_parser = read_grant)]
    grants: Vec<(String, String)>,
}

fn read_grant(text: &str) -> Result<(String, String), String> {
    let (module, term) = text.split_once(':').ok_or("write MODULE:GRANT, such as js:http=api.example.com")?;
    Grants::add(&mut json!({}), term)?;
    Ok((module.to_owned(), term.to_owned()))
}

/// An engine, and somebody who may do everything in its only organization.
pub struct Local {
    pub engine: Arc<Engine>,
    pub access: Access,
}

impl Local {
    /// An engine whose relative paths start at the folder of the file it is about. `now` makes
    /// its clock stand at that instant.
    pub async fn open(about: &Path, now: Option<Instant>, time_zone: &str, modules: &Modules) -> Result<Self, Failed> {
        let clock: Arc<dyn Clock> = match now {
            Some(now) => Arc::new(StandingClock::at(now)),
            None => Arc::new(SystemClock),
        };
        let folder = about.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let stores = Stores::of(Arc::new(MemoryStore::new()));
        let files = Arc::new(Folder::open_from(folder));
        let engine = Engine::new(stores, Arc::new(home::host(None).await?), files, clock);
        let access = operator(&engine, time_zone).await?;
        let local = Self { engine: Arc::new(engine), access };
        local.take(modules).await?;
        Ok(local)
    }

    /// Installs and grants what a command names.
    pub async fn take(&self, modules: &Modules) -> Result<(), Failed> {
        for path in &modules.files {
            self.install(path).await?;
        }
        let mut documents: Vec<(&String, Value)> = Vec::new();
        for (module, term) in &modules.grants {
            let known = documents.iter().position(|(other, _)| *other == module);
            let place = known.unwrap_or_else(|| {
                documents.push((module, json!({})));
                documents.len() - 1
            });
            Grants::add(&mut documents[place].1, term).map_err(Failed::Refused)?;
        }
        for (module, document) in documents {
            self.grant(module, &document).await?;
        }
        Ok(())
    }

    /// Installs a component; gives its key and its version.
    pub async fn install(&self, path: &Path) -> Result<(String, String), Failed> {
        let content = std::fs::read(path);
        let content =
            content.map_err(|error| Failed::Refused(format!("{}: cannot be read: {error}", path.display())))?;
        let installed = self.engine.install(&self.access, content.into(), Owner::Organization).await;
        let installed = installed.map_err(|error| refused(&path.display().to_string(), error))?;
        Ok((installed.info.key.clone(), installed.info.version.to_string()))
    }

    /// Sets up the queues that the jobs of a file name: here nobody else fills them.
    pub async fn take_queues(&self, file: &JobFile) -> Result<(), Failed> {
        // What cannot be a key is told as a fault of its job.
        let keys = file.jobs.iter().filter_map(|part| part.document["queue"].as_str()).filter(|key| is_key(key));
        for key in keys {
            let setting = QueueSetting { key: key.to_owned(), global: false, limit: None };
            let saved = self.engine.save_queue(&self.access, &setting).await;
            saved.map_err(|error| Failed::Broken(error.to_string()))?;
        }
        Ok(())
    }

    /// Takes up the filter templates of a file; gives what is wrong with them.
    pub async fn take_templates(&self, file: &JobFile) -> Result<Vec<Fault>, Failed> {
        let mut faults = Vec::new();
        for part in &file.templates {
            let document = part.document.clone();
            match self.engine.save_template(&self.access, document, Owner::Organization, None).await {
                Ok(_) => {}
                Err(TemplateError::Faults(more)) => faults.extend(more.into_iter().map(|fault| part.in_file(fault))),
                Err(other) => return Err(Failed::Broken(other.to_string())),
            }
        }
        Ok(faults)
    }

    async fn grant(&self, module: &str, document: &Value) -> Result<(), Failed> {
        let told = format!("--grant {module}");
        let grants = Grants::read(document).map_err(|faults| refused(&told, ModuleError::Faults(faults)))?;
        let granted = self.engine.grant_module(&self.access, module, &grants).await;
        granted.map_err(|error| refused(&told, error))
    }
}

/// Why a module is not taken, every fault on a line of its own.
fn refused(about: &str, error: ModuleError) -> Failed {
    match error {
        ModuleError::Faults(faults) => {
            let told = |fault: &Fault| if fault.path == "module" { fault.message.clone() } else { fault.to_string() };
            let lines: Vec<_> = faults.iter().map(|fault| format!("\n  {}", told(fault))).collect();
            Failed::Refused(format!("{about}:{}", lines.concat()))
        }
        other => Failed::Refused(format!("{about}: {other}")),
    }
}

async fn operator(engine: &Engine, time_zone: &str) -> Result<Access, Failed> {
    let new =
        NewOrganization { key: "local".to_owned(), name: "Command line".to_owned(), time_zone: time_zone.to_owned() };
    let organization = engine.add_organization(new).await;
    let organization = organization.map_err(|_| {
        Failed::Refused(format!("--time-zone: `{time_zone}` is not an IANA name such as Europe/Madrid"))
    })?;
    Ok(Engine::access_of_operator(organization, "the command line"))
}
