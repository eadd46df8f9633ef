//! Operands: what a field is compared with.

use std::cmp::Ordering;

use serde_json::Value;
use values::order::{Instant, compare_in, equal_in, instant_in};
use values::path::Path;

use super::verdict::Verdict;
use crate::model::wall::Zone;

/// What a field is compared with.
#[derive(Debug, Clone)]
pub struct Operand {
    pub(super) content: Content,
    zone: Zone,
}

/// A constant value or another field.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// A constant, with the instant that it names if it is a date or an instant.
    Value(Value, Option<Instant>),
    /// Another field of the record. No comparison with a missing field holds.
    Field(Path),
}

/// Kinds of values: a comparison between two of them is probably a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Date,
    Text,
}

impl Operand {
    pub(super) fn value(value: Value, zone: Zone) -> Self {
        let instant = value.as_str().and_then(|text| instant_in(text, &zone));
        Self { content: Content::Value(value, instant), zone }
    }

    pub(super) fn field(path: Path, zone: Zone) -> Self {
        Self { content: Content::Field(path), zone }
    }

    /// The value of the operand for a record; none if it is a field that the record does not have.
    pub(super) fn resolve<'a>(&'a self, record: &'a Value) -> Option<&'a Value> {
        match &self.content {
            Content::Value(value, _) => Some(value),
            Content::Field(path) => path.of(record),
        }
    }

    /// Whether a value equals the operand; none if the operand is a field that the record does not have.
    pub(super) fn equals(&self, value: &Value, record: &Value) -> Option<bool> {
        self.resolve(record).map(|other| equal_in(value, other, &self.zone))
    }

    /// Whether a value contains the operand: as a part of a text, or as an element of a list.
    pub(super) fn is_in(&self, value: &Value, record: &Value) -> bool {
        match (value, self.resolve(record)) {
            (Value::String(text), Some(Value::String(part))) => text.contains(part.as_str()),
            (Value::Array(elements), Some(part)) => elements.iter().any(|element| equal_in(element, part, &self.zone)),
            _ => false,
        }
    }

    /// Whether `holds` is true for the order of a value and the operand. Undecided if the two are of
    /// different [kinds](Kind).
    pub(super) fn orders(&self, value: &Value, record: &Value, holds: fn(Ordering) -> bool) -> Verdict {
        let Some(other) = self.resolve(record) else { return Verdict::Fails };
        match self.compare(value, other) {
            Some(order) => holds(order).into(),
            None if self.mismatch(value, record).is_some() => Verdict::Undecided,
            None => Verdict::Fails,
        }
    }

    fn compare(&self, value: &Value, other: &Value) -> Option<Ordering> {
        match (value, &self.content) {
            // The instant of the operand was parsed once, in `value`.
            (Value::String(text), Content::Value(_, Some(instant))) => {
                instant_in(text, &self.zone).map(|of_value| of_value.cmp(instant))
            }
            _ => compare_in(value, other, &self.zone),
        }
    }

    /// The kinds of the value and the operand, if they are different.
    pub(super) fn mismatch(&self, value: &Value, record: &Value) -> Option<(Kind, Kind)> {
        let kinds = (self.kind(value)?, self.kind(self.resolve(record)?)?);
        (kinds.0 != kinds.1).then_some(kinds)
    }

    fn kind(&self, value: &Value) -> Option<Kind> {
        match value {
            Value::Number(_) => Some(Kind::Number),
            Value::String(text) if instant_in(text, &self.zone).is_some() => Some(Kind::Date),
            Value::String(_) => Some(Kind::Text),
            _ => None,
        }
    }

    /// The value and the operand, if both are texts.
    pub(super) fn texts<'a>(&'a self, value: &'a Value, record: &'a Value) -> Option<(&'a str, &'a str)> {
        Some((value.as_str()?, self.resolve(record)?.as_str()?))
    }
}
