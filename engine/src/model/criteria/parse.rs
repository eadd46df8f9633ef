//! Parses JSON into criteria and reports every fault with its path.

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
/// Bytes of one compiled regular expression.
const MAX_REGEX_BYTES: usize = 256 * 1024;
/// Regular expressions in one tree, those of `like` and `ilike` included.
const MAX_PATTERNS: usize = 100;

/// Whether placeholders are already values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// The document as it was written: a placeholder can become a value of any type.
    Written,
    /// The document after rendering: every text is final.
    Rendered,
}

/// Parses criteria. A bare date, in them or in a record, means midnight in `zone`.
///
/// # Errors
/// Every fault, with its path below `path`.
pub fn parse(value: &Value, path: &str, reading: Reading, zone: Tz) -> Result<Criteria, Vec<Fault>> {
    let mut parser = Parser { reading, zone: Zone(zone), faults: Vec::new(), patterns: 0 };
    let criteria = parser.criteria(value, path);
    if parser.faults.is_empty() { Ok(criteria) } else { Err(parser.faults) }
}

/// Rewrites `{"owner": "$<args.who>"}` as `{"owner": {"eq": "$<args.who>"}}` in the whole tree, so that
/// an object to which the placeholder renders is compared and never parsed as operators. Only a
/// whole tree may come from one placeholder.
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

/// Collects all faults. A part that cannot be parsed is replaced by a test that is never run,
/// because one fault makes the whole result an error.
struct Parser {
    reading: Reading,
    zone: Zone,
    faults: Vec<Fault>,
    patterns: usize,
}

const UNPARSED: Test = Test::Exists(true);

impl Parser {
    fn fault(&mut self, path: &str, message: impl Into<String>) {
        self.faults.push(Fault::at(path, message));
    }

    fn is_placeholder(&self, value: &Value) -> bool {
        self.reading == Reading::Written && value.as_str().is_some_and(is_templated)
    }

    fn criteria(&mut self, value: &Value, path: &str) -> Criteria {
        match value {
            Value::Object(fields) => {
                Criteria::All(fields.iter().map(|(name, value)| self.entry(name, value, &field(path, name))).collect())
            }
            written if self.is_placeholder(written) => Criteria::All(Vec::new()),
            _ => {
                self.fault(path, "must be an object with criteria, such as {\"status\": \"open\"}");
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
                all.iter().enumerate().map(|(index, tree)| self.criteria(tree, &element(path, index))).collect()
            }
            written if self.is_placeholder(written) => Vec::new(),
            _ => {
                self.fault(path, "must be a list of criteria, such as [{\"a\": 1}, {\"b\": 2}]");
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
                self.fault(path, "has no operator; add one, for example {\"gt\": 5}");
                UNPARSED
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
                UNPARSED
            }
        }
    }

    fn operand(&mut self, value: &Value, path: &str) -> Operand {
        match value {
            Value::Object(fields) if is_field_reference(fields) => {
                match fields["field"].as_str().and_then(|name| Path::parse(name).ok()) {
                    Some(field) => Operand::field(field, self.zone),
                    None => {
                        self.fault(path, "`field` must be the name of a field");
                        Operand::value(Value::Null, self.zone)
                    }
                }
            }
            value => Operand::value(value.clone(), self.zone),
        }
    }

    /// The operand of an order operator. One that is null, such as a placeholder without a value,
    /// would silently match nothing.
    fn bound(&mut self, value: &Value, path: &str) -> Operand {
        if value.is_null() {
            self.fault(path, "the value is null; it must be a number, a date or a text (isNull tests for null)");
        }
        self.operand(value, path)
    }

    fn operands(&mut self, value: &Value, path: &str) -> Vec<Operand> {
        match value {
            Value::Array(all) => {
                all.iter().enumerate().map(|(index, value)| self.operand(value, &element(path, index))).collect()
            }
            written if self.is_placeholder(written) => Vec::new(),
            _ => {
                self.fault(path, "must be a list of values");
                Vec::new()
            }
        }
    }

    fn between(&mut self, value: &Value, path: &str) -> Test {
        match value.as_array().map(Vec::as_slice) {
            Some([low, high]) => Test::Between(self.bound(low, &element(path, 0)), self.bound(high, &element(path, 1))),
            None if self.is_placeholder(value) => UNPARSED,
            _ => {
                self.fault(path, "must be a list of two values, the lowest and the highest");
                UNPARSED
            }
        }
    }

    fn pattern(&mut self, value: &Value, path: &str, build: impl Fn(&str) -> Result<Regex, regex::Error>) -> Test {
        let Some(text) = value.as_str() else {
            self.fault(path, "must be a text");
            return UNPARSED;
        };
        if self.is_placeholder(value) {
            return UNPARSED;
        }
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            self.fault(path, format!("the filter has more than {MAX_PATTERNS} patterns; use fewer of them"));
            return UNPARSED;
        }
        match build(text) {
            Ok(regex) => Test::Matches(regex),
            Err(error) => {
                let reason = error.to_string();
                let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                self.fault(path, format!("`{text}` is not a valid pattern: {reason}"));
                UNPARSED
            }
        }
    }

    fn flag(&mut self, value: &Value, path: &str) -> bool {
        if !value.is_boolean() && !self.is_placeholder(value) {
            self.fault(path, "must be true or false");
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

/// `%` matches any text, `_` matches one character, and a backslash escapes the next character.
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
