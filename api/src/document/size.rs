//! Measures a parsed document: as it is written, and as it is with every fragment
//! put in where it is spread. Each fragment is measured once, so that fragments
//! which double each other are counted, not built.

use std::collections::HashMap;

use async_graphql::parser::types::{Directive, ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Name, Positioned};

use crate::refusal::{Code, Refusal};

/// What stands in the text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Written {
    /// Fields, spreads and inline fragments.
    pub selections: usize,
    /// Fields with an alias.
    pub aliases: usize,
    /// Directives.
    pub directives: usize,
}

/// Counts what stands in the text. Recurses as deep as the parser did, which is bounded.
pub fn written(document: &ExecutableDocument) -> Written {
    let mut written = Written::default();
    for (_, operation) in document.operations.iter() {
        written.directives += operation.node.directives.len();
        let variables = operation.node.variable_definitions.iter();
        written.directives += variables.map(|variable| variable.node.directives.len()).sum::<usize>();
        written.add(&operation.node.selection_set.node);
    }
    for fragment in document.fragments.values() {
        written.directives += fragment.node.directives.len();
        written.add(&fragment.node.selection_set.node);
    }
    written
}

impl Written {
    fn add(&mut self, set: &SelectionSet) {
        for selection in &set.items {
            let directives: &[Positioned<Directive>] = selection.node.directives();
            self.directives += directives.len();
            self.selections += 1;
            match &selection.node {
                Selection::Field(field) => {
                    self.aliases += usize::from(field.node.alias.is_some());
                    self.add(&field.node.selection_set.node);
                }
                Selection::InlineFragment(fragment) => self.add(&fragment.node.selection_set.node),
                Selection::FragmentSpread(_) => {}
            }
        }
    }
}

/// What a part of a document amounts to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Size {
    /// Fields, spreads and inline fragments.
    pub selections: usize,
    /// Fields inside each other.
    pub depth: usize,
    /// Fields inside each other below `__schema` and `__type`.
    pub schema_depth: usize,
    /// Lists of the schema inside each other.
    pub schema_lists: usize,
}

/// Measures the document with its fragments put in: selections over all operations,
/// and the deepest of everything else.
///
/// # Errors
/// When a fragment spreads itself, at whatever remove.
pub fn expanded(document: &ExecutableDocument) -> Result<Size, Refusal> {
    let mut measure = Measure { document, fragments: HashMap::new() };
    let mut total = Size::default();
    for (_, operation) in document.operations.iter() {
        total = total.with(measure.set(&operation.node.selection_set.node)?);
    }
    // A fragment that nobody spreads is validated too, so it is measured too. By itself
    // it does not tell whether it is about the schema: then the deeper wall holds.
    for fragment in document.fragments.values() {
        let alone = measure.set(&fragment.node.selection_set.node)?;
        let schema_depth = alone.schema_depth.max(alone.depth);
        total = total.beside(Size { depth: 0, schema_depth, ..alone });
    }
    Ok(total)
}

struct Measure<'a> {
    document: &'a ExecutableDocument,
    /// What is known of each fragment; none while it is being measured.
    fragments: HashMap<&'a Name, Option<Size>>,
}

impl<'a> Measure<'a> {
    fn set(&mut self, set: &'a SelectionSet) -> Result<Size, Refusal> {
        let mut size = Size::default();
        for selection in &set.items {
            let one = match &selection.node {
                Selection::Field(field) => {
                    self.set(&field.node.selection_set.node)?.below(field.node.name.node.as_str())
                }
                Selection::InlineFragment(fragment) => self.set(&fragment.node.selection_set.node)?,
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node)?,
            };
            size = size.with(one);
        }
        Ok(size)
    }

    fn fragment(&mut self, name: &'a Name) -> Result<Size, Refusal> {
        match self.fragments.get(name) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => return Err(Refusal::new(Code::BadRequest, format!("The fragment `{name}` spreads itself."))),
            None => {}
        }
        // Validation says it better when there is no such fragment.
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(Size::default()) };
        self.fragments.insert(name, None);
        let size = self.set(&fragment.node.selection_set.node)?;
        self.fragments.insert(name, Some(size));
        Ok(size)
    }
}

impl Size {
    /// The field `name` around this.
    fn below(self, name: &str) -> Self {
        if name.starts_with("__") {
            return Self { depth: 1, schema_depth: self.depth.max(self.schema_depth) + 1, ..self };
        }
        let list = matches!(name, "fields" | "inputFields" | "interfaces" | "possibleTypes");
        Self { depth: self.depth + 1, schema_lists: self.schema_lists + usize::from(list), ..self }
    }

    /// This and one more selection after it.
    fn with(self, next: Self) -> Self {
        let selections = self.selections.saturating_add(next.selections).saturating_add(1);
        Self { selections, ..self.beside(next) }
    }

    fn beside(self, other: Self) -> Self {
        Self {
            selections: self.selections.max(other.selections),
            depth: self.depth.max(other.depth),
            schema_depth: self.schema_depth.max(other.schema_depth),
            schema_lists: self.schema_lists.max(other.schema_lists),
        }
    }
}
