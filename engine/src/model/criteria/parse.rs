//! From JSON to criteria, with every fault at its path.

use chrono_tz::Tz;
use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};
use values::path::Path;

use super::foreign::{refused_name, refused_text};
use super::{Comparison, Criteria, Element, Operand, Test};
use crate::model::fault::{Fault, did_you_mean, element, field};
use crate::model::template::is_templated;
use crate::model::wall::Zone;

/// Every operator.
pub const OPERATORS: [&str; 20] = [
    "eq",
    "ne",
    "lt",
    "lte",
    "gt",
    "gte",
    "in",
    "notIn",
    "between",
    "contains",
    "startsWith",
    "endsWith",
    "like",
    "ilike",
    "matches",
    "exists",
    "isNull",
    "isEmpty",
    "any",
    "all",
];
/// Bounds of one regular expression once it is compiled, and how many one tree may hold.
const MAX_REGEX_BYTES: usize = 256 * 1024;
const MAX_PATTERNS: usize = 100;

/// Whether placeholders are already values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// The document as it was written: a placeholder stands for a value of any type.
    Written,
    /// After rendering: a text is a text.
    Rendered,
}

/// Reads criteria. A bare date in them, or in a record, is midnight in `zone`.
///
/// # Errors
/// Every fault, with its path below `path`.
pub fn parse(value: &Value, path: &str, reading: Reading, zone: Tz) -> Result<Criteria, Vec<Fault>> {
    let mut parser = Parser { reading, zone: Zone(zone), faults: Vec::new(), patterns: 0 };
    let criteria = parser.criteria(value, path);
    if parser.faults.is_empty() { Ok(criteria) } else { Err(parser.faults) }
}

/// Makes `{"owner": "$<args.who>"}` say `{"owner": {"eq": "$<args.who>"}}`, all through
/// the tree: a placeholder stands for a value, and an object that it brings must not be
/// read as operators. Only a whole tree may come from one placeholder.
pub fn close(tree: &mut Value) {
    let Value::Object(entries) = tree else { return };
    for (name, value) in entries {
        match (name.as_str(), value) {
            ("and" | "or", Value::Array(all)) => all.iter_mut().for_each(close),
            ("not", tree) => close(tree),
            (_, operand @ Value::String(_)) if operand.as_str().is_some_and(is_templated) => {
                *operand = serde_json::json!({"eq": operand.take()});
            }
            (_, Value::Object(operators)) => operators.iter_mut().for_each(|(operator, value)| {
                if matches!(operator.as_str(), "any" | "all") {
                    close(value);
                }
            }),
            _ => {}
        }
    }
}

/// Collects faults and goes on; what could not be read is replaced by a test
/// that nobody runs, since any fault fails the whole.
struct Parser {
    reading: Reading,
    zone: Zone,
    faults: Vec<Fault>,
    patterns: usize,
}

const UNREAD: Test = Test::Exists(true);

impl Parser {
    fn fault(&mut self, path: &str, message: impl Into<String>) {
        self.faults.push(Fault::at(path, message));
    }

    fn is_open(&self, value: &Value) -> bool {
        self.reading == Reading::Written && value.as_str().is_some_and(is_templated)
    }

    fn criteria(&mut self, value: &Value, path: &str) -> Criteria {
        match value {
            Value::Object(fields) => {
                Criteria::All(fields.iter().map(|(name, value)| self.entry(name, value, &field(path, name))).collect())
            }
            open if self.is_open(open) => Criteria::All(Vec::new()),
            _ => {
                self.fault(path, "criteria are an object such as {\"status\": \"open\"}");
                Criteria::All(Vec::new())
            }
        }
    }

    fn entry(&mut self, name: &str, value: &Value, path: &str) -> Criteria {
        match name {
            "and" => Criteria::All(self.list(value, path)),
            "or" => Criteria::Any(self.list(value, path)),
            "not" => Criteria::Not(Box::new(self.criteria(value, path))),
            _ => match refused_name(name) {
                Some(refused) => {
                    self.fault(path, refused);
                    Criteria::All(Vec::new())
                }
                None => self.field(name, value, path),
            },
        }
    }

