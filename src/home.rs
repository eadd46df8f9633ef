//! Where the program keeps what it can make again.

use std::path::PathBuf;

use actions::host::{Cache, Compiler, Host, Limits};

use crate::Failed;

/// The folder of compiled modules: `ROPEWALK_CACHE`, else the user's cache folder.
pub fn cache_folder() -> PathBuf {
    let from_environment = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let of_user = || from_environment("XDG_CACHE_HOME").or_else(|| Some(from_environment("HOME")?.join(".cache")));
    from_environment("ROPEWALK_CACHE")
        .or_else(|| Some(of_user()?.join("ropewalk")))
        .unwrap_or_else(|| std::env::temp_dir().join("ropewalk"))
}

/// The host of the bundled modules. Compiles them when this build has not done so before.
pub async fn host() -> Result<Host, Failed> {
    let folder = cache_folder();
    let cache = Cache::at(&folder).map_err(|error| {
        Failed::Broken(format!(
            "compiled modules cannot be kept in {}: {error}\nName another folder in ROPEWALK_CACHE.",
            folder.display()
        ))
    })?;
    let program =
        std::env::current_exe().map_err(|error| Failed::Broken(format!("the program cannot find itself: {error}")))?;
    let host = Host::new(Limits::default(), Compiler::with_program(program), cache, actions::bundled::modules()).await;
    host.map_err(|error| Failed::Broken(error.to_string()))
}
