//! `ropewalk logs RESULT`: prints the log of a job result, and why it failed.

use clap::Args;

use crate::api_client::{log, started};
use crate::stdio::print;
use crate::{Failed, api_client};

/// Which log to print, and how.
#[derive(Args)]
pub struct Options {
    /// The job result: its id or UUID
    result: String,
    /// Print new messages until the job result has ended, then how it ended
    #[arg(short, long)]
    follow: bool,
    /// Print each message as one JSON object on a line; a failed job result is the last line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: api_client::Server,
}

/// Prints the log.
pub async fn logs(options: &Options) -> Result<(), Failed> {
    let result = match options.follow {
        true => log::follow(&options.server, &options.result, options.json).await?,
        false => log::show(&options.server, &options.result, options.json).await?,
    };
    let failed = started::has_failed(&result);
    match options.json {
        true if failed => print(&started::without_lines(result).to_string()),
        false if failed || options.follow => {
            let line = started::failed_line_of(&result).map_or_else(String::new, |line| format!("\n{line}"));
            print(&format!("{}{line}", started::end_of(&result)))
        }
        _ => Ok(()),
    }
}
