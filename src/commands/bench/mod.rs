//! `ropewalk bench`: the rows of docs/performance.md, measured on this machine or on a running server.

mod alone;
mod history;
mod jobs;
mod lines;
mod load;
mod modules;
mod running;
mod schedules;
mod served;
mod timing;

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actions::host::Host;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::{Failed, host_setup};
use served::Served;

/// What to measure.
#[derive(Args)]
pub struct Options {
    /// Measure only this row; may be repeated
    #[arg(long, value_name = "NAME", value_enum)]
    only: Vec<Row>,
    /// Measure this server, in an organization whose quotas allow it, instead of servers that the command starts
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// API token for that server
    #[arg(long, value_name = "TOKEN", env = "ROPEWALK_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Key of the organization to work in, for tokens of server administrators
    #[arg(long, value_name = "KEY", env = "ROPEWALK_ORGANIZATION")]
    organization: Option<String>,
    /// Print each row as one JSON object on a line
    #[arg(long)]
    json: bool,
}

/// The rows, in the order in which they are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Row {
    Lines,
    Modules,
    Memory,
    OneByOne,
    Enqueue,
    Kill,
    Rest,
    Firing,
    Armed,
    InFlight,
    Starts,
    Overload,
    Million,
    Pages,
    Claims,
}

/// Measures, and prints each row as soon as it is measured.
pub async fn bench(options: Options) -> Result<(), Failed> {
    let print_row = |row: &Value| if options.json { crate::stdio::print(&row.to_string()) } else { print_text(row) };
    print_row(&machine())?;
    if let Some(url) = &options.server {
        let served = Served::running(url, options.token.as_deref(), options.organization.as_deref())?;
        return running::rows(&served, &options.only, print_row).await;
    }
    let folder = std::env::temp_dir().join(format!("ropewalk-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| broken(&error))?;
    print_row(&timing::fdatasync(&folder, "fdatasync before")?)?;
    let host = Arc::new(host_setup::host(None).await?);
    let wanted = |row: &Row| options.only.is_empty() || options.only.contains(row);
    let mut measured = Ok(());
    for row in Row::value_variants().iter().filter(|row| wanted(row)) {
        let folder = folder.join(format!("{row:?}"));
        match rows(*row, Arc::clone(&host), &folder).await {
            Ok(rows) => rows.iter().try_for_each(print_row)?,
            Err(failed) => measured = Err(failed),
        }
        // What cannot be removed is in the temporary folder of the system.
        let _ = std::fs::remove_dir_all(folder);
    }
    print_row(&timing::fdatasync(&folder, "fdatasync after")?)?;
    let _ = std::fs::remove_dir_all(folder);
    measured
}

async fn rows(row: Row, host: Arc<Host>, folder: &Path) -> Result<Vec<Value>, Failed> {
    let row = match row {
        Row::Lines => return lines::rows(&host).await,
        Row::Modules => return modules::rows(folder).await,
        Row::Memory => jobs::in_memory(host).await?,
        Row::OneByOne => jobs::one_by_one(host, folder).await?,
        Row::Enqueue => alone::enqueue(host, folder).await?,
        Row::Kill => alone::kill(host, folder).await?,
        Row::Rest => alone::at_rest(folder).await?,
        Row::Firing => schedules::firing(folder).await?,
        Row::Armed => schedules::armed(folder).await?,
        Row::InFlight => load::in_flight(&Served::start(folder, 16, None).await?, load::JOBS).await?,
        Row::Starts => load::accepted_starts(folder).await?,
        Row::Overload => load::overload(folder).await?,
        Row::Million => alone::million(folder).await?,
        Row::Pages => history::pages(folder).await?,
        Row::Claims => history::claims(folder).await?,
    };
    Ok(vec![row])
}

/// Turns any error into a failure, for `map_err`.
fn broken(error: &dyn Display) -> Failed {
    Failed::Broken(error.to_string())
}

fn per_second(count: u64, took: Duration) -> f64 {
    (count as f64 / took.as_secs_f64()).round()
}

/// Prints a row for people: its name, and its values below.
fn print_text(row: &Value) -> Result<(), Failed> {
    let mut text = row["row"].as_str().unwrap_or_default().to_owned();
    for (name, value) in row.as_object().into_iter().flatten() {
        if name != "row" && !value.is_null() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text.push_str(&format!("\n    {:<24} {value}", name.replace('_', " ")));
        }
    }
    crate::stdio::print(&text)
}

fn machine() -> Value {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(": ").nth(1));
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    json!({
        "row": "machine", "processor": model, "cores": cores, "load": load, "ropewalk": env!("CARGO_PKG_VERSION"), "profile": profile,
    })
}