    fn field(&mut self, name: &str, value: &Value, path: &str) -> Criteria {
        let test = self.test(value, path);
        match Path::parse(name) {
            Ok(field) => Criteria::Field(field, test),
            Err(error) => {
                self.fault(path, error.to_string());
                Criteria::All(Vec::new())
            }
        }
    }

    fn list(&mut self, value: &Value, path: &str) -> Vec<Criteria> {
        match value {
            Value::Array(all) => {
                all.iter().enumerate().map(|(index, one)| self.criteria(one, &element(path, index))).collect()
            }
            open if self.is_open(open) => Vec::new(),
            _ => {
                self.fault(path, "takes a list of criteria, such as [{\"a\": 1}, {\"b\": 2}]");
                Vec::new()
            }
        }
    }

    fn test(&mut self, value: &Value, path: &str) -> Test {
        match value {
            Value::Object(fields) if !is_field_reference(fields) => self.operators(fields, path),
            operand => self.plain(operand, path),
        }
    }

    /// A value without an operator.
    fn plain(&mut self, value: &Value, path: &str) -> Test {
        if let Some(refused) = value.as_str().and_then(refused_text) {
            self.fault(path, refused);
        }
        Test::Compare(Comparison::Equal, self.operand(value, path))
    }

    fn operators(&mut self, fields: &Map<String, Value>, path: &str) -> Test {
        let mut tests: Vec<_> =
            fields.iter().map(|(name, value)| self.operator(name, value, &field(path, name))).collect();
        match tests.len() {
            0 => {
                self.fault(path, "holds no operator; write for example {\"gt\": 5}");
                UNREAD
            }
            1 => tests.remove(0),
            _ => Test::Every(tests),
        }
    }

