//! `ropewalk retry RESULT`: retries a job result that has ended.

use clap::Args;
use serde_json::json;

use crate::api_client::started;
use crate::{Failed, api_client};

/// What to retry, and how.
#[derive(Args)]
pub struct Options {
    /// Id or UUID of the job result
    result: String,
    /// Retry only the rejected records, instead of continuing from the failed line
    #[arg(long)]
    rejected: bool,
    /// Compute dates from the present, instead of from the clock reading of the old result
    #[arg(long)]
    today: bool,
    /// Run the newest version of the job, instead of the version of the old result
    #[arg(long)]
    newest: bool,
    /// Print the log until the job has ended; the exit code says how it ended
    #[arg(long)]
    follow: bool,
    /// Print the new job result, and each message of its log, as one JSON object on a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: api_client::Server,
}

/// Retries it.
pub async fn retry(options: &Options) -> Result<(), Failed> {
    let input = json!({
        "jobResult": options.result,
        "mode": if options.rejected { "REJECTED" } else { "FAILED_LINE" },
        "today": options.today,
        "newestVersion": options.newest,
    });
    let query = format!(
        "mutation ($input: RetryJobResultInput!) {{ retryJobResult(input: $input) {{
            jobResult {{ {} }} userErrors {{ code path message }} }} }}",
        started::FIELDS
    );
    let variables = json!({"input": input});
    let payload = options.server.change_result(&options.result, "retryJobResult", &query, variables).await?;
    started::report(&options.server, &payload["jobResult"], options.follow, options.json).await
}
