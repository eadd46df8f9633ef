//! `ropewalk start JOB`: starts a job of a server.

use clap::Args;
use clap::builder::PossibleValuesParser;
use engine::model::Instant;
use engine::model::argument::Arguments;
use engine::model::overlap::Overlap;
use serde_json::json;

use crate::api_client::started;
use crate::failure::Report;
use crate::start_args::{StartArgs, read_instant};
use crate::{Failed, api_client};

/// What to start, and with what.
#[derive(Args)]
pub struct Options {
    /// Key of the job
    job: String,
    #[command(flatten)]
    start: StartArgs,
    /// Title of the job result
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Key of the queue, instead of the job's
    #[arg(long, value_name = "KEY")]
    queue: Option<String>,
    /// Priority in the queue, instead of the job's: -1000 to 1000; higher ones run first
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true,
        value_parser = clap::value_parser!(i32).range(-1000..=1000))]
    priority: Option<i32>,
    /// Value of `since`, instead of the start of the job's last full success
    #[arg(long, value_name = "INSTANT", value_parser = read_instant)]
    since: Option<Instant>,
    /// What to do if an earlier result of the job has not ended, instead of the job's rule
    #[arg(long, value_name = "RULE", value_parser = PossibleValuesParser::new(Overlap::ALL.map(Overlap::word)))]
    overlap: Option<String>,
    /// Idempotency key: a second start with the same key starts nothing and returns the first result
    #[arg(long, value_name = "IDEMPOTENCY_KEY")]
    key: Option<String>,
    /// Record what the job would do outside, instead of doing it
    #[arg(long)]
    dry_run: bool,
    /// Print the log until the job has ended; the exit code says how it ended
    #[arg(long)]
    follow: bool,
    /// Print the job result, and each message of its log, as one JSON object on a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: api_client::Server,
}

const JOB: &str = "query ($key: String!) { job(key: $key) { document } }";

/// Starts it.
pub async fn start(options: &Options) -> Result<(), Failed> {
    let job = options.server.ask(JOB, json!({"key": options.job})).await?["job"].take();
    if job.is_null() {
        return Err(absent(&options.job));
    }
    // If the arguments of the saved job cannot be read, the start reports it.
    let declared = Arguments::read(job["document"].get("arguments")).unwrap_or_default();
    let input = json!({
        "job": options.job,
        "arguments": options.start.arguments(&declared),
        "records": options.start.records()?,
        "title": options.title,
        "queue": options.queue,
        "priority": options.priority,
        "since": options.since.map(|since| since.to_rfc3339()),
        "overlap": options.overlap.as_ref().map(|rule| rule.to_uppercase()),
        "idempotencyKey": options.key,
    });
    let field = if options.dry_run { "dryRunJob" } else { "runJob" };
    let query = format!(
        "mutation ($input: RunJobInput!) {{ {field}(input: $input) {{
            jobResult {{ {} }} userErrors {{ code path message }} }} }}",
        started::FIELDS
    );
    let payload = options.server.change_by_flags(field, &query, json!({"input": input}), flag_of).await?;
    started::report(&options.server, &payload["jobResult"], options.follow, options.json).await
}

/// The refusal of a key that no job has.
pub fn absent(key: &str) -> Failed {
    let message = format!("{key}: there is no such job in this organization; `ropewalk jobs` lists them");
    Report::of_server(Some("NOT_FOUND"), message).into()
}

/// The flag for a path into the input.
fn flag_of(path: &str) -> String {
    match path.split_once('.') {
        Some(("arguments", name)) => format!("--arg {name}"),
        None if path == "idempotencyKey" => "--key".to_owned(),
        None if ["title", "queue", "priority", "since", "overlap"].contains(&path) => format!("--{path}"),
        _ => path.to_owned(),
    }
}