    fn operator(&mut self, name: &str, value: &Value, path: &str) -> Test {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, Unequal};
        match name {
            "eq" => Test::Compare(Equal, self.operand(value, path)),
            "ne" => Test::Compare(Unequal, self.operand(value, path)),
            "lt" => Test::Compare(Less, self.bound(value, path)),
            "lte" => Test::Compare(LessOrEqual, self.bound(value, path)),
            "gt" => Test::Compare(Greater, self.bound(value, path)),
            "gte" => Test::Compare(GreaterOrEqual, self.bound(value, path)),
            "in" => Test::In(self.operands(value, path)),
            "notIn" => Test::NotIn(self.operands(value, path)),
            "between" => self.between(value, path),
            "contains" => Test::Contains(self.operand(value, path)),
            "startsWith" => Test::StartsWith(self.operand(value, path)),
            "endsWith" => Test::EndsWith(self.operand(value, path)),
            "like" => self.pattern(value, path, |text| regex_of_like(text, false)),
            "ilike" => self.pattern(value, path, |text| regex_of_like(text, true)),
            "matches" => self.pattern(value, path, |text| {
                RegexBuilder::new(text).size_limit(MAX_REGEX_BYTES).dfa_size_limit(MAX_REGEX_BYTES).build()
            }),
            "exists" => Test::Exists(self.flag(value, path)),
            "isNull" => Test::IsNull(self.flag(value, path)),
            "isEmpty" => Test::IsEmpty(self.flag(value, path)),
            "any" => Test::AnyElement(Box::new(self.element(value, path))),
            "all" => Test::AllElements(Box::new(self.element(value, path))),
            _ => {
                let fault = refused_name(name).unwrap_or_else(|| {
                    let near = did_you_mean(name, OPERATORS);
                    format!(
                        "there is no operator `{name}`{near} (a field of a nested object is written with a dot: `a.b`)"
                    )
                });
                self.fault(path, fault);
                UNREAD
            }
        }
    }

    fn operand(&mut self, value: &Value, path: &str) -> Operand {
        match value {
            Value::Object(fields) if is_field_reference(fields) => {
                match fields["field"].as_str().and_then(|name| Path::parse(name).ok()) {
                    Some(field) => Operand::field(field, self.zone),
                    None => {
                        self.fault(path, "`field` takes the name of a field");
                        Operand::value(Value::Null, self.zone)
                    }
                }
            }
            value => Operand::value(value.clone(), self.zone),
        }
    }

    /// What is compared by order. A placeholder that renders to null would match nothing.
    fn bound(&mut self, value: &Value, path: &str) -> Operand {
        if value.is_null() {
            self.fault(path, "the value is null; it must be a number, a date or a text (isNull tests for null)");
        }
        self.operand(value, path)
    }

    fn operands(&mut self, value: &Value, path: &str) -> Vec<Operand> {
        match value {
            Value::Array(all) => {
                all.iter().enumerate().map(|(index, one)| self.operand(one, &element(path, index))).collect()
            }
            open if self.is_open(open) => Vec::new(),
            _ => {
                self.fault(path, "takes a list of values");
                Vec::new()
            }
        }
    }

    fn between(&mut self, value: &Value, path: &str) -> Test {
        match value.as_array().map(Vec::as_slice) {
            Some([low, high]) => Test::Between(self.bound(low, &element(path, 0)), self.bound(high, &element(path, 1))),
            None if self.is_open(value) => UNREAD,
            _ => {
                self.fault(path, "takes a list of two values, the lowest and the highest");
                UNREAD
            }
        }
    }

    fn pattern(&mut self, value: &Value, path: &str, build: impl Fn(&str) -> Result<Regex, regex::Error>) -> Test {
        let Some(text) = value.as_str() else {
            self.fault(path, "takes a text");
            return UNREAD;
        };
        if self.is_open(value) {
            return UNREAD;
        }
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            self.fault(path, format!("is more than the {MAX_PATTERNS} patterns that one filter may have"));
            return UNREAD;
        }
        match build(text) {
            Ok(regex) => Test::Matches(regex),
            Err(error) => {
                let reason = error.to_string();
                let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                self.fault(path, format!("`{text}` is not a pattern that can be used: {reason}"));
                UNREAD
            }
        }
    }

    fn flag(&mut self, value: &Value, path: &str) -> bool {
        if !value.is_boolean() && !self.is_open(value) {
            self.fault(path, "takes true or false");
        }
        value.as_bool().unwrap_or_default()
    }

    fn element(&mut self, value: &Value, path: &str) -> Element {
        match value {
            Value::Object(fields) if fields.keys().all(|name| is_operator(name)) => {
                Element::Itself(self.operators(fields, path))
            }
            Value::Object(_) => Element::Object(self.criteria(value, path)),
            scalar => Element::Itself(self.plain(scalar, path)),
        }
    }
}

fn is_operator(name: &str) -> bool {
    OPERATORS.contains(&name)
}

fn is_field_reference(fields: &Map<String, Value>) -> bool {
    fields.len() == 1 && fields.contains_key("field")
}

/// `%` stands for any text, `_` for one character, a backslash takes the next one as it is.
fn regex_of_like(pattern: &str, ignore_case: bool) -> Result<Regex, regex::Error> {
    let mut source = String::from("^");
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' => source.push_str(".*"),
            '_' => source.push('.'),
            '\\' => source.push_str(&regex::escape(&characters.next().unwrap_or('\\').to_string())),
            plain => source.push_str(&regex::escape(&plain.to_string())),
        }
    }
    source.push('$');
    RegexBuilder::new(&source)
        .dot_matches_new_line(true)
        .case_insensitive(ignore_case)
        .size_limit(MAX_REGEX_BYTES)
        .dfa_size_limit(MAX_REGEX_BYTES)
        .build()
}
