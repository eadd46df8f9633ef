//! `ropewalk start JOB`: a job of a server.

use clap::Args;
use engine::model::argument::Arguments;
use serde_json::json;

use crate::given::Given;
use crate::remote::started;
use crate::{Failed, remote};

/// What to start, and with what.
#[derive(Args)]
pub struct Options {
    /// Key of the job
    job: String,
    #[command(flatten)]
    given: Given,
    /// What to call the result
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Name of this start: the same one again gives the first one's result, and starts nothing
    #[arg(long, value_name = "IDEMPOTENCY_KEY")]
    key: Option<String>,
    /// Note what the job would do outside, instead of doing it
    #[arg(long)]
    dry_run: bool,
    /// Print the log as it comes, until the job has ended; the exit code says how
    #[arg(long)]
    follow: bool,
    /// Print the job result as one JSON object, and its log as one object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: remote::Server,
}

const JOB: &str = "query ($key: String!) { job(key: $key) { document } }";

/// Starts it.
pub async fn start(options: &Options) -> Result<(), Failed> {
    let job = options.server.ask(JOB, json!({"key": options.job})).await?["job"].take();
    if job.is_null() {
        let told = format!("{}: there is no such job in this organization; `ropewalk jobs` lists them", options.job);
        return Err(Failed::Refused(told));
    }
    // What is wrong with a job that was saved is said by the start.
    let declared = Arguments::read(job["document"].get("arguments")).unwrap_or_default();
    let input = json!({
        "job": options.job,
        "arguments": options.given.arguments(&declared),
        "records": options.given.records()?,
        "title": options.title,
        "idempotencyKey": options.key,
    });
    let field = if options.dry_run { "dryRunJob" } else { "runJob" };
    let query = format!(
        "mutation ($input: RunJobInput!) {{ {field}(input: $input) {{
            jobResult {{ {} }} userErrors {{ path message }} }} }}",
        started::FIELDS
    );
    let payload = options.server.change(field, &query, json!({"input": input})).await?;
    started::tell(&options.server, &payload["jobResult"], options.follow, options.json).await
}
