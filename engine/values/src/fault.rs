//! The error of this crate: one sentence, and its position in the text.

use std::error::Error;
use std::fmt;

/// A position in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
}

/// Why a text could not be parsed, or a template not be rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// One sentence on one line: what is wrong, and what to do.
    pub message: String,
    /// The position in the text, if it is known.
    pub at: Option<Position>,
}

impl Fault {
    /// A fault without a position.
    pub fn new(message: impl Into<String>) -> Fault {
        Fault { message: message.into(), at: None }
    }

    /// A fault at a position. Line and column are counted from 1.
    pub fn at(message: impl Into<String>, line: usize, column: usize) -> Fault {
        Fault { message: message.into(), at: Some(Position { line, column }) }
    }

    /// A fault at a byte of `text`.
    pub(crate) fn at_byte(message: impl Into<String>, text: &str, byte: usize) -> Fault {
        let before = text.get(..byte).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        Fault::at(message, line, column)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(Position { line, column }) => {
                write!(f, "{} (line {line}, column {column})", self.message)
            }
            None => f.write_str(&self.message),
        }
    }
}

impl Error for Fault {}
