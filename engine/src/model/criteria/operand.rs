//! What a field is compared with, and how the two compare.

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

/// A value that was written, or another field.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// A value, with the moment that it names.
    Value(Value, Option<Instant>),
    /// Another field of the record; nothing compares with a missing one.
    Field(Path),
}

/// The kinds of values between which a comparison is probably a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Date,
    Text,
}

impl Operand {
    pub(super) fn value(value: Value, zone: Zone) -> Self {
        let moment = value.as_str().and_then(|text| instant_in(text, &zone));
        Self { content: Content::Value(value, moment), zone }
    }

    pub(super) fn field(path: Path, zone: Zone) -> Self {
        Self { content: Content::Field(path), zone }
    }

    /// The value in a record; none if the field is missing.
    pub(super) fn of<'a>(&'a self, record: &'a Value) -> Option<&'a Value> {
        match &self.content {
            Content::Value(value, _) => Some(value),
            Content::Field(path) => path.of(record),
        }
    }

    /// Whether a value is equal to it; none if it is a field that the record does not have.
    pub(super) fn equals(&self, value: &Value, record: &Value) -> Option<bool> {
        self.of(record).map(|other| equal_in(value, other, &self.zone))
    }

    /// Whether a value contains it: as a part of a text, or as an element of a list.
    pub(super) fn is_in(&self, value: &Value, record: &Value) -> bool {
        match (value, self.of(record)) {
            (Value::String(text), Some(Value::String(part))) => text.contains(part.as_str()),
            (Value::Array(elements), Some(part)) => elements.iter().any(|element| equal_in(element, part, &self.zone)),
            _ => false,
        }
    }

    /// Whether a value stands in such an order to it. Undecided for values that a reader would
    /// put in order, but that are of different kinds.
    pub(super) fn orders(&self, value: &Value, record: &Value, holds: fn(Ordering) -> bool) -> Verdict {
        let Some(other) = self.of(record) else { return Verdict::Fails };
        match self.compare(value, other) {
            Some(order) => holds(order).into(),
            None if self.mismatch(value, record).is_some() => Verdict::Undecided,
            None => Verdict::Fails,
        }
    }

    fn compare(&self, value: &Value, other: &Value) -> Option<Ordering> {
        match (value, &self.content) {
            // The moment of the operand is known already.
            (Value::String(text), Content::Value(_, Some(moment))) => {
                instant_in(text, &self.zone).map(|of_value| of_value.cmp(moment))
            }
            _ => compare_in(value, other, &self.zone),
        }
    }

    /// The kinds of the value and the operand, if they are different.
    pub(super) fn mismatch(&self, value: &Value, record: &Value) -> Option<(Kind, Kind)> {
        let kinds = (self.kind(value)?, self.kind(self.of(record)?)?);
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

    /// Both as texts, if they are.
    pub(super) fn texts<'a>(&'a self, value: &'a Value, record: &'a Value) -> Option<(&'a str, &'a str)> {
        Some((value.as_str()?, self.of(record)?.as_str()?))
    }
}
