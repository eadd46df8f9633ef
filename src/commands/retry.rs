//! `ropewalk retry RESULT`: tries a job result again that has ended.

use clap::Args;
use serde_json::json;

use crate::remote::started;
use crate::{Failed, remote};

/// What to try again, and how.
#[derive(Args)]
pub struct Options {
    /// The job result: its id or UUID
    result: String,
    /// Only the records that were rejected, instead of going on from the failed line
    #[arg(long)]
    rejected: bool,
    /// Let dates mean the present, instead of the old result's clock reading
    #[arg(long)]
    today: bool,
    /// Run the newest version of the job, instead of the old result's
    #[arg(long)]
    newest: bool,
    /// Print the log as it comes, until the job has ended; the exit code says how
    #[arg(long)]
    follow: bool,
    /// Print the new job result as one JSON object, and its log as one object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: remote::Server,
}

/// Tries it again.
pub async fn retry(options: &Options) -> Result<(), Failed> {
    let input = json!({
        "jobResult": options.result,
        "mode": if options.rejected { "REJECTED" } else { "FAILED_LINE" },
        "today": options.today,
        "newestVersion": options.newest,
    });
    let query = format!(
        "mutation ($input: RetryJobResultInput!) {{ retryJobResult(input: $input) {{
            jobResult {{ {} }} userErrors {{ path message }} }} }}",
        started::FIELDS
    );
    let payload = options.server.change("retryJobResult", &query, json!({"input": input})).await?;
    started::tell(&options.server, &payload["jobResult"], options.follow, options.json).await
}
