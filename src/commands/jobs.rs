//! `ropewalk jobs`: what a server can run.

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::{Value, json};

use crate::display::{plain, say};
use crate::{Failed, remote};

/// What to show.
#[derive(Args)]
pub struct Options {
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: remote::Server,
}

const LIST: &str = "query ($first: Int!, $after: String) { jobs(first: $first, after: $after) {
    nodes { key name version active description savedAt savedBy } pageInfo { hasNextPage endCursor } } }";

/// Lists the jobs.
pub async fn jobs(options: &Options) -> Result<(), Failed> {
    let jobs = options.server.list("jobs", LIST, json!({}), usize::MAX).await?;
    if options.json {
        return say(&Value::Array(jobs).to_string());
    }
    if jobs.is_empty() {
        return say("There is no job yet; the mutation `saveJob` saves one.");
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["job", "version", "name", "saved", "by"]);
    for job in &jobs {
        let text = |name: &str| plain(job[name].as_str().unwrap_or_default());
        let key = if job["active"] == json!(false) { format!("{} (inactive)", text("key")) } else { text("key") };
        table.add_row([key, job["version"].to_string(), text("name"), text("savedAt"), text("savedBy")]);
    }
    say(&table.to_string())
}
