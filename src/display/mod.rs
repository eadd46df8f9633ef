//! What `run` shows: progress while it works, the lines when it is done, the records.

pub mod output;
pub mod progress;
pub mod report;

use std::io::{ErrorKind, Write};

use crate::Failed;

/// Prints a text and a line end. Whoever reads may have heard enough (`| head`), which is
/// no fault; a full disk is one.
pub fn say(text: &str) -> Result<(), Failed> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failed::Broken(format!("standard output: {error}"))),
        _ => Ok(()),
    }
}

/// A text from a record or a script, without what would move a terminal's cursor.
pub fn plain(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() && !"\n\t".contains(character) { '\u{fffd}' } else { character })
        .collect()
}
