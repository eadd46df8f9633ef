//! `ropewalk logs RESULT`: prints the log of a job result.

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
    /// Print each message as one JSON object on a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: api_client::Server,
}

/// Prints the log.
pub async fn logs(options: &Options) -> Result<(), Failed> {
    if !options.follow {
        return log::show(&options.server, &options.result, options.json).await;
    }
    let ended = log::follow(&options.server, &options.result, options.json).await?;
    if options.json { Ok(()) } else { print(&started::end_of(&ended)) }
}
