//! `ropewalk module upgrade MODULE`: which jobs a newer version changes; with --apply, changes them.

use clap::Args;
use serde_json::{Value, json};

use crate::display::{plain, say};
use crate::{Failed, remote};

/// What to upgrade.
#[derive(Args)]
pub struct Options {
    /// Key of the module
    module: String,
    /// The version that jobs are to run with; the newest, if left out
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    /// Save the jobs that can run with it
    #[arg(long)]
    apply: bool,
    /// Print what the server answers as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: remote::Server,
}

const UPGRADE: &str = "mutation ($input: UpgradeModuleInput!) { upgradeModule(input: $input) { module { version }
    jobs { job version from possible savedVersion userErrors { path message } } userErrors { path message } } }";

/// Tells what would change, or changes it.
pub async fn upgrade(options: &Options) -> Result<(), Failed> {
    let input = json!({"module": options.module, "version": options.to, "apply": options.apply});
    let told = options.server.change("upgradeModule", UPGRADE, json!({"input": input})).await?;
    if options.json {
        return say(&told.to_string());
    }
    let to = format!("{}@{}", options.module, told["module"]["version"].as_str().unwrap_or_default());
    let jobs = told["jobs"].as_array().cloned().unwrap_or_default();
    if jobs.is_empty() {
        return say(&format!("No job runs with another version than {to}."));
    }
    say(&jobs.iter().map(|job| line(job, &to)).collect::<Vec<_>>().join("\n"))
}

fn line(job: &Value, to: &str) -> String {
    let text = |name: &str| job[name].as_str().unwrap_or_default();
    let what = format!("{} (version {}), from {}", text("job"), job["version"], text("from"));
    let faults = job["userErrors"].as_array().into_iter().flatten();
    let faults = faults.map(|fault| {
        let part = |name: &str| plain(fault[name].as_str().unwrap_or_default());
        format!("\n  {}: {}", part("path"), part("message"))
    });
    match (job["possible"] == true, job["savedVersion"].as_u64()) {
        (_, Some(version)) => format!("{what}: runs with {to} as version {version}"),
        (true, None) => format!("{what}: can run with {to}; --apply saves it so"),
        (false, None) => format!("{what}: cannot run with {to}{}", faults.collect::<String>()),
    }
}
