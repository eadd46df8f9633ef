//! `ropewalk token`: a fresh token, to be preset before a server's first start.

use engine::model::token::Presented;

use crate::Failed;
use crate::display::say;

/// Prints a token that nobody else has.
pub fn print() -> Result<(), Failed> {
    let (text, _) = Presented::fresh().map_err(|error| Failed::Broken(format!("there is no randomness: {error}")))?;
    say(&text)
}
