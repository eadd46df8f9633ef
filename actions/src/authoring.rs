//! What an author of a module needs of this program: the contract and the SDK as files,
//! and the way from a built guest to a component.

use wasm_metadata::{AddMetadata, AddMetadataField};
use wit_component::ComponentEncoder;

mod files;

pub use files::{SDK, WIT};

/// What a component says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Key of the module.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// What it is for.
    pub description: Option<String>,
    /// Who wrote it.
    pub authors: Option<String>,
    /// An SPDX expression.
    pub licence: Option<String>,
}

/// Makes a component of a core module that was built with the SDK, and writes into it what
/// it says of itself.
///
/// # Errors
/// One sentence with the place and the cure.
pub fn encode(core: &[u8], about: &About) -> Result<Vec<u8>, String> {
    let component = ComponentEncoder::default().validate(true).module(core).and_then(|mut encoder| encoder.encode());
    let component = component.map_err(|error| {
        format!("what was built is no module: {error:#}; it must list its actions with `ropewalk_sdk::module!`")
    })?;
    named(&component, about)
}

fn named(component: &[u8], about: &About) -> Result<Vec<u8>, String> {
    let wrong = |field: &str, error: &dyn std::fmt::Display| format!("its {field} cannot be used: {error}");
    let mut metadata = AddMetadata::default();
    metadata.name = AddMetadataField::Set(about.name.clone());
    metadata.version = AddMetadataField::Set(about.version.parse().map_err(|error| wrong("version", &error))?);
    if let Some(text) = &about.description {
        metadata.description = AddMetadataField::Set(text.parse().map_err(|error| wrong("description", &error))?);
    }
    if let Some(text) = &about.authors {
        metadata.authors = AddMetadataField::Set(text.parse().map_err(|error| wrong("authors", &error))?);
    }
    if let Some(text) = &about.licence {
        metadata.licenses = AddMetadataField::Set(text.parse().map_err(|error| wrong("licence", &error))?);
    }
    metadata.to_wasm(component).map_err(|error| format!("it cannot be named: {error}"))
}
