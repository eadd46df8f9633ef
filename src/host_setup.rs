//! Sets up the host of modules, and finds the folder of its cache.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actions::host::{Cache, Compiler, Host, Limits};

use crate::Failed;

/// How long loading may take before the program says why.
const SLOW: Duration = Duration::from_millis(500);

/// The folder of compiled modules: `ROPEWALK_CACHE`, else the user's cache folder, else the folder
/// `cache` in the data folder of a server.
pub fn cache_folder(data: Option<&Path>) -> Result<PathBuf, Failed> {
    let from_environment = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let of_user = || from_environment("XDG_CACHE_HOME").or_else(|| Some(from_environment("HOME")?.join(".cache")));
    let folder = from_environment("ROPEWALK_CACHE").or_else(|| Some(of_user()?.join("ropewalk")));
    let folder = folder.or_else(|| Some(data?.join("cache")));
    folder.ok_or_else(|| {
        Failed::Broken("There is no home folder for compiled modules. Name a folder in ROPEWALK_CACHE.".to_owned())
    })
}

/// The host with the bundled modules. `data` is the data folder of a server.
pub async fn host(data: Option<&Path>) -> Result<Host, Failed> {
    let folder = cache_folder(data)?;
    let cache = Cache::at(&folder).map_err(|error| {
        Failed::Broken(format!(
            "Compiled modules cannot be kept in {}: {error}\nName another folder in ROPEWALK_CACHE.",
            folder.display()
        ))
    })?;
    let program = std::env::current_exe()
        .map_err(|error| Failed::Broken(format!("the program cannot find its own file: {error}")))?;
    let host = Host::new(Limits::default(), Compiler::with_program(program), cache, actions::bundled::modules());
    host.await.map_err(|error| Failed::Broken(error.to_string()))
}

/// Does work that may have to compile modules, and says so to somebody at a terminal if it takes long.
pub async fn explain_when_slow<T>(work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        () = tokio::time::sleep(SLOW) => {}
    }
    if std::io::stderr().is_terminal() {
        crate::stdio::print_error("Compiling modules, once for this build of the program …");
    }
    work.await
}
