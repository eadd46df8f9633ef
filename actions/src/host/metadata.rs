//! What a component says of itself in its metadata sections.

use wasmparser::{Parser, Payload};

/// The version of a component that names none.
const UNKNOWN: &str = "0.0.0";

/// The semantic version in the component's own `version` section.
pub(super) fn version(component: &[u8]) -> String {
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload {
            Ok(Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) => depth += 1,
            Ok(Payload::End(_)) => depth -= 1,
            Ok(Payload::CustomSection(section)) if depth == 0 && section.name() == "version" => {
                return String::from_utf8_lossy(section.data()).into_owned();
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    UNKNOWN.to_owned()
}
