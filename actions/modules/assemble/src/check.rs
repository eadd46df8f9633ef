//! Checks that a bundled guest imports exactly what its manifest declares, because the grants that a
//! module needs, and whether it is pure, are read from its imports.

use wasmparser::{Parser, Payload};

use crate::Outcome;
use crate::guest::Guest;

const EXPORT: &str = "ropewalk:action/actions@1.0.0";

/// Fails if the component imports more or less than declared, or is not a module. Returns the
/// capabilities that it imports.
pub(crate) fn check(guest: &Guest, component: &[u8]) -> Outcome<Vec<String>> {
    let found = Found::read(component)?;
    if !found.exports {
        return Err(format!("it does not export {EXPORT}").into());
    }
    let mut imported = found.imports.iter().map(|name| capability(name)).collect::<Outcome<Vec<String>>>()?;
    imported.sort();
    if let Some(more) = imported.iter().find(|name| !guest.capabilities.contains(name)) {
        return Err(format!("it imports {more}, which its manifest does not declare").into());
    }
    if let Some(less) = guest.capabilities.iter().find(|name| !imported.contains(name)) {
        return Err(format!("its manifest declares {less}, which it does not import").into());
    }
    Ok(imported)
}

/// `http` of `ropewalk:host/http@1.0.0`.
fn capability(import: &str) -> Outcome<String> {
    let name = import.strip_prefix("ropewalk:host/").and_then(|rest| rest.strip_suffix("@1.0.0"));
    name.map(str::to_owned).ok_or_else(|| format!("it imports {import}, which the host does not offer").into())
}

/// The imports of a component, and whether it exports its actions.
#[derive(Default)]
struct Found {
    imports: Vec<String>,
    exports: bool,
}

impl Found {
    fn read(component: &[u8]) -> Outcome<Found> {
        let mut found = Found::default();
        let mut depth = 0;
        for payload in Parser::new(0).parse_all(component) {
            match payload? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth -= 1,
                Payload::ComponentImportSection(imports) if depth == 0 => {
                    for import in imports {
                        found.imports.push(import?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        found.exports |= export?.name.name == EXPORT;
                    }
                }
                _ => {}
            }
        }
        Ok(found)
    }
}
