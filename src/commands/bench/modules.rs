//! Loading modules: compiled for the first time, and from the cache.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use actions::host::{Cache, Compiler, Host, Limits};
use engine::ports::actions::Actions;
use serde_json::{Value, json};

use crate::Failed;

/// A row for each bundled module, and for each component in the folder `ROPEWALK_FOREIGN_MODULES`.
pub async fn rows(folder: &Path) -> Result<Vec<Value>, Failed> {
    let broken = |error: &dyn std::fmt::Display| Failed::Broken(error.to_string());
    let mut components: Vec<Arc<[u8]>> =
        actions::bundled::modules().map(|bundled| Arc::from(&*bundled.component)).into();
    components.extend(foreign());
    let program = std::env::current_exe().map_err(|error| broken(&error))?;
    let cache = Cache::at(folder.join("modules")).map_err(|error| broken(&error))?;
    let host = || Host::new(Limits::default(), Compiler::with_program(&program), cache.clone(), []);
    let (first, second) =
        (host().await.map_err(|error| broken(&error))?, host().await.map_err(|error| broken(&error))?);
    let mut rows = Vec::new();
    for component in components {
        let began = Instant::now();
        let info = first.load(component).await.map_err(|faults| broken(&faults.join("; ")))?;
        let loaded = began.elapsed();
        let began = Instant::now();
        if !second.recall(&info.digest).await {
            return Err(Failed::Broken(format!("{} is not in the cache", info.key)));
        }
        let recalled = began.elapsed();
        rows.push(json!({
            "row": format!("module {}: made ready", info.key),
            "bytes": info.size,
            "first_ms": (loaded.as_secs_f64() * 1e4).round() / 10.0,
            "again_ms": (recalled.as_secs_f64() * 1e4).round() / 10.0,
        }));
    }
    Ok(rows)
}

fn foreign() -> Vec<Arc<[u8]>> {
    let Some(folder) = std::env::var_os("ROPEWALK_FOREIGN_MODULES") else { return Vec::new() };
    let paths = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let modules = paths.filter(|path| path.extension().is_some_and(|ending| ending == "wasm"));
    modules.filter_map(|path| std::fs::read(path).ok()).map(Arc::from).collect()
}
