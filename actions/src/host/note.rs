//! The metadata of a module as JSON: in the cache, and beside a bundled module.

use ::engine::model::action::{ActionSpec, Intake};
use ::engine::model::grant::Capability;
use ::engine::model::module::ModuleInfo;
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A [`ModuleInfo`] in serialized form.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Note {
    key: String,
    version: Version,
    /// Left out beside a bundled module, which is at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    description: Option<String>,
    authors: Option<String>,
    licence: Option<String>,
    capabilities: Vec<String>,
    actions: Vec<NotedAction>,
}

#[derive(Debug, Serialize, Deserialize)]
struct NotedAction {
    name: String,
    title: String,
    summary: String,
    parameters: Value,
    intake: String,
}

impl Note {
    pub(super) fn of(info: &ModuleInfo) -> Self {
        let actions = info.actions.iter().map(|spec| NotedAction {
            name: spec.name.clone(),
            title: spec.title.clone(),
            summary: spec.summary.clone(),
            parameters: spec.parameters.clone(),
            intake: spec.intake.word().to_owned(),
        });
        Self {
            key: info.key.clone(),
            version: info.version.clone(),
            size: Some(info.size),
            description: info.description.clone(),
            authors: info.authors.clone(),
            licence: info.licence.clone(),
            capabilities: info.capabilities.iter().map(|capability| capability.word().to_owned()).collect(),
            actions: actions.collect(),
        }
    }

    /// The note beside a bundled module.
    pub(super) fn beside(info: &ModuleInfo) -> Self {
        Self { size: None, ..Self::of(info) }
    }

    /// `None` if the note has a word that this build does not know.
    pub(super) fn info(self, digest: &str) -> Option<ModuleInfo> {
        let key = self.key;
        let actions = self.actions.into_iter().map(|action| {
            Some(ActionSpec {
                module: key.clone(),
                intake: Intake::from_word(&action.intake)?,
                name: action.name,
                title: action.title,
                summary: action.summary,
                parameters: action.parameters,
            })
        });
        Some(ModuleInfo {
            actions: actions.collect::<Option<_>>()?,
            capabilities: self.capabilities.iter().map(|word| Capability::from_word(word)).collect::<Option<_>>()?,
            key,
            version: self.version,
            digest: digest.to_owned(),
            size: self.size.unwrap_or_default(),
            description: self.description,
            authors: self.authors,
            licence: self.licence,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written() {
        let spec = ActionSpec {
            module: "orders".into(),
            name: "send".into(),
            title: "Send".into(),
            summary: "Sends.".into(),
            parameters: serde_json::json!({"type": "object"}),
            intake: Intake::Whole,
        };
        let info = ModuleInfo {
            key: "orders".into(),
            version: Version::new(1, 2, 3),
            digest: "d".into(),
            size: 7,
            description: Some("Orders".into()),
            authors: None,
            licence: Some("MIT".into()),
            capabilities: Capability::ALL.into(),
            actions: vec![spec],
        };
        let text = serde_json::to_string(&Note::of(&info)).unwrap();
        assert_eq!(serde_json::from_str::<Note>(&text).unwrap().info("d"), Some(info));
        let other = text.replace("whole", "halves");
        assert_eq!(serde_json::from_str::<Note>(&other).unwrap().info("d"), None);
    }
}
