//! Actions as a job sees them: named things with a schema and an intake.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::fault::did_you_mean;
use super::schema::Schema;

/// How an action wants its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    /// Batch by batch, in order.
    Batches,
    /// The whole set at once, up to a bound.
    Whole,
    /// No records at all.
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

    /// The intake that a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Batches, Self::Whole, Self::None].into_iter().find(|intake| intake.word() == word)
    }
}

/// What a module says of one of its actions.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionSpec {
    /// Key of the module.
    pub module: String,
    /// Name in the module.
    pub name: String,
    /// A few words for a menu.
    pub title: String,
    /// What happens to the records.
    pub summary: String,
    /// JSON Schema of the parameters.
    pub parameters: Value,
    /// How the records arrive.
    pub intake: Intake,
}

impl ActionSpec {
    /// `module/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.module, self.name)
    }

    /// Whether a parameter is handed to the action as it was written.
    pub fn is_raw(&self, parameter: &str) -> bool {
        let marked = self.parameters.pointer("/properties").and_then(|all| all.get(parameter)?.get("raw"));
        marked == Some(&Value::Bool(true))
    }
}

/// The version of a module that a job result runs with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleDigest {
    /// Key of the module.
    pub module: String,
    /// Semantic version.
    pub version: String,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
}

/// An action in the catalogue.
#[derive(Debug, Clone)]
pub struct Offered {
    /// What the module says of it.
    pub spec: ActionSpec,
    /// The schema of its parameters, compiled.
    pub schema: Arc<Schema>,
}

/// The actions that an organization's jobs may name.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    actions: BTreeMap<String, Offered>,
    modules: Vec<ModuleDigest>,
}

/// A name that the catalogue cannot resolve, as a sentence with the cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownAction(pub String);

impl fmt::Display for UnknownAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Catalogue {
    /// A catalogue of these actions, offered by these modules.
    ///
    /// # Errors
    /// Names the first action whose schema is none, and says why.
    pub fn new(actions: impl IntoIterator<Item = ActionSpec>, modules: Vec<ModuleDigest>) -> Result<Self, String> {
        let offered = actions.into_iter().map(|spec| {
            let schema = Schema::compile(&spec.parameters)
                .map_err(|error| format!("the schema of `{}` is none: {error}", spec.full_name()))?;
            Ok((spec.full_name(), Offered { spec, schema: Arc::new(schema) }))
        });
        Ok(Self { actions: offered.collect::<Result<_, String>>()?, modules })
    }

    /// Every action, by full name.
    pub fn actions(&self) -> impl Iterator<Item = &ActionSpec> {
        self.actions.values().map(|offered| &offered.spec)
    }

    /// The installed modules.
    pub fn modules(&self) -> &[ModuleDigest] {
        &self.modules
    }

    /// The action that `name` means: `module/action`, or the bare name where only one module has it.
    ///
    /// # Errors
    /// Says which names are near, or which modules share the bare name.
    pub fn find(&self, name: &str) -> Result<&Offered, UnknownAction> {
        if let Some(offered) = self.actions.get(name) {
            return Ok(offered);
        }
        let bare: Vec<_> = self.actions.values().filter(|offered| offered.spec.name == name).collect();
        match bare.as_slice() {
            [offered] => Ok(offered),
            [] => Err(UnknownAction(self.unknown(name))),
            several => Err(UnknownAction(ambiguous(name, several))),
        }
    }

    fn unknown(&self, name: &str) -> String {
        let known = self.actions().flat_map(|spec| [spec.name.clone(), spec.full_name()]);
        let known: Vec<_> = known.collect();
        let near = did_you_mean(name, known.iter().map(String::as_str));
        format!("there is no action `{name}`{near}")
    }
}

fn ambiguous(name: &str, several: &[&Offered]) -> String {
    let names: Vec<_> = several.iter().map(|offered| format!("`{}`", offered.spec.full_name())).collect();
    format!("`{name}` is offered by several modules; write {}", names.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(module: &str, name: &str) -> ActionSpec {
        ActionSpec {
            module: module.into(),
            name: name.into(),
            title: String::new(),
            summary: String::new(),
            parameters: serde_json::json!({"properties": {"template": {"raw": true}, "to": {}}}),
            intake: Intake::Batches,
        }
    }

    #[test]
    fn a_bare_name_is_enough_when_it_is_unique() {
        let catalogue =
            Catalogue::new([spec("standard", "sort"), spec("a", "send"), spec("b", "send")], vec![]).unwrap();
        assert_eq!(catalogue.find("sort").unwrap().spec.full_name(), "standard/sort");
        assert_eq!(catalogue.find("a/send").unwrap().spec.module, "a");
        let shared = catalogue.find("send").unwrap_err().to_string();
        assert_eq!(shared, "`send` is offered by several modules; write `a/send` or `b/send`");
        let unknown = catalogue.find("sorrt").unwrap_err().to_string();
        assert_eq!(unknown, "there is no action `sorrt`; did you mean `sort`?");
    }

    #[test]
    fn only_marked_parameters_are_raw() {
        assert!(spec("m", "a").is_raw("template"));
        assert!(!spec("m", "a").is_raw("to"));
        assert!(!spec("m", "a").is_raw("absent"));
    }
}
