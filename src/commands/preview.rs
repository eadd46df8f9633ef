//! `ropewalk preview CRON`: the next instants of a cron expression, without a server.

use clap::Args;
use engine::model::Instant;
use engine::model::dates::stamp;
use engine::model::schedule::Schedule;
use engine::ports::clock::{Clock, SystemClock};
use engine::runtime::schedules::MOST_PREVIEWED;
use serde_json::{Value, json};

use crate::Failed;
use crate::display::say;
use crate::given::read_instant;

/// What to look ahead with.
#[derive(Args)]
pub struct Options {
    /// Five fields as in crontab, six with the second in front, or a name such as @daily
    cron: String,
    /// IANA name of the zone in which its times are meant
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    time_zone: String,
    /// The instants after this one (RFC 3339); after now, if left out
    #[arg(long, value_name = "INSTANT", value_parser = read_instant)]
    from: Option<Instant>,
    /// How many
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=MOST_PREVIEWED as u64))]
    count: u64,
    /// Print an array of instants in UTC
    #[arg(long)]
    json: bool,
}

/// Prints the instants, as the wall clocks of the zone show them and in UTC.
pub fn preview(options: &Options) -> Result<(), Failed> {
    let written = json!({"key": "preview", "cron": options.cron, "timeZone": options.time_zone});
    let schedule = Schedule::from_document(&written).map_err(|faults| {
        let told = |fault: &engine::model::fault::Fault| match fault.path.as_str() {
            "timeZone" => format!("--time-zone: {}", fault.message),
            _ => fault.to_string(),
        };
        Failed::Refused(faults.iter().map(told).collect::<Vec<_>>().join("\n"))
    })?;
    let from = options.from.unwrap_or_else(|| SystemClock.now());
    let instants = schedule.preview(from, usize::try_from(options.count).unwrap_or(MOST_PREVIEWED));
    if options.json {
        return say(&Value::Array(instants.iter().map(|at| json!(stamp(at))).collect()).to_string());
    }
    for at in instants {
        let local = at.with_timezone(&schedule.zone);
        say(&format!("{}  {}  {}", local.format("%a"), stamp(&local), stamp(&at)))?;
    }
    Ok(())
}
