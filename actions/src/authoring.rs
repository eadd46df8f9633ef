//! What the author of a module needs from this program: the contract and the SDK as files,
//! and the encoding of a built guest as a component.

use wasm_metadata::{AddMetadata, AddMetadataField};
use wit_component::ComponentEncoder;

mod files;

pub use files::{SDK, WIT};

/// The metadata of a component.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Key of the module.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// What the module is for.
    pub description: Option<String>,
    /// Who wrote the module.
    pub authors: Option<String>,
    /// An SPDX expression.
    pub licence: Option<String>,
}

/// Encodes a core module that was built with the SDK as a component, and adds its metadata.
///
/// # Errors
/// One sentence that says where the fault is and what to do.
pub fn encode(core: &[u8], about: &About) -> Result<Vec<u8>, String> {
    let component = ComponentEncoder::default().validate(true).module(core).and_then(|mut encoder| encoder.encode());
    let component = component.map_err(|error| {
        format!("the build did not produce a module ({error:#}); list its actions with `ropewalk_sdk::module!`")
    })?;
    add_metadata(&component, about)
}

fn add_metadata(component: &[u8], about: &About) -> Result<Vec<u8>, String> {
    let invalid =
        |field: &str, error: &dyn std::fmt::Display| format!("the {field} of the package cannot be used: {error}");
    let mut metadata = AddMetadata::default();
    metadata.name = AddMetadataField::Set(about.name.clone());
    metadata.version = AddMetadataField::Set(about.version.parse().map_err(|error| invalid("version", &error))?);
    if let Some(text) = &about.description {
        metadata.description = AddMetadataField::Set(text.parse().map_err(|error| invalid("description", &error))?);
    }
    if let Some(text) = &about.authors {
        metadata.authors = AddMetadataField::Set(text.parse().map_err(|error| invalid("authors", &error))?);
    }
    if let Some(text) = &about.licence {
        metadata.licenses = AddMetadataField::Set(text.parse().map_err(|error| invalid("licence", &error))?);
    }
    metadata.to_wasm(component).map_err(|error| format!("its metadata cannot be written: {error}"))
}
