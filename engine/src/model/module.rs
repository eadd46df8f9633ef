//! Modules: installable packages of actions, each a WASM component.

use std::collections::BTreeSet;
use std::fmt;

use semver::Version;

use super::Instant;
use super::action::{ActionSpec, ModuleDigest};
use super::grant::Capability;

/// What a component says of itself, read when it is loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct ModuleInfo {
    /// What lines name it by: lower-case words joined by hyphens.
    pub key: String,
    /// Semantic version.
    pub version: Version,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// Bytes of the component.
    pub size: u64,
    /// What it is for.
    pub description: Option<String>,
    /// Who wrote it.
    pub authors: Option<String>,
    /// An SPDX expression.
    pub licence: Option<String>,
    /// What it asks for, as its imports say.
    pub capabilities: BTreeSet<Capability>,
    /// What it offers.
    pub actions: Vec<ActionSpec>,
}

impl ModuleInfo {
    /// How job results name it.
    pub fn named(&self) -> ModuleDigest {
        ModuleDigest { module: self.key.clone(), version: self.version.to_string(), digest: self.digest.clone() }
    }

    /// Whether nothing outside changes when its actions run, whatever is granted.
    pub fn is_pure(&self) -> bool {
        !self.capabilities.iter().any(|capability| capability.has_effects())
    }
}

/// Who has a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// It comes with the program.
    Bundled,
    /// All organizations.
    Global,
    /// The organization of the call.
    Organization,
}

impl Owner {
    /// The word used in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bundled => "bundled",
            Self::Global => "global",
            Self::Organization => "organization",
        }
    }
}

/// A module that was installed.
#[derive(Debug, Clone, PartialEq)]
pub struct Installed {
    /// What it is.
    pub info: ModuleInfo,
    /// Who has it.
    pub owner: Owner,
    /// When it was installed; none for what comes with the program.
    pub installed_at: Option<Instant>,
    /// Who installed it.
    pub installed_by: String,
}

impl fmt::Display for Installed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.info.key, self.info.version)
    }
}

/// Characters of the key of a module, an organization, a queue, a schedule or a webhook. Those of jobs and
/// filter templates may have [`MAX_JOB_KEY_CHARACTERS`].
pub const MAX_KEY_CHARACTERS: usize = 60;
/// Characters of the key of a job or a filter template.
pub const MAX_JOB_KEY_CHARACTERS: usize = 100;

/// Whether a text can be the key of a module, an organization, a queue or a webhook.
pub fn is_key(text: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty() && word.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
    };
    text.len() <= MAX_KEY_CHARACTERS && text.split('-').all(word)
}

#[cfg(test)]
impl Installed {
    /// A global module with these actions, for tests.
    pub(crate) fn sample(key: &str, version: &str, actions: Vec<ActionSpec>) -> Self {
        let info = ModuleInfo {
            key: key.into(),
            version: version.parse().unwrap(),
            digest: format!("{key}-{version}"),
            size: 1,
            description: None,
            authors: None,
            licence: None,
            capabilities: BTreeSet::new(),
            actions,
        };
        Self { info, owner: Owner::Global, installed_at: None, installed_by: String::new() }
    }
}
