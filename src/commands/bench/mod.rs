//! `ropewalk bench`: the rows of docs/performance.md, as JSON lines. Hidden from help.

mod jobs;
mod lines;
mod modules;
mod timing;

use serde_json::{Value, json};

use crate::{Failed, home};

/// Measures, and prints one JSON object for each row as soon as it is known.
pub async fn bench() -> Result<(), Failed> {
    let folder = std::env::temp_dir().join(format!("ropewalk-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| Failed::Broken(error.to_string()))?;
    print(&machine());
    print(&timing::fdatasync(&folder, "fdatasync before")?);
    let host = std::sync::Arc::new(home::host().await?);
    for row in lines::rows(&host).await? {
        print(&row);
    }
    for row in modules::rows(&folder).await? {
        print(&row);
    }
    for row in jobs::rows(host, &folder).await? {
        print(&row);
    }
    print(&timing::fdatasync(&folder, "fdatasync after")?);
    // What is left behind is in the system's temporary folder.
    let _ = std::fs::remove_dir_all(folder);
    Ok(())
}

fn print(row: &Value) {
    println!("{row}");
}

fn machine() -> Value {
    let about = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = about.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(": ").nth(1));
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    json!({"row": "machine", "processor": model, "cores": cores, "ropewalk": env!("CARGO_PKG_VERSION"), "profile": profile})
}
