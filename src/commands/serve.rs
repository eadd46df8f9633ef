//! `ropewalk serve`.
use crate::Failed;
/// x
#[derive(clap::Args)]
pub struct Options {}
/// x
pub async fn serve(_: Options) -> Result<(), Failed> { Ok(()) }
