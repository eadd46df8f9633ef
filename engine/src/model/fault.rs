//! What is wrong with something a person wrote, and where.

use std::fmt;

/// One fault: the place, as a path into the document (`lines[2].parameters.to`),
/// and one sentence with what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Path from the root of the document; empty for the document itself.
    pub path: String,
    /// What is wrong, and the cure.
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

/// ", did you mean `x`?" for the known word nearest to `word`; empty if none is near.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    values::nearest(word, known).map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// How many faults of one document are listed.
pub const MOST_FAULTS: usize = 100;

/// The first faults of a document that may have many more.
pub fn first(mut faults: Vec<Fault>) -> Vec<Fault> {
    if faults.len() > MOST_FAULTS {
        faults.truncate(MOST_FAULTS - 1);
        faults.push(Fault::at("", "has more faults than are listed; correct these first"));
    }
    faults
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
    fn a_fault_shows_its_place_first() {
        let place = field(&element("lines", 2), "parameters");
        assert_eq!(Fault::at(place, "is missing").to_string(), "lines[2].parameters: is missing");
    }
}
