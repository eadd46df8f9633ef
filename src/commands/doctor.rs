//! `ropewalk doctor`: shows versions, settings and the state of the database.

use std::path::{Path, PathBuf};

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use engine::model::schedule::TIME_ZONE_DATA;
use engine::node::integrity::WHAT_TO_DO;
use serde_json::{Map, Value, json};

use super::serve::DATABASE;
use crate::stdio::print;
use crate::{Failed, host_setup};

/// What to examine.
#[derive(Args)]
pub struct Options {
    /// Folder of the database
    #[arg(long, value_name = "DIR", default_value = "ropewalk-data", env = "ROPEWALK_DATA_DIR")]
    data_dir: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The environment variables that the program reads, besides [`SECRETS`].
const VARIABLES: [&str; 10] = [
    "ROPEWALK_LISTEN",
    "ROPEWALK_DATA_DIR",
    "ROPEWALK_WORKERS",
    "ROPEWALK_KEEP_DAYS",
    "ROPEWALK_KEEP_RESULTS",
    "ROPEWALK_CACHE",
    "ROPEWALK_LOG",
    "ROPEWALK_LOG_FORMAT",
    "ROPEWALK_SERVER",
    "ROPEWALK_ORGANIZATION",
];

/// The environment variables whose values are not shown.
const SECRETS: [&str; 3] = ["ROPEWALK_TOKEN", "ROPEWALK_ADMIN_TOKEN", "ROPEWALK_METRICS_TOKEN"];

/// Prints what it finds and changes nothing.
pub async fn doctor(options: &Options) -> Result<(), Failed> {
    let sqlite = schema::sqlite_version().await.map_err(|error| Failed::Broken(error.to_string()))?;
    let cache = host_setup::cache_folder(Some(&options.data_dir))?;
    let damage = damage_of(&options.data_dir).await;
    let shown = VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), json!(std::env::var(name).ok()?))));
    let hidden = SECRETS.iter().filter(|name| std::env::var_os(name).is_some());
    let set = shown.chain(hidden.map(|name| ((*name).to_owned(), json!("(set)"))));
    let found = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "timeZoneData": TIME_ZONE_DATA,
        "sqlite": sqlite,
        "dataFolder": {"path": options.data_dir, "database": state_of(&options.data_dir), "damage": damage},
        "compiledModules": cache,
        "environment": Value::Object(set.collect::<Map<_, _>>()),
    });
    if options.json {
        print(&found.to_string())?;
        return verdict(&damage);
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    table.add_row(["ropewalk", &text(&found["version"])]);
    table.add_row(["time zone data", &format!("IANA {}", text(&found["timeZoneData"]))]);
    table.add_row(["SQLite", &text(&found["sqlite"])]);
    let folder = &found["dataFolder"];
    table.add_row(["data folder", &format!("{}: {}", text(&folder["path"]), text(&folder["database"]))]);
    if !damage.is_empty() {
        table.add_row(["damage", &damage.join("\n")]);
    }
    table.add_row(["compiled modules", &text(&found["compiledModules"])]);
    for (name, value) in found["environment"].as_object().into_iter().flatten() {
        table.add_row([name.as_str(), &text(value)]);
    }
    print(&table.to_string())?;
    verdict(&damage)
}

/// The damaged places of the database in a data folder.
async fn damage_of(folder: &Path) -> Vec<String> {
    let database = folder.join(DATABASE);
    match database.is_file() {
        true => schema::check_pages(&database)
            .await
            .unwrap_or_else(|reason| vec![format!("it cannot be checked: {reason}")]),
        false => Vec::new(),
    }
}

fn verdict(damage: &[String]) -> Result<(), Failed> {
    match damage.is_empty() {
        true => Ok(()),
        false => Err(Failed::Broken(format!("The database is damaged or cannot be read. {WHAT_TO_DO}"))),
    }
}

/// The state of the database in a data folder, in words.
fn state_of(folder: &Path) -> String {
    let database = folder.join(DATABASE);
    match std::fs::metadata(&database) {
        Ok(found) if schema::is_in_use(&database) => format!("{} bytes, open in a running server", found.len()),
        Ok(found) => format!("{} bytes, not in use", found.len()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "no database yet".to_owned(),
        Err(error) => format!("cannot be read: {error}"),
    }
}
