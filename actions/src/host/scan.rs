//! Scans a component before it is compiled: whether it is a component, and whether it stays within
//! the sizes that compile in bounded time.

use wasmparser::{ComponentExternalKind, Instance, MemoryType, Parser, Payload, TableType};

use super::limits::{CORE_INSTANCES, Limits, MEMORIES, TABLES, in_words};

/// Bytes of a page of linear memory.
const PAGE: u64 = 64 * 1024;

/// The imports and exports of a component, by name.
#[derive(Debug, Default)]
pub(super) struct Surface {
    pub(super) imports: Vec<String>,
    /// Only the exports that are instances.
    pub(super) exports: Vec<String>,
}

/// Scans a component.
///
/// # Errors
/// Every fault, one sentence each. Where the component cannot be read any further, that fault is
/// the last one.
pub(super) fn scan(component: &[u8], limits: &Limits) -> Result<Surface, Vec<String>> {
    check_size(component, limits).map_err(|fault| vec![fault])?;
    if !Parser::is_component(component) {
        return Err(vec![not_a_component(component)]);
    }
    let mut scan =
        Scan { limits, depth: 0, counts: Counts::default(), surface: Surface::default(), faults: Vec::new() };
    for payload in Parser::new(0).parse_all(component) {
        let visited = payload.and_then(|payload| scan.visit(&payload));
        if let Err(error) = visited {
            scan.faults.push(format!("is damaged: {error}"));
            return Err(scan.faults);
        }
        if scan.depth > limits.nesting {
            scan.faults.push(format!("nests components and modules more than {} levels deep", limits.nesting));
            return Err(scan.faults);
        }
    }
    scan.finish()
}

/// Checks only the size, which is quick enough to do before anything else.
pub(super) fn check_size(component: &[u8], limits: &Limits) -> Result<(), String> {
    match component.len() > limits.component {
        true => Err(format!("has {}; at most {} are allowed", in_words(component.len()), in_words(limits.component))),
        false => Ok(()),
    }
}

fn not_a_component(bytes: &[u8]) -> String {
    match Parser::is_core_wasm(bytes) {
        true => "is a core WASM module, not a component; build it with `ropewalk module build`, or encode it with \
                 `wasm-tools component new`"
            .to_owned(),
        false => "is not a WASM component; send the `.wasm` file that `ropewalk module build` writes".to_owned(),
    }
}

/// How many of each kind were found.
#[derive(Default)]
struct Counts {
    functions: u64,
    imports: u64,
    exports: u64,
    types: u64,
    instances: u64,
    memories: u64,
    tables: u64,
}

struct Scan<'a> {
    limits: &'a Limits,
    depth: u32,
    counts: Counts,
    surface: Surface,
    faults: Vec<String>,
}

impl Scan<'_> {
    /// Types are only counted. The compiler reads them, in its own process.
    fn visit(&mut self, payload: &Payload<'_>) -> wasmparser::Result<()> {
        let counts = &mut self.counts;
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => self.depth += 1,
            Payload::End(_) => self.depth = self.depth.saturating_sub(1),
            Payload::CodeSectionStart { count, .. } => counts.functions += u64::from(*count),
            Payload::CodeSectionEntry(body) => self.check_function(body.range().len()),
            Payload::TypeSection(section) => counts.types += u64::from(section.count()),
            Payload::CoreTypeSection(section) => counts.types += u64::from(section.count()),
            Payload::ComponentTypeSection(section) => counts.types += u64::from(section.count()),
            Payload::ImportSection(section) => counts.imports += u64::from(section.count()),
            Payload::ExportSection(section) => counts.exports += u64::from(section.count()),
            Payload::ComponentInstanceSection(section) => counts.exports += u64::from(section.count()),
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    counts.instances += u64::from(matches!(instance?, Instance::Instantiate { .. }));
                }
            }
            Payload::MemorySection(section) => section.clone().into_iter().try_for_each(|memory| {
                self.check_memory(&memory?);
                Ok(())
            })?,
            Payload::TableSection(section) => section.clone().into_iter().try_for_each(|table| {
                self.check_table(&table?.ty);
                Ok(())
            })?,
            Payload::ComponentImportSection(section) => {
                counts.imports += u64::from(section.count());
                self.component_imports(section)?;
            }
            Payload::ComponentExportSection(section) => {
                counts.exports += u64::from(section.count());
                self.component_exports(section)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The imports of a nested component concern only the component around it.
    fn component_imports(&mut self, section: &wasmparser::ComponentImportSectionReader<'_>) -> wasmparser::Result<()> {
        if self.depth > 0 || section.count() > self.limits.declarations {
            return Ok(());
        }
        for import in section.clone() {
            self.surface.imports.push(import?.name.name.to_owned());
        }
        Ok(())
    }

    fn component_exports(&mut self, section: &wasmparser::ComponentExportSectionReader<'_>) -> wasmparser::Result<()> {
        if self.depth > 0 || section.count() > self.limits.declarations {
            return Ok(());
        }
        for export in section.clone() {
            let export = export?;
            if export.kind == ComponentExternalKind::Instance {
                self.surface.exports.push(export.name.name.to_owned());
            }
        }
        Ok(())
    }

    fn check_function(&mut self, size: usize) {
        if size > self.limits.function {
            let most = in_words(self.limits.function);
            self.add_fault(format!("has a function of {}; at most {most} are allowed", in_words(size)));
        }
    }

    fn check_memory(&mut self, memory: &MemoryType) {
        self.counts.memories += 1;
        let size = usize::try_from(memory.initial.saturating_mul(PAGE)).unwrap_or(usize::MAX);
        if size > self.limits.memory {
            let most = in_words(self.limits.memory);
            self.add_fault(format!("starts with {} of memory; at most {most} are allowed", in_words(size)));
        }
    }

    fn check_table(&mut self, table: &TableType) {
        self.counts.tables += 1;
        if table.initial > self.limits.table_elements as u64 {
            let most = self.limits.table_elements;
            self.add_fault(format!("starts with a table of {} elements; at most {most} are allowed", table.initial));
        }
    }

    /// Adds a fault. A component may break one limit a thousand times, so their number is bounded.
    fn add_fault(&mut self, fault: String) {
        const MOST_FAULTS: usize = 20;
        if self.faults.len() < MOST_FAULTS && !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    fn finish(mut self) -> Result<Surface, Vec<String>> {
        let Counts { functions, imports, exports, types, instances, memories, tables } = self.counts;
        let Limits { functions: most_functions, declarations, .. } = *self.limits;
        let counted = [
            (functions, "functions", most_functions),
            (imports, "imports", declarations),
            (exports, "exports", declarations),
            (types, "types", declarations),
            (instances, "instances of core modules", CORE_INSTANCES),
            (memories, "linear memories", MEMORIES),
            (tables, "tables", TABLES),
        ];
        for (count, what, most) in counted {
            if count > u64::from(most) {
                self.faults.push(format!("has {count} {what}; at most {most} are allowed"));
            }
        }
        if self.faults.is_empty() { Ok(self.surface) } else { Err(self.faults) }
    }
}

#[cfg(test)]
mod tests;
