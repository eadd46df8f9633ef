//! What `run` shows: progress while it works, the lines when it is done, the records.

pub mod output;
pub mod progress;
pub mod report;

use std::io::{BufWriter, ErrorKind, Stdout, Write};

pub use engine::model::text::printable as plain;

use crate::Failed;

/// Prints a text and a line end. Whoever reads may have heard enough (`| head`), which is
/// no fault; a full disk is one.
pub fn say(text: &str) -> Result<(), Failed> {
    heard(writeln!(std::io::stdout(), "{text}"))
}

/// Prints what is written by parts, to the same rule.
pub fn tell(write: impl FnOnce(&mut BufWriter<Stdout>) -> std::io::Result<()>) -> Result<(), Failed> {
    heard(write(&mut BufWriter::new(std::io::stdout())))
}

fn heard(written: std::io::Result<()>) -> Result<(), Failed> {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failed::Broken(format!("standard output: {error}"))),
        _ => Ok(()),
    }
}
