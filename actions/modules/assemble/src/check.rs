//! What a bundled guest may ask for: the host's log, and nothing else.

use wasmparser::{Parser, Payload};

use crate::Outcome;

const IMPORTS: [&str; 1] = ["ropewalk:host/log@1.0.0"];
const EXPORT: &str = "ropewalk:action/actions@1.0.0";

/// Fails when the component imports more, or is no module at all.
pub(crate) fn check(component: &[u8]) -> Outcome<()> {
    let mut depth = 0;
    let mut exports = false;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    allowed(import?.name.name)?;
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports |= export?.name.name == EXPORT;
                }
            }
            _ => {}
        }
    }
    if exports { Ok(()) } else { Err(format!("it does not export {EXPORT}").into()) }
}

fn allowed(import: &str) -> Outcome<()> {
    if IMPORTS.contains(&import) {
        return Ok(());
    }
    Err(format!("it imports {import}, but a bundled module may import only {}", IMPORTS.join(", ")).into())
}
