//! The engine for one job file: nothing is kept, and files are read with the rights of
//! whoever runs the program.

use std::path::Path;
use std::sync::Arc;

use engine::model::Instant;
use engine::ports::clock::{Clock, StandingClock, SystemClock};
use engine::ports::files::Folder;
use engine::ports::memory::MemoryStore;
use engine::runtime::engine::{Engine, Stores};

use crate::{Failed, home};

/// An engine whose relative paths start at the job file's folder. `now` makes its clock
/// stand at that instant.
pub async fn engine(job_file: &Path, now: Option<Instant>) -> Result<Engine, Failed> {
    let clock: Arc<dyn Clock> = match now {
        Some(now) => Arc::new(StandingClock::at(now)),
        None => Arc::new(SystemClock),
    };
    let folder = job_file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let stores = Stores::of(Arc::new(MemoryStore::new()));
    Ok(Engine::new(stores, Arc::new(home::host().await?), Arc::new(Folder::open_from(folder)), clock))
}
