//! `ropewalk logs RESULT`: what the lines of a job result log.

use clap::Args;

use crate::display::say;
use crate::remote::{log, started};
use crate::{Failed, remote};

/// Whose log.
#[derive(Args)]
pub struct Options {
    /// The job result: its id or UUID
    result: String,
    /// Go on until the job result has ended, and tell how it did
    #[arg(short, long)]
    follow: bool,
    /// Print each message as a JSON object on a line of its own
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: remote::Server,
}

/// Prints it.
pub async fn logs(options: &Options) -> Result<(), Failed> {
    if !options.follow {
        return log::print(&options.server, &options.result, options.json).await;
    }
    let ended = log::follow(&options.server, &options.result, options.json).await?;
    if options.json { Ok(()) } else { say(&started::end_of(&ended)) }
}
