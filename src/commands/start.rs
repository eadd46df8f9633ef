//! `ropewalk start JOB`: a job of a server.

use clap::Args;
use clap::builder::PossibleValuesParser;
use engine::model::Instant;
use engine::model::argument::Arguments;
use engine::model::overlap::Overlap;
use serde_json::json;

use crate::given::{Given, read_instant};
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
    /// The queue to wait in, instead of the job's
    #[arg(long, value_name = "KEY")]
    queue: Option<String>,
    /// Priority in the queue, instead of the job's: -1000 to 1000; higher comes first
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true,
        value_parser = clap::value_parser!(i32).range(-1000..=1000))]
    priority: Option<i32>,
    /// What `since` means in the job, instead of the start of its last full success
    #[arg(long, value_name = "INSTANT", value_parser = read_instant)]
    since: Option<Instant>,
    /// What to do while an earlier result of the job has not ended, instead of what the job says
    #[arg(long, value_name = "RULE", value_parser = PossibleValuesParser::new(Overlap::ALL.map(Overlap::word)))]
    overlap: Option<String>,
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
        "queue": options.queue,
        "priority": options.priority,
        "since": options.since.map(|since| since.to_rfc3339()),
        "overlap": options.overlap.as_ref().map(|rule| rule.to_uppercase()),
        "idempotencyKey": options.key,
    });
    let field = if options.dry_run { "dryRunJob" } else { "runJob" };
    let query = format!(
        "mutation ($input: RunJobInput!) {{ {field}(input: $input) {{
            jobResult {{ {} }} userErrors {{ path message }} }} }}",
        started::FIELDS
    );
    let payload = options.server.change_by_flags(field, &query, json!({"input": input}), flag_of).await?;
    started::tell(&options.server, &payload["jobResult"], options.follow, options.json).await
}

/// The flag that stands for a path into the input.
fn flag_of(path: &str) -> String {
    match path.split_once('.') {
        Some(("arguments", name)) => format!("--arg {name}"),
        None if path == "idempotencyKey" => "--key".to_owned(),
        None if ["title", "queue", "priority", "since", "overlap"].contains(&path) => format!("--{path}"),
        _ => path.to_owned(),
    }
}
