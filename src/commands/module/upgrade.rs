//! `ropewalk module upgrade MODULE`: shows which jobs can run with a newer version; with --apply, saves them so.

use clap::Args;
use serde_json::{Value, json};

use crate::display::plain;
use crate::stdio::print;
use crate::{Failed, api_client};

/// What to upgrade.
#[derive(Args)]
pub struct Options {
    /// Key of the module
    module: String,
    /// Version that jobs shall run with; default: the newest
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    /// Save the jobs that can run with that version
    #[arg(long)]
    apply: bool,
    /// Print the answer of the server as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: api_client::Server,
}

const UPGRADE: &str = "mutation ($input: UpgradeModuleInput!) { upgradeModule(input: $input) { module { version }
    jobs { job version from possible savedVersion userErrors { code path message } } userErrors { code path message } } }";

/// Shows what would change, or changes it.
pub async fn upgrade(options: &Options) -> Result<(), Failed> {
    let input = json!({"module": options.module, "version": options.to, "apply": options.apply});
    let payload = options.server.change("upgradeModule", UPGRADE, json!({"input": input})).await?;
    if options.json {
        return print(&payload.to_string());
    }
    let to = format!("{}@{}", options.module, payload["module"]["version"].as_str().unwrap_or_default());
    let jobs = payload["jobs"].as_array().cloned().unwrap_or_default();
    if jobs.is_empty() {
        return print(&format!("All jobs that use {} run with {to} already.", options.module));
    }
    print(&jobs.iter().map(|job| describe(job, &to)).collect::<Vec<_>>().join("\n"))
}

fn describe(job: &Value, to: &str) -> String {
    let text = |name: &str| job[name].as_str().unwrap_or_default();
    let what = format!("{} (version {}), from {}", text("job"), job["version"], text("from"));
    let faults = job["userErrors"].as_array().into_iter().flatten();
    let faults = faults.map(|fault| {
        let part = |name: &str| plain(fault[name].as_str().unwrap_or_default());
        format!("\n  {}: {}", part("path"), part("message"))
    });
    match (job["possible"] == true, job["savedVersion"].as_u64()) {
        (_, Some(version)) => format!("{what}: runs with {to} as version {version}"),
        (true, None) => format!("{what}: can run with {to}; --apply saves it"),
        (false, None) => format!("{what}: cannot run with {to}{}", faults.collect::<String>()),
    }
}
