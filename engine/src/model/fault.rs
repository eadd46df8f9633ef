//! Faults: what is wrong with a document that a person wrote, and where.

use std::fmt;

/// One fault: a path into the document (`lines[2].parameters.to`), and one sentence with what is
/// wrong and what to do. The sentence may leave out its subject where that is the value at the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Path from the root of the document; empty for the document itself.
    pub path: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Fault {
    /// A fault at `path`.
    pub fn at(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.message),
            path => write!(f, "{path}: {}", self.message),
        }
    }
}

impl std::error::Error for Fault {}

/// The path of a field below `parent`.
pub fn field(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

/// The path of an element below `parent`.
pub fn element(parent: &str, index: usize) -> String {
    format!("{parent}[{index}]")
}

/// The end of a message that suggests the known word nearest to `word`; empty if none is near.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    values::nearest(word, known).map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// How many faults of one document are listed.
pub const MOST_FAULTS: usize = 100;

/// Ends a list of faults that was cut.
pub(super) const MORE_FAULTS: &str = "has more faults than are listed; correct these first";

/// The first faults of a document that may have many more.
pub fn first(mut faults: Vec<Fault>) -> Vec<Fault> {
    if faults.len() > MOST_FAULTS {
        faults.truncate(MOST_FAULTS - 1);
        faults.push(Fault::at("", MORE_FAULTS));
    }
    faults
}

/// The message for a key, name or number that an earlier part of the document has already: `what`
/// says which of the three, and `first` is the path of the earlier part.
pub(super) fn duplicate(value: impl fmt::Display, what: &str, first: &str) -> String {
    format!("{value} is already the {what} of {first}; choose another one")
}

/// All faults as one text.
pub(crate) fn join(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_offered_and_a_far_one_is_not() {
        assert_eq!(did_you_mean("tody", ["today", "now"]), "; did you mean `today`?");
        assert_eq!(did_you_mean("quux", ["today", "now"]), "");
    }

    #[test]
    fn a_fault_shows_its_path_first() {
        let path = field(&element("lines", 2), "parameters");
        assert_eq!(Fault::at(path, "is missing").to_string(), "lines[2].parameters: is missing");
    }
}
