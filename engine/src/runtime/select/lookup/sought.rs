//! Whether a field that a definition names is in any record.

use serde_json::Value;
use values::path::Path;

use crate::model::fault::did_you_mean;

/// How many names of fields are kept to find the nearest.
const NAMES: usize = 100;

/// A field that records should have.
pub(super) struct Sought {
    path: Path,
    state: State,
}

enum State {
    /// No record was looked at yet.
    Unknown,
    /// At least one record has it.
    Found,
    /// No record has it so far; the first record has these fields.
    Absent(Vec<String>),
}

impl Sought {
    pub(super) fn of(path: &Path) -> Self {
        Self { path: path.clone(), state: State::Unknown }
    }

    /// Looks for the field in one more record.
    pub(super) fn look(&mut self, record: &Value) {
        match self.state {
            State::Found => {}
            _ if self.path.of(record).is_some() => self.state = State::Found,
            State::Unknown => {
                let names = record.as_object().into_iter().flatten().map(|(name, _)| name.clone());
                self.state = State::Absent(names.take(NAMES).collect());
            }
            State::Absent(_) => {}
        }
    }

    /// A sentence if there were records and none had the field, which `word` names in the definition.
    pub(super) fn warning(&self, place: &str, word: &str) -> Option<String> {
        let State::Absent(names) = &self.state else { return None };
        let path = &self.path;
        let cure = match did_you_mean(path.as_str(), names.iter().map(String::as_str)) {
            near if near.is_empty() => ".".to_owned(),
            near => near,
        };
        Some(format!("No record {place} has the field `{path}` that `{word}` names{cure}"))
    }
}
