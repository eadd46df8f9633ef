//! `ropewalk kill RESULT`: ends a pending or running job result.

use clap::Args;
use serde_json::json;

use crate::display::say;
use crate::remote::started::end_of;
use crate::{Failed, remote};

/// What to kill, and why.
#[derive(Args)]
pub struct Options {
    /// The job result: its id or UUID
    result: String,
    /// Why, for whoever looks at it later
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Print the job result as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: remote::Server,
}

const KILL: &str = "mutation ($id: ID!, $reason: String) { killJobResult(input: {id: $id, reason: $reason}) {
    jobResult { id uuid job status message } userErrors { path message } } }";

/// Kills it.
pub async fn kill(options: &Options) -> Result<(), Failed> {
    let variables = json!({"id": options.result, "reason": options.reason});
    let killed = options.server.change("killJobResult", KILL, variables).await?;
    let killed = &killed["jobResult"];
    if options.json { say(&killed.to_string()) } else { say(&end_of(killed)) }
}
