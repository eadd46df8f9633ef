//! Criteria: a closed tree of tests on one record.
//!
//! Once parsed, a test never fails with an error. A missing field is not null, and only
//! `exists: false` and `isNull: true` hold for it.

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
#[expect(clippy::large_enum_variant, reason = "nearly every node of a tree is a test of a field")]
#[derive(Debug, Clone)]
pub enum Criteria {
    /// All of them hold.
    All(Vec<Criteria>),
    /// At least one of them holds.
    Any(Vec<Criteria>),
    /// The inner criteria do not hold.
    Not(Box<Criteria>),
    /// A field passes a test.
    Field(Path, Test),
}

/// A test of one value.
#[derive(Debug, Clone)]
pub enum Test {
    /// Compares with an operand.
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
    /// The field exists, or with `false`, it is missing.
    Exists(bool),
    /// The field is null or missing.
    IsNull(bool),
    /// Null, or an empty text, array or object.
    IsEmpty(bool),
    /// Some element of the array passes.
    AnyElement(Box<Element>),
    /// Every element of the array passes.
    AllElements(Box<Element>),
    /// The value passes all of these tests.
    Every(Vec<Test>),
}

/// A test of an element of an array.
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
    /// Whether the record meets the criteria.
    pub fn matches(&self, record: &Value) -> bool {
        self.judge(record) == Verdict::Holds
    }

    /// How many tests there are; none if one of them is a pattern, which may take long.
    pub fn quick_tests(&self) -> Option<usize> {
        match self {
            Self::All(all) | Self::Any(all) => all.iter().map(Self::quick_tests).sum(),
            Self::Not(criteria) => criteria.quick_tests(),
            Self::Field(_, test) => test.quick_tests(),
        }
    }

    /// Whether the record meets the criteria, or whether that cannot be decided.
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
    fn quick_tests(&self) -> Option<usize> {
        match self {
            Self::Matches(_) => None,
            Self::Every(tests) => tests.iter().map(Self::quick_tests).sum(),
            Self::In(operands) | Self::NotIn(operands) => Some(operands.len()),
            Self::AnyElement(element) | Self::AllElements(element) => match element.as_ref() {
                Element::Itself(test) => test.quick_tests(),
                Element::Object(criteria) => criteria.quick_tests(),
            },
            _ => Some(1),
        }
    }

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
                Verdict::any(elements.map(|value| element.judge(value, record)))
            }
            Self::AllElements(element) => match value.as_array() {
                Some(elements) => Verdict::all(elements.iter().map(|value| element.judge(value, record))),
                None => Verdict::Fails,
            },
            Self::Every(_) | Self::Exists(_) | Self::IsNull(_) => self.judge(Some(value), record),
            decidable => decidable.holds(value, record).into(),
        }
    }

    /// The operands of the test and of the tests inside it, except tests on the fields of elements.
    fn operands(&self) -> Vec<&Operand> {
        match self {
            Self::Compare(_, operand)
            | Self::Contains(operand)
            | Self::StartsWith(operand)
            | Self::EndsWith(operand) => vec![operand],
            Self::In(operands) | Self::NotIn(operands) => operands.iter().collect(),
            Self::Between(low, high) => vec![low, high],
            Self::Every(tests) => tests.iter().flat_map(Self::operands).collect(),
            Self::AnyElement(element) | Self::AllElements(element) => match element.as_ref() {
                Element::Itself(test) => test.operands(),
                Element::Object(_) => Vec::new(),
            },
            Self::Matches(_) | Self::Exists(_) | Self::IsNull(_) | Self::IsEmpty(_) => Vec::new(),
        }
    }

    /// The tests that can always be decided.
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
