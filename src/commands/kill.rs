//! `ropewalk kill RESULT`: ends a pending or running job result.

use clap::Args;
use serde_json::json;

use crate::api_client::started::end_of;
use crate::stdio::print;
use crate::{Failed, api_client};

/// Which job result to kill, and why.
#[derive(Args)]
pub struct Options {
    /// Id or UUID of the job result
    result: String,
    /// The reason, which the job result keeps
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Print the job result as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: api_client::Server,
}

const KILL: &str = "mutation ($id: ID!, $reason: String) { killJobResult(input: {id: $id, reason: $reason}) {
    jobResult { id uuid job status message } userErrors { code path message } } }";

/// Kills it.
pub async fn kill(options: &Options) -> Result<(), Failed> {
    let variables = json!({"id": options.result, "reason": options.reason});
    let killed = options.server.change_result(&options.result, "killJobResult", KILL, variables).await?;
    let killed = &killed["jobResult"];
    if options.json { print(&killed.to_string()) } else { print(&end_of(killed)) }
}
