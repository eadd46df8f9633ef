//! Printing. `println!` and `eprintln!` panic when nobody reads any more (`ropewalk … | head -1`); nothing here does.

use std::io::{BufWriter, ErrorKind, Stdout, Write};

use crate::Failed;

/// Prints a text and a line break on standard output.
///
/// # Errors
/// [`Failed::NoReader`] when the output is closed; [`Failed::Broken`] when it cannot be written, such as on a full
/// disk.
pub fn print(text: &str) -> Result<(), Failed> {
    checked(writeln!(std::io::stdout(), "{text}"))
}

/// Prints something that is written in pieces.
///
/// # Errors
/// As of [`print`].
pub fn print_with(write: impl FnOnce(&mut BufWriter<Stdout>) -> std::io::Result<()>) -> Result<(), Failed> {
    let mut out = BufWriter::new(std::io::stdout());
    checked(write(&mut out).and_then(|()| out.flush()))
}

/// Prints a text and a line break on standard error. There is no place to report that this failed.
pub fn print_error(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn checked(written: std::io::Result<()>) -> Result<(), Failed> {
    written.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failed::NoReader,
        _ => Failed::Broken(format!("standard output cannot be written: {error}")),
    })
}
