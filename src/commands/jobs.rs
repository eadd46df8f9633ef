//! `ropewalk jobs`: lists the jobs of a server; activates, deactivates or deletes one.

use clap::{Args, Subcommand};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::{Value, json};

use crate::display::plain;
use crate::stdio::print;
use crate::{Failed, api_client};

/// What to show, or which job to change.
#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    change: Option<Change>,
    /// Print JSON: the list, or what changed
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    server: api_client::Server,
}

#[derive(Subcommand)]
enum Change {
    /// Let a job start by itself
    Activate(JobKey),
    /// Keep a job from starting by itself
    Deactivate(JobKey),
    /// Delete a job; its results stay readable
    Delete(Deletion),
}

#[derive(Args)]
struct JobKey {
    /// Key of the job
    key: String,
    #[command(flatten)]
    server: api_client::Server,
}

#[derive(Args)]
struct Deletion {
    #[command(flatten)]
    job: JobKey,
    /// Kill the results of the job that have not ended; otherwise they prevent the deletion
    #[arg(long)]
    kill_open: bool,
}

const SET_ACTIVE: &str = "mutation ($key: String!, $active: Boolean!) {
    setJobActive(input: {key: $key, active: $active}) { job { key version active } userErrors { code path message } } }";
const DELETE: &str = "mutation ($key: String!, $killOpen: Boolean!) {
    deleteJob(input: {key: $key, killOpen: $killOpen}) { deleted killed userErrors { code path message } } }";

const LIST: &str = "query ($first: Int!, $after: String) { jobs(first: $first, after: $after) {
    nodes { key name version active description savedAt savedBy } pageInfo { hasNextPage endCursor } } }";

/// Lists the jobs, or changes one.
pub async fn jobs(options: &Options) -> Result<(), Failed> {
    match &options.change {
        None => list(options).await,
        Some(Change::Activate(job)) => set_active(job, true, options.json).await,
        Some(Change::Deactivate(job)) => set_active(job, false, options.json).await,
        Some(Change::Delete(deletion)) => delete(deletion, options.json).await,
    }
}

async fn set_active(job: &JobKey, active: bool, as_json: bool) -> Result<(), Failed> {
    let variables = json!({"key": job.key, "active": active});
    let payload = job.server.change("setJobActive", SET_ACTIVE, variables).await?;
    if as_json {
        return print(&payload["job"].to_string());
    }
    let word = if active { "active" } else { "inactive" };
    print(&format!("Job {}: {word} at version {}.", job.key, payload["job"]["version"]))
}

async fn delete(deletion: &Deletion, as_json: bool) -> Result<(), Failed> {
    let key = &deletion.job.key;
    let variables = json!({"key": key, "killOpen": deletion.kill_open});
    let payload = deletion.job.server.change("deleteJob", DELETE, variables).await.map_err(|failed| {
        let mut report = failed.into_report();
        report.message = report.message.replace("`killOpen: true`", "--kill-open");
        report
    })?;
    if as_json {
        return print(&json!({"key": key, "deleted": payload["deleted"], "killed": payload["killed"]}).to_string());
    }
    match payload["killed"].as_u64() {
        None | Some(0) => print(&format!("Job {key}: deleted.")),
        Some(1) => print(&format!("Job {key}: deleted; 1 result was killed.")),
        Some(killed) => print(&format!("Job {key}: deleted; {killed} results were killed.")),
    }
}

async fn list(options: &Options) -> Result<(), Failed> {
    let jobs = options.server.list("jobs", LIST, json!({}), usize::MAX).await?;
    if options.json {
        return print(&Value::Array(jobs).to_string());
    }
    if jobs.is_empty() {
        return print("There are no jobs yet. `ropewalk apply FILE` saves the jobs of a file.");
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["job", "version", "name", "saved", "by"]);
    for job in &jobs {
        let text = |name: &str| plain(job[name].as_str().unwrap_or_default());
        let key = if job["active"] == json!(false) { format!("{} (inactive)", text("key")) } else { text("key") };
        table.add_row([key, job["version"].to_string(), text("name"), text("savedAt"), text("savedBy")]);
    }
    print(&table.to_string())
}
