//! `ropewalk preview CRON`: shows the next times of a cron expression, without a server.

use clap::Args;
use engine::model::Instant;
use engine::model::dates::stamp;
use engine::model::fault::Fault;
use engine::model::schedule::Schedule;
use engine::ports::clock::{Clock, SystemClock};
use engine::services::schedules::MOST_PREVIEWED;
use serde_json::{Value, json};

use crate::Failed;
use crate::start_args::read_instant;
use crate::stdio::print;

/// Which times to show.
#[derive(Args)]
pub struct Options {
    /// Five fields as in crontab, six fields with the second first, or a name such as @daily
    cron: String,
    /// IANA name of the time zone of the expression
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    time_zone: String,
    /// Show the times after this instant (RFC 3339); default: now
    #[arg(long, value_name = "INSTANT", value_parser = read_instant)]
    from: Option<Instant>,
    /// How many times to show
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=MOST_PREVIEWED as u64))]
    count: u64,
    /// Print the times as a JSON array of instants in UTC
    #[arg(long)]
    json: bool,
}

/// Prints each instant in the local time of the zone and in UTC.
pub fn preview(options: &Options) -> Result<(), Failed> {
    let document = json!({"key": "preview", "cron": options.cron, "timeZone": options.time_zone});
    let schedule = Schedule::from_document(&document).map_err(|faults| {
        let message = |fault: &Fault| match fault.path.as_str() {
            "timeZone" => format!("--time-zone: {}", fault.message),
            _ => fault.to_string(),
        };
        Failed::Refused(faults.iter().map(message).collect::<Vec<_>>().join("\n"))
    })?;
    let from = options.from.unwrap_or_else(|| SystemClock.now());
    let instants = schedule.preview(from, usize::try_from(options.count).unwrap_or(MOST_PREVIEWED));
    if options.json {
        return print(&Value::Array(instants.iter().map(|at| json!(stamp(at))).collect()).to_string());
    }
    for at in instants {
        let local = at.with_timezone(&schedule.zone);
        print(&format!("{}  {}  {}", local.format("%a"), stamp(&local), stamp(&at)))?;
    }
    Ok(())
}
