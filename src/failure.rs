//! How a failure is reported: as text on standard error, or to programs as JSON on standard output.

use std::process::ExitCode;

use serde_json::{Map, Value, json};

use crate::Failed;
use crate::display::plain;
use crate::stdio::{print, print_error};

/// What was wrong with the input: the exit code of [`Failed::Refused`].
pub const REFUSED: u8 = 2;
/// The program or the server could not do its work: the exit code of [`Failed::Broken`].
pub const BROKEN: u8 = 3;

/// A failure with more than a sentence.
pub struct Report {
    /// The exit code.
    pub exit: u8,
    /// The code that the server gave.
    pub code: Option<String>,
    /// What people read.
    pub message: String,
    /// Further members of the JSON object.
    pub details: Map<String, Value>,
}

impl Report {
    /// A failure for which the server gave a code. Some codes say that the server could not do its work.
    pub fn of_server(code: Option<&str>, message: String) -> Self {
        let exit = if matches!(code, Some("UNAVAILABLE" | "INTERNAL")) { BROKEN } else { REFUSED };
        Self { exit, code: code.map(str::to_owned), message, details: Map::new() }
    }
}

impl From<Report> for Failed {
    fn from(report: Report) -> Self {
        Self::Reported(Box::new(report))
    }
}

impl Failed {
    /// Everything that is known about a failure.
    pub fn into_report(self) -> Report {
        let simple = |exit, message| Report { exit, code: None, message, details: Map::new() };
        match self {
            Self::NoReader => simple(0, String::new()),
            Self::Job | Self::Different => simple(1, String::new()),
            Self::Refused(message) => simple(REFUSED, message),
            Self::Broken(message) => simple(BROKEN, message),
            Self::Reported(report) => *report,
        }
    }

    /// Prints the failure and gives the exit code.
    pub fn print(self, as_json: bool) -> ExitCode {
        let report = self.into_report();
        let exit = ExitCode::from(report.exit);
        match report.message.as_str() {
            "" => {}
            // There is no place to report that this failed.
            _ if as_json => drop(print(&json_of(report).to_string())),
            message => print_error(&plain(message)),
        }
        exit
    }
}

fn json_of(report: Report) -> Value {
    let mut error = Map::new();
    error.extend(report.code.map(|code| ("code".to_owned(), json!(code))));
    error.insert("message".to_owned(), json!(report.message));
    error.extend(report.details);
    json!({"error": error})
}

/// Whether the command line asks for JSON. A value of another flag cannot be `--json`.
pub fn wants_json() -> bool {
    std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json")
}

/// Prints why the command line cannot be read, or the help that it asks for.
pub fn print_usage(error: &clap::Error) -> ExitCode {
    if !(error.use_stderr() && wants_json()) {
        error.exit();
    }
    let message = error.to_string();
    let message = message.trim().strip_prefix("error: ").unwrap_or(message.trim()).to_owned();
    Failed::Refused(message).print(true)
}
