//! The error for schemas that cost too much to check.

use std::fmt;

use super::counter::MOST_DEPTH;

/// Why a schema, or a value with it, is refused. The text has no subject: "takes more than …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TooCostly {
    /// Checking would take more steps than this.
    Steps(u64),
    /// Its parts are nested, or refer to each other, too deeply.
    Depth,
    /// A part refers to itself for the same value, by this reference.
    Endless(String),
    /// A reference that cannot be followed, or a keyword that changes the meaning of references.
    Reference(String),
}

impl fmt::Display for TooCostly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps(most) => write!(
                f,
                "takes more than {most} steps to check; give it fewer alternatives, shorter patterns, or a smaller value"
            ),
            Self::Depth => write!(f, "has parts that are nested, or refer to each other, more than {MOST_DEPTH} deep"),
            Self::Endless(to) => write!(f, "has a `$ref` to `{to}` that leads back to itself"),
            Self::Reference(to) => {
                write!(f, "uses `{to}`; refer only to its own definitions, as in `\"$ref\": \"#/$defs/name\"`")
            }
        }
    }
}
