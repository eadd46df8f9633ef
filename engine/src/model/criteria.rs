//! Criteria: a closed tree of tests on one record.
//!
//! Pure and total: once parsed, a test never ends in an error. A missing field is not
//! null, and no operator holds for it but `exists: false` and `isNull: true`.

mod fields;
mod foreign;
mod mismatch;
mod operand;
mod parse;
mod spelling;
mod verdict;
mod without;

use std::cmp::Ordering;

use regex::Regex;
use serde_json::Value;
use values::path::Path;

pub use mismatch::Mismatches;
pub use operand::Operand;
pub use parse::{OPERATORS, Reading, close, parse};
pub use verdict::Verdict;

/// A parsed tree. An empty `All` matches everything.
#[expect(clippy::large_enum_variant, reason = "nearly every part of a tree is a test of a field")]
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

impl Criteria {
    /// Whether the record meets them.
    pub fn matches(&self, record: &Value) -> bool {
        self.judge(record) == Verdict::Holds
    }

    /// Whether the record meets them, or whether that cannot be decided.
    pub fn judge(&self, record: &Value) -> Verdict {
        match self {
            Self::All(all) => Verdict::all(all.iter().map(|criteria| criteria.judge(record))),
            Self::Any(any) => Verdict::any(any.iter().map(|criteria| criteria.judge(record))),
            Self::Not(criteria) => criteria.judge(record).negated(),
            Self::Field(path, test) => test.judge(path.of(record), record),
        }
    }
}

impl Test {
    fn judge(&self, value: Option<&Value>, record: &Value) -> Verdict {
        match (self, value) {
            (Self::Every(tests), value) => Verdict::all(tests.iter().map(|test| test.judge(value, record))),
            (Self::Exists(wanted), value) => (value.is_some() == *wanted).into(),
            (Self::IsNull(wanted), value) => (value.is_none_or(Value::is_null) == *wanted).into(),
            (_, None) => Verdict::Fails,
            (test, Some(value)) => test.judge_value(value, record),
        }
    }

    fn judge_value(&self, value: &Value, record: &Value) -> Verdict {
        match self {
            Self::Compare(comparison, operand) => comparison.judge(value, operand, record),
            Self::Between(low, high) => Verdict::all(
                [(Comparison::GreaterOrEqual, low), (Comparison::LessOrEqual, high)]
                    .map(|(comparison, bound)| comparison.judge(value, bound, record)),
            ),
            Self::AnyElement(element) => {
                let elements = value.as_array().into_iter().flatten();
                Verdict::any(elements.map(|one| element.judge(one, record)))
            }
            Self::AllElements(element) => match value.as_array() {
                Some(elements) => Verdict::all(elements.iter().map(|one| element.judge(one, record))),
                None => Verdict::Fails,
            },
            Self::Every(_) | Self::Exists(_) | Self::IsNull(_) => self.judge(Some(value), record),
            certain => certain.holds(value, record).into(),
        }
    }

    /// Tests that are always decided.
    fn holds(&self, value: &Value, record: &Value) -> bool {
        match self {
            Self::In(operands) => is_one_of(operands, value, record),
            Self::NotIn(operands) => !is_one_of(operands, value, record),
            Self::Contains(operand) => operand.is_in(value, record),
            Self::StartsWith(operand) => {
                operand.texts(value, record).is_some_and(|(text, part)| text.starts_with(part))
            }
            Self::EndsWith(operand) => operand.texts(value, record).is_some_and(|(text, part)| text.ends_with(part)),
            Self::Matches(regex) => value.as_str().is_some_and(|text| regex.is_match(text)),
            Self::IsEmpty(wanted) => is_empty(value) == *wanted,
            _ => false,
        }
    }
}

impl Element {
    fn judge(&self, element: &Value, record: &Value) -> Verdict {
        match self {
            Self::Itself(test) => test.judge(Some(element), record),
            Self::Object(criteria) => criteria.judge(element),
        }
    }
}

impl Comparison {
    fn judge(self, value: &Value, operand: &Operand, record: &Value) -> Verdict {
        match self {
            Self::Equal => (operand.equals(value, record) == Some(true)).into(),
            Self::Unequal => (operand.equals(value, record) == Some(false)).into(),
            Self::Less => operand.orders(value, record, Ordering::is_lt),
            Self::LessOrEqual => operand.orders(value, record, Ordering::is_le),
            Self::Greater => operand.orders(value, record, Ordering::is_gt),
            Self::GreaterOrEqual => operand.orders(value, record, Ordering::is_ge),
        }
    }
}

fn is_one_of(operands: &[Operand], value: &Value, record: &Value) -> bool {
    operands.iter().any(|operand| operand.equals(value, record) == Some(true))
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
mod oracle;
#[cfg(test)]
mod tests;
