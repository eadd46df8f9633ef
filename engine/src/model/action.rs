//! Actions as jobs see them: a name, a schema of the parameters, and how records are passed.

use serde_json::Value;

/// How an action takes its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    /// Batch by batch, in order.
    Batches,
    /// The whole set at once, up to a limit.
    Whole,
    /// No records.
    None,
}

impl Intake {
    /// The word used in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Batches => "batches",
            Self::Whole => "whole",
            Self::None => "none",
        }
    }

    /// The intake with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Batches, Self::Whole, Self::None].into_iter().find(|intake| intake.word() == word)
    }
}

/// The specification of an action by its module.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionSpec {
    /// Key of the module.
    pub module: String,
    /// Name in the module.
    pub name: String,
    /// A few words for a menu.
    pub title: String,
    /// What the action does with the records.
    pub summary: String,
    /// JSON Schema of the parameters.
    pub parameters: Value,
    /// How the action takes its records.
    pub intake: Intake,
}

impl ActionSpec {
    /// `module/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.module, self.name)
    }

    /// The parameters that make an action take batches instead of the whole set when they are true.
    /// The schema marks them with `"batches": true`.
    pub fn batching(&self) -> Vec<String> {
        let properties = self.parameters.pointer("/properties").and_then(Value::as_object).into_iter().flatten();
        let marked = properties.filter(|(_, property)| property.get("batches") == Some(&Value::Bool(true)));
        marked.map(|(name, _)| name.clone()).collect()
    }

    /// Whether a parameter is passed to the action as it was written, without rendering. The schema marks
    /// it with `"raw": true`.
    pub fn is_raw(&self, parameter: &str) -> bool {
        let marked = self.parameters.pointer("/properties").and_then(|all| all.get(parameter)?.get("raw"));
        marked == Some(&Value::Bool(true))
    }
}

/// The version of a module that a job result uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleDigest {
    /// Key of the module.
    pub module: String,
    /// Semantic version.
    pub version: String,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marked_parameters_are_raw() {
        let spec = ActionSpec {
            module: "m".into(),
            name: "a".into(),
            title: String::new(),
            summary: String::new(),
            parameters: serde_json::json!({"properties": {"template": {"raw": true}, "to": {}}}),
            intake: Intake::Batches,
        };
        assert!(spec.is_raw("template"));
        assert!(!spec.is_raw("to"));
        assert!(!spec.is_raw("absent"));
    }
}
