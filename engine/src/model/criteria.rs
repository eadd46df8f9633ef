//! Criteria: a closed tree of tests on one record.
//!
//! Pure and total: once parsed, a test never fails. A missing field is not
//! null, and no operator holds for it but `exists: false` and `isNull: true`.

mod parse;
mod spelling;
mod without;

use std::cmp::Ordering;

use regex::Regex;
use serde_json::Value;
use values::order::{compare, equal};
use values::path::Path;

pub use parse::{OPERATORS, Reading, close, parse};

/// A parsed tree. An empty `All` matches everything.
#[derive(Debug, Clone)]
pub enum Criteria {
    /// Every one holds.
    All(Vec<Criteria>),
    /// At least one holds.
    Any(Vec<Criteria>),
    /// It does not hold.
    Not(Box<Criteria>),
    /// A field passes a test.
    Field(Path, Test),
}

/// What is asked of one value.
#[derive(Debug, Clone)]
pub enum Test {
    /// Compares with an operand: one of the orderings, or incomparable for `ne`.
    Compare(Comparison, Operand),
    /// Equal to one of these.
    In(Vec<Operand>),
    /// Equal to none of these.
    NotIn(Vec<Operand>),
    /// From the first to the second, both included.
    Between(Operand, Operand),
    /// A text contains the text; an array contains the value.
    Contains(Operand),
    /// A text begins with the text.
    StartsWith(Operand),
    /// A text ends with the text.
    EndsWith(Operand),
    /// A text matches: `like`, `ilike` and `matches`.
    Matches(Regex),
    /// The field is there.
    Exists(bool),
    /// The field is null or not there.
    IsNull(bool),
    /// Null, or a text, array or object without content.
    IsEmpty(bool),
    /// Some element of the array passes.
    AnyElement(Box<Element>),
    /// Every element of the array passes.
    AllElements(Box<Element>),
    /// Every one of several tests on the same value.
    Every(Vec<Test>),
}

/// What is asked of an element of an array.
#[derive(Debug, Clone)]
pub enum Element {
    /// The element itself passes.
    Itself(Test),
    /// The element, an object, meets criteria.
    Object(Criteria),
}

/// The comparing operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `eq`
    Equal,
    /// `ne`
    Unequal,
    /// `lt`
    Less,
    /// `lte`
    LessOrEqual,
    /// `gt`
    Greater,
    /// `gte`
    GreaterOrEqual,
}

/// What a field is compared with.
#[derive(Debug, Clone)]
pub enum Operand {
    /// A value.
    Value(Value),
    /// Another field of the record; nothing compares with a missing one.
    Field(Path),
}

impl Criteria {
    /// Whether the record meets them.
    pub fn matches(&self, record: &Value) -> bool {
        match self {
            Self::All(all) => all.iter().all(|criteria| criteria.matches(record)),
            Self::Any(any) => any.iter().any(|criteria| criteria.matches(record)),
            Self::Not(criteria) => !criteria.matches(record),
            Self::Field(path, test) => test.holds(path.of(record), record),
        }
    }
}

impl Test {
    fn holds(&self, value: Option<&Value>, record: &Value) -> bool {
        match (self, value) {
            (Self::Every(tests), value) => tests.iter().all(|test| test.holds(value, record)),
            (Self::Exists(wanted), value) => value.is_some() == *wanted,
            (Self::IsNull(wanted), value) => value.is_none_or(Value::is_null) == *wanted,
            (_, None) => false,
            (test, Some(value)) => test.holds_for(value, record),
        }
    }

    fn holds_for(&self, value: &Value, record: &Value) -> bool {
        match self {
            Self::Compare(comparison, operand) => {
                operand.of(record).is_some_and(|other| comparison.holds(value, other))
            }
            Self::In(operands) => {
                operands.iter().any(|operand| operand.of(record).is_some_and(|other| equal(value, other)))
            }
            Self::NotIn(operands) => {
                !operands.iter().any(|operand| operand.of(record).is_some_and(|other| equal(value, other)))
            }
            Self::Between(low, high) => {
                let above = low.of(record).is_some_and(|low| Comparison::GreaterOrEqual.holds(value, low));
                above && high.of(record).is_some_and(|high| Comparison::LessOrEqual.holds(value, high))
            }
            Self::Contains(operand) => operand.of(record).is_some_and(|part| contains(value, part)),
            Self::StartsWith(operand) => {
                operand.texts(value, record).is_some_and(|(text, part)| text.starts_with(part))
            }
            Self::EndsWith(operand) => operand.texts(value, record).is_some_and(|(text, part)| text.ends_with(part)),
            Self::Matches(regex) => value.as_str().is_some_and(|text| regex.is_match(text)),
            Self::IsEmpty(wanted) => is_empty(value) == *wanted,
            Self::AnyElement(element) => {
                value.as_array().is_some_and(|all| all.iter().any(|one| element.holds(one, record)))
            }
            Self::AllElements(element) => {
                value.as_array().is_some_and(|all| all.iter().all(|one| element.holds(one, record)))
            }
            Self::Every(_) | Self::Exists(_) | Self::IsNull(_) => self.holds(Some(value), record),
        }
    }
}

impl Element {
    fn holds(&self, element: &Value, record: &Value) -> bool {
        match self {
            Self::Itself(test) => test.holds(Some(element), record),
            Self::Object(criteria) => criteria.matches(element),
        }
    }
}

impl Comparison {
    fn holds(self, value: &Value, other: &Value) -> bool {
        match self {
            Self::Equal => equal(value, other),
            Self::Unequal => !equal(value, other),
            Self::Less => compare(value, other) == Some(Ordering::Less),
            Self::LessOrEqual => compare(value, other).is_some_and(Ordering::is_le),
            Self::Greater => compare(value, other) == Some(Ordering::Greater),
            Self::GreaterOrEqual => compare(value, other).is_some_and(Ordering::is_ge),
        }
    }
}

impl Operand {
    fn of<'a>(&'a self, record: &'a Value) -> Option<&'a Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::Field(path) => path.of(record),
        }
    }

    fn texts<'a>(&'a self, value: &'a Value, record: &'a Value) -> Option<(&'a str, &'a str)> {
        Some((value.as_str()?, self.of(record)?.as_str()?))
    }
}

fn contains(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        (Value::Array(elements), part) => elements.iter().any(|element| equal(element, part)),
        _ => false,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests;
