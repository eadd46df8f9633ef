//! Modules: installable packages of actions, each a WASM component.

use std::collections::BTreeSet;
use std::fmt;

use semver::Version;

use super::Instant;
use super::action::{ActionSpec, ModuleDigest};
use super::grant::Capability;
use super::text::is_lower_case_word;

/// The metadata of a component, read when it is loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct ModuleInfo {
    /// The key by which lines name it: lower-case words joined by hyphens.
    pub key: String,
    /// Semantic version.
    pub version: Version,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// Bytes of the component.
    pub size: u64,
    /// The description by its authors.
    pub description: Option<String>,
    /// The names of its authors.
    pub authors: Option<String>,
    /// The licence as an SPDX expression.
    pub licence: Option<String>,
    /// The capabilities that it imports.
    pub capabilities: BTreeSet<Capability>,
    /// The actions that it offers.
    pub actions: Vec<ActionSpec>,
}

impl ModuleInfo {
    /// Its key, version and digest, as job results store them.
    pub fn named(&self) -> ModuleDigest {
        ModuleDigest { module: self.key.clone(), version: self.version.to_string(), digest: self.digest.clone() }
    }

    /// Whether its actions cannot have effects, whatever is granted.
    pub fn is_pure(&self) -> bool {
        !self.capabilities.iter().any(|capability| capability.has_effects())
    }
}

/// The owner of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The program: the module is bundled with it.
    Bundled,
    /// The server: all organizations may use the module.
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

/// An installed version of a module.
#[derive(Debug, Clone, PartialEq)]
pub struct Installed {
    /// Its metadata.
    pub info: ModuleInfo,
    /// Its owner.
    pub owner: Owner,
    /// When it was installed; none for a bundled module.
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
    text.len() <= MAX_KEY_CHARACTERS && text.split('-').all(is_lower_case_word)
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
