//! `ropewalk audit`: prints the audit log of an organization, or of the server.

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use engine::model::Instant;
use serde_json::{Value, json};

use crate::display::plain;
use crate::start_args::read_instant;
use crate::stdio::print;
use crate::{Failed, api_client};

/// Which entries to print.
#[derive(Args)]
pub struct Options {
    /// Print changes that concern all organizations; needs a token of a server administrator
    #[arg(long)]
    of_server: bool,
    /// Print only entries of this mutation, such as `saveJob`
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// Print only entries from this instant on
    #[arg(long, value_name = "INSTANT", value_parser = read_instant)]
    since: Option<Instant>,
    /// Print only entries before this instant
    #[arg(long, value_name = "INSTANT", value_parser = read_instant)]
    until: Option<Instant>,
    /// Print at most this many, newest first; 0 prints all
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: usize,
    /// Print each entry as one JSON object on a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: api_client::Server,
}

const LIST: &str = "query ($first: Int!, $after: String, $server: Boolean!, $filter: AuditLogFilter!) {
    auditLog(first: $first, after: $after, server: $server, filter: $filter) {
        nodes { id at who token operation target outcome reason } pageInfo { hasNextPage endCursor } } }";

/// Prints the entries.
pub async fn audit(options: &Options) -> Result<(), Failed> {
    let instant = |at: Option<Instant>| at.map(|at| at.to_rfc3339());
    let filter = json!({
        "operation": options.operation,
        "since": instant(options.since),
        "until": instant(options.until),
    });
    let variables = json!({"server": options.of_server, "filter": filter});
    let most = if options.limit == 0 { usize::MAX } else { options.limit };
    let entries = options.server.list("auditLog", LIST, variables, most).await?;
    if options.json {
        return entries.iter().try_for_each(|entry| print(&Value::to_string(entry)));
    }
    if entries.is_empty() {
        return print("No entries match.");
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["at", "who", "operation", "target", "outcome", "reason"]);
    for entry in &entries {
        let text = |name: &str| plain(entry[name].as_str().unwrap_or_default());
        let outcome = text("outcome").to_lowercase();
        table.add_row([text("at"), text("who"), text("operation"), text("target"), outcome, text("reason")]);
    }
    print(&table.to_string())
}
