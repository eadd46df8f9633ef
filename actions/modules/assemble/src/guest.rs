//! Finds the guests: the packages of the workspace that are built as modules.

use serde_json::Value;

use crate::Outcome;

/// A module as its manifest describes it.
pub(crate) struct Guest {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) description: String,
    pub(crate) license: String,
    /// The interfaces of `ropewalk:host` that it may import.
    pub(crate) capabilities: Vec<String>,
}

impl Guest {
    /// Reads the guests from the output of `cargo metadata`.
    pub(crate) fn all(metadata: &str) -> Outcome<Vec<Guest>> {
        let metadata: Value = serde_json::from_str(metadata)?;
        let packages = metadata["packages"].as_array().into_iter().flatten();
        packages.filter(|package| is_module(package)).map(Guest::read).collect()
    }

    fn read(package: &Value) -> Outcome<Guest> {
        let text = |field: &str| {
            let text = package[field].as_str().map(str::to_owned);
            text.ok_or_else(|| format!("the manifest of {} has no {field}", package["name"]))
        };
        Ok(Guest {
            name: text("name")?,
            version: text("version")?,
            description: text("description")?,
            license: text("license")?,
            capabilities: capabilities(package)?,
        })
    }
}

fn capabilities(package: &Value) -> Outcome<Vec<String>> {
    let declared = package["metadata"]["ropewalk"]["capabilities"].as_array();
    let missing = || format!("the manifest of {} has no package.metadata.ropewalk.capabilities", package["name"]);
    let names = declared.ok_or_else(missing)?.iter().map(|name| name.as_str().map(str::to_owned));
    names.collect::<Option<_>>().ok_or_else(|| "a capability is not a text".into())
}

fn is_module(package: &Value) -> bool {
    let targets = package["targets"].as_array().into_iter().flatten();
    targets.flat_map(|target| target["crate_types"].as_array().into_iter().flatten()).any(|kind| kind == "cdylib")
}
