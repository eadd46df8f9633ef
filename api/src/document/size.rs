//! Measures a parsed document: as it is written, and with all fragments expanded. Each fragment is measured once and
//! never really expanded, since fragments that spread each other twice grow exponentially.

use std::collections::HashMap;

use async_graphql::parser::types::{Directive, ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Name, Positioned};

use crate::error::{ApiError, Code};

/// The size of a document as it is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct WrittenSize {
    /// Fields, spreads and inline fragments.
    pub selections: usize,
    /// Fields with an alias.
    pub aliases: usize,
    /// Directives.
    pub directives: usize,
}

/// Counts the selections, aliases and directives in the text. Recurses as deep as the parser did, which is bounded.
pub fn written(document: &ExecutableDocument) -> WrittenSize {
    let mut written = WrittenSize::default();
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

impl WrittenSize {
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

/// The size of a part of a document with all fragments expanded.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExpandedSize {
    /// Fields, spreads and inline fragments.
    pub selections: usize,
    /// Nested fields.
    pub depth: usize,
    /// Nested fields below `__schema` and `__type`.
    pub schema_depth: usize,
    /// Nested lists of the schema.
    pub schema_lists: usize,
}

/// Measures the document with all fragments expanded: the sum of the selections of all operations, and the deepest
/// nesting.
///
/// # Errors
/// A fragment spreads itself, directly or through others.
pub fn expanded(document: &ExecutableDocument) -> Result<ExpandedSize, ApiError> {
    let mut measure = Measure { document, fragments: HashMap::new() };
    let mut total = ExpandedSize::default();
    for (_, operation) in document.operations.iter() {
        total = total.with(measure.set(&operation.node.selection_set.node)?);
    }
    // A fragment that no operation spreads is validated too, so it is measured too. It may be one of the schema, so the
    // higher limit of the depth applies.
    for fragment in document.fragments.values() {
        let alone = measure.set(&fragment.node.selection_set.node)?;
        let schema_depth = alone.schema_depth.max(alone.depth);
        total = total.beside(ExpandedSize { depth: 0, schema_depth, ..alone });
    }
    Ok(total)
}

struct Measure<'a> {
    document: &'a ExecutableDocument,
    /// The size of each fragment; none while it is measured.
    fragments: HashMap<&'a Name, Option<ExpandedSize>>,
}

impl<'a> Measure<'a> {
    fn set(&mut self, set: &'a SelectionSet) -> Result<ExpandedSize, ApiError> {
        let mut size = ExpandedSize::default();
        for selection in &set.items {
            let selected = match &selection.node {
                Selection::Field(field) => {
                    self.set(&field.node.selection_set.node)?.below(field.node.name.node.as_str())
                }
                Selection::InlineFragment(fragment) => self.set(&fragment.node.selection_set.node)?,
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node)?,
            };
            size = size.with(selected);
        }
        Ok(size)
    }

    fn fragment(&mut self, name: &'a Name) -> Result<ExpandedSize, ApiError> {
        match self.fragments.get(name) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => {
                return Err(ApiError::new(Code::BadRequest, format!("The fragment `{name}` spreads itself.")));
            }
            None => {}
        }
        // Validation refuses an unknown fragment with a better message.
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(ExpandedSize::default()) };
        self.fragments.insert(name, None);
        let size = self.set(&fragment.node.selection_set.node)?;
        self.fragments.insert(name, Some(size));
        Ok(size)
    }
}

impl ExpandedSize {
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
