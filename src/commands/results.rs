//! `ropewalk results [JOB]`: lists the job results of a server.

use clap::Args;
use clap::builder::PossibleValuesParser;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use engine::model::status::Status;
use serde_json::{Value, json};

use crate::display::plain;
use crate::stdio::print;
use crate::{Failed, api_client};

/// Which job results to list.
#[derive(Args)]
pub struct Options {
    /// Key of a job: list only its results
    job: Option<String>,
    /// List only results with this status
    #[arg(long, value_parser = PossibleValuesParser::new(Status::ALL.map(Status::word)))]
    status: Option<String>,
    /// List at most this many, newest first
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    limit: u16,
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: api_client::Server,
}

const LIST: &str = "query ($first: Int!, $after: String, $job: String, $status: Status) {
    jobResults(first: $first, after: $after, job: $job, status: $status) {
        nodes { id uuid job version title status message startedBy dryRun queue priority createdAt startedAt finishedAt
            recordsIn recordsOut recordsRejected failedLine retryOf waitsFor { reason message until jobResult } }
        pageInfo { hasNextPage endCursor } } }";

/// Lists the results.
pub async fn results(options: &Options) -> Result<(), Failed> {
    let status = options.status.as_ref().map(|word| word.to_uppercase());
    let variables = json!({"job": options.job, "status": status});
    let results = options.server.list("jobResults", LIST, variables, options.limit.into()).await?;
    if options.json {
        return print(&Value::Array(results).to_string());
    }
    if results.is_empty() {
        return print("No job results match.");
    }
    let mut table = Table::new();
    let header = ["job result", "job", "accepted", "status", "in", "out", "rejected", "message"];
    table.load_style(NOTHING).set_header(header);
    for result in &results {
        table.add_row(row(result));
    }
    for column in [4, 5, 6] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    print(&table.to_string())
}

fn row(result: &Value) -> [String; 8] {
    let text = |name: &str| plain(result[name].as_str().unwrap_or_default());
    let mut status = text("status").to_lowercase();
    if result["dryRun"] == json!(true) {
        status.push_str(" (dry run)");
    }
    // A result that waits has no message yet, but a reason.
    let message = result["waitsFor"]["message"].as_str().map_or_else(|| text("message"), plain);
    let count = |name: &str| result[name].to_string();
    [
        text("uuid"),
        text("job"),
        text("createdAt"),
        status,
        count("recordsIn"),
        count("recordsOut"),
        count("recordsRejected"),
        message,
    ]
}
