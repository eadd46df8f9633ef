//! Reads the metadata sections of a component.

use semver::Version;
use wasm_metadata::{Metadata, Payload};

/// How an author sets the metadata.
const CURE: &str = "set it with `ropewalk module build` or `wasm-tools metadata add";

/// Longest text of each section, in bytes; the rest is cut off.
const LONGEST: usize = 1000;

/// Name, version and the rest of a module's metadata.
#[derive(Debug, PartialEq)]
pub(super) struct ModuleMetadata {
    /// The key of the module.
    pub(super) name: String,
    /// Semantic version.
    pub(super) version: Version,
    /// What the module is for.
    pub(super) description: Option<String>,
    /// Who wrote the module.
    pub(super) authors: Option<String>,
    /// An SPDX expression.
    pub(super) licence: Option<String>,
}

/// Reads the metadata of a component that passed the scan.
///
/// # Errors
/// Everything that is missing or cannot be read, one sentence each.
pub(super) fn read(component: &[u8]) -> Result<ModuleMetadata, Vec<String>> {
    let payload = Payload::from_binary(component);
    let payload = payload.map_err(|error| vec![format!("has metadata that cannot be read: {error:#}")])?;
    let metadata = payload.metadata();
    let name = metadata.name.clone().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| {
        format!("has no name in its metadata, which is the key of the module; {CURE} --name my-module`")
    });
    match (name, read_version(metadata)) {
        (Ok(name), Ok(version)) => Ok(ModuleMetadata {
            name,
            version,
            description: read_text(metadata.description.as_ref()),
            authors: read_text(metadata.authors.as_ref()),
            licence: read_text(metadata.licenses.as_ref()),
        }),
        (name, version) => Err(name.err().into_iter().chain(version.err()).collect()),
    }
}

fn read_version(metadata: &Metadata) -> Result<Version, String> {
    let Some(written) = &metadata.version else {
        return Err(format!("has no version in its metadata; {CURE} --version 1.0.0`"));
    };
    let written = written.to_string();
    Version::parse(&written).map_err(|_| {
        let shown: String = written.chars().take(60).collect();
        format!("has the version `{shown}`, which is not a semantic version such as 1.0.0; {CURE} --version 1.0.0`")
    })
}

fn read_text(section: Option<&impl ToString>) -> Option<String> {
    let mut text = section?.to_string();
    text.truncate(text.floor_char_boundary(LONGEST));
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use wasm_metadata::{AddMetadata, AddMetadataField};

    use super::*;

    fn component(name: Option<&str>, version: Option<&str>) -> Vec<u8> {
        let mut add = AddMetadata::default();
        if let Some(name) = name {
            add.name = AddMetadataField::Set(name.to_owned());
        }
        if let Some(version) = version {
            add.version = AddMetadataField::Set(version.parse().unwrap());
        }
        add.to_wasm(&wat::parse_str("(component)").unwrap()).unwrap()
    }

    #[test]
    fn a_name_and_a_version_are_required() {
        let faults = read(&component(None, None)).unwrap_err();
        assert_eq!(faults.len(), 2);
        assert!(
            faults[0].contains("metadata add --name") && faults[1].contains("metadata add --version"),
            "{faults:?}"
        );
        let faults = read(&component(Some("m"), Some("7"))).unwrap_err();
        assert!(faults[0].contains("`7`, which is not a semantic version"), "{faults:?}");
    }

    #[test]
    fn the_bundled_modules_have_names() {
        let names = crate::bundled::modules().map(|bundled| read(&bundled.component).unwrap().name);
        assert_eq!(names, crate::bundled::NAMES);
    }

    #[test]
    fn missing_sections_are_optional() {
        let about = read(&component(Some("orders"), Some("1.2.3"))).unwrap();
        assert_eq!((about.name.as_str(), about.version), ("orders", Version::new(1, 2, 3)));
        assert_eq!((about.description, about.authors, about.licence), (None, None, None));
    }
}
