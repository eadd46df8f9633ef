//! Filters: which records go on, in which order, with which fields.
//!
//! This file holds the rendered [`Filter`]. How a definition is read is in `reader`.

mod distinct;
mod lookup;
mod named_lines;
mod reader;
mod selection;
mod shape;

use chrono_tz::Tz;
use serde_json::Value;
use values::order::Key;
use values::path::Path;

use self::distinct::Distinct;
use self::reader::Reader;
use super::criteria::{Criteria, Reading, Verdict};
use super::fault::Fault;
use super::source::{Source, Types};
use super::wall::Zone;

pub use distinct::Digest;
pub use lookup::{Key as LookupKey, Lookup, Missing};
pub use named_lines::lines_named;
pub use selection::Selection;
pub use shape::faults_of_shape;

/// A field to sort by.
pub type SortKey = Key<Zone>;

/// A filter definition after rendering. Its parts are applied in this order:
/// `lookup`, `where`, `script`, `orderBy`, `distinct`, `offset` and `limit`, `select`.
#[derive(Debug)]
pub struct Filter {
    /// Where the records come from; none for the set of the line before.
    pub source: Option<Source>,
    /// The types of the source's fields.
    pub types: Types,
    lookups: Vec<Lookup>,
    criteria: Criteria,
    has_script: bool,
    order_by: Vec<SortKey>,
    distinct: Option<Distinct>,
    offset: usize,
    limit: Option<usize>,
    select: Option<Selection>,
}

impl Filter {
    /// Every fault that the schema cannot find and that can be found before placeholders are rendered.
    pub fn check(written: &Value, path: &str) -> Vec<Fault> {
        match Reader::new(Reading::Written, path, Tz::UTC).filter(written) {
            Ok(_) => Vec::new(),
            Err(faults) => faults,
        }
    }

    /// Reads a rendered definition. A bare date means midnight in `zone`.
    ///
    /// # Errors
    /// Every fault, with its path below `path`.
    pub fn read(rendered: &Value, path: &str, zone: Tz) -> Result<Self, Vec<Fault>> {
        let faults = shape::faults(rendered, path, Reading::Rendered);
        if faults.is_empty() { Reader::new(Reading::Rendered, path, zone).filter(rendered) } else { Err(faults) }
    }

    /// Whether a record meets the criteria.
    pub fn keeps(&self, record: &Value) -> bool {
        self.criteria.matches(record)
    }

    /// Whether a record meets the criteria, or whether that cannot be decided.
    pub fn judge(&self, record: &Value) -> Verdict {
        self.criteria.judge(record)
    }

    /// Every field of the records that the filter needs.
    pub fn fields(&self) -> Vec<Path> {
        let mut fields = self.criteria.fields();
        fields.extend(self.order_by.iter().map(|key| key.path.clone()));
        if let Some(Distinct::By(paths)) = &self.distinct {
            fields.extend(paths.iter().cloned());
        }
        fields.extend(self.select.iter().flatten().map(|(_, path)| path.clone()));
        // Fields that a lookup adds are not in the records of the source.
        fields.retain(|path| !self.lookups.iter().any(|lookup| path.leads_into(&lookup.name)));
        fields
    }

    /// The criteria for the records that are kept.
    pub fn criteria(&self) -> &Criteria {
        &self.criteria
    }

    /// The lookups, in the order in which they are applied before the criteria.
    pub fn lookups(&self) -> &[Lookup] {
        &self.lookups
    }

    /// The part of the criteria that does not depend on lookups. A record that does not meet it
    /// cannot meet the whole criteria after the lookups either.
    pub fn criteria_before_lookups(&self) -> Criteria {
        self.lookups.iter().fold(self.criteria.clone(), |criteria, lookup| criteria.without(&lookup.name))
    }

    /// How many records that meet the criteria are enough, counted from the first; none if the
    /// filter has to see all of them.
    pub fn stop_after(&self) -> Option<usize> {
        let first_come = self.order_by.is_empty() && self.distinct.is_none() && !self.has_script;
        self.limit.filter(|_| first_come && self.lookups.is_empty()).map(|limit| limit.saturating_add(self.offset))
    }

    /// The keys that the records are sorted by; empty if they keep their order.
    pub fn order(&self) -> &[SortKey] {
        &self.order_by
    }

    /// How many of the first records, in their order, can go on at most; none if there is no such
    /// bound, because `distinct` may leave out some of them.
    pub fn at_most(&self) -> Option<usize> {
        self.limit.filter(|_| self.distinct.is_none()).map(|limit| limit.saturating_add(self.offset))
    }

    /// Identifies a record for `distinct`: of the records with the same digest, only the first goes
    /// on. None without `distinct`.
    pub fn digest(&self, record: &Value) -> Option<Digest> {
        self.distinct.as_ref().map(|distinct| distinct.digest(record))
    }

    /// How many of the first records are left out.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// How many records go on after the offset; none for all.
    pub fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// The record with the fields that `select` names, or all of them without `select`.
    pub fn shown(&self, record: Value) -> Value {
        match &self.select {
            Some(fields) => selection::select(&record, fields),
            None => record,
        }
    }
}

#[cfg(test)]
mod tests;
