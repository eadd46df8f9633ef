//! Whether any record has a field that a definition names.

use serde_json::Value;
use values::path::Path;

use crate::model::fault::did_you_mean;

/// How many names of fields are kept to find the nearest.
const NAMES: usize = 100;

/// Looks for one field in the records of a set.
pub(super) struct FieldPresence {
    path: Path,
    state: State,
}

enum State {
    /// No record was seen yet.
    Unknown,
    /// At least one record has it.
    Found,
    /// No record has it so far; the first record has these fields.
    Absent(Vec<String>),
}

impl FieldPresence {
    pub(super) fn of(path: &Path) -> Self {
        Self { path: path.clone(), state: State::Unknown }
    }

    pub(super) fn see(&mut self, record: &Value) {
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

    /// A sentence if there were records and none had the field. `setting` is where the definition names the field.
    pub(super) fn warning(&self, set: &str, setting: &str) -> Option<String> {
        let State::Absent(names) = &self.state else { return None };
        let path = &self.path;
        let suggestion = match did_you_mean(path.as_str(), names.iter().map(String::as_str)) {
            near if near.is_empty() => ".".to_owned(),
            near => near,
        };
        Some(format!("No record {set} has the field `{path}` that `{setting}` names{suggestion}"))
    }
}
