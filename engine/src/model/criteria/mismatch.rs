//! Counts comparisons that could not be decided, for the warning of a line.

use serde_json::Value;

use super::operand::{Content, Kind, Operand};
use super::{Comparison, Criteria, Element, Test};
use crate::model::text::shortened;

/// Mismatches that are counted separately.
const MAX_MISMATCHES: usize = 20;
/// Mismatches that a warning describes.
const MAX_SHOWN: usize = 3;
/// Characters of an example that are shown.
const EXAMPLE_CHARACTERS: usize = 60;

/// The comparisons that made the verdict on records [undecided](super::Verdict::Undecided).
#[derive(Debug, Clone, Default)]
pub struct Mismatches {
    records: u64,
    mismatches: Vec<Mismatch>,
}

/// A field whose values are of another kind than the values they are compared with.
#[derive(Debug, Clone)]
struct Mismatch {
    field: String,
    /// The kind of the field's values, and the kind they are compared with.
    kinds: (Kind, Kind),
    example: String,
    /// The number of records that have the mismatch.
    count: u64,
    /// The last of these records, so that each is counted once.
    last: u64,
}

impl Mismatches {
    /// Counts a record whose verdict is undecided.
    pub fn note(&mut self, criteria: &Criteria, record: &Value) {
        self.records += 1;
        self.note_criteria(criteria, record, "");
    }

    /// Whether every verdict was decided.
    pub fn is_empty(&self) -> bool {
        self.mismatches.is_empty()
    }

    /// One sentence for each field, with the count, an example and what to do; none if every
    /// verdict was decided. `total` is the number of records, if it is known.
    pub fn warning(&self, total: Option<u64>) -> Option<String> {
        let shown = self.mismatches.iter().take(MAX_SHOWN);
        let mut sentences: Vec<_> = shown.map(|mismatch| mismatch.sentence(total)).collect();
        match self.mismatches.len().saturating_sub(MAX_SHOWN) {
            0 => {}
            1 => sentences.push("One more field has such values.".to_owned()),
            more => sentences.push(format!("{more} more fields have such values.")),
        }
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }

    fn note_criteria(&mut self, criteria: &Criteria, record: &Value, parent: &str) {
        match criteria {
            Criteria::All(all) | Criteria::Any(all) => {
                all.iter().for_each(|criteria| self.note_criteria(criteria, record, parent));
            }
            Criteria::Not(criteria) => self.note_criteria(criteria, record, parent),
            Criteria::Field(path, test) => {
                if let Some(value) = path.of(record) {
                    self.note_test(test, value, record, (parent, path.as_str()));
                }
            }
        }
    }

    fn note_test(&mut self, test: &Test, value: &Value, record: &Value, field: (&str, &str)) {
        match test {
            Test::Compare(Comparison::Equal | Comparison::Unequal, _) => {}
            Test::Compare(_, operand) => self.note_operand(operand, value, record, field),
            Test::Between(low, high) => {
                [low, high].into_iter().for_each(|bound| self.note_operand(bound, value, record, field));
            }
            Test::Every(tests) => tests.iter().for_each(|test| self.note_test(test, value, record, field)),
            Test::AnyElement(element) | Test::AllElements(element) => {
                value.as_array().into_iter().flatten().for_each(|value| match element.as_ref() {
                    Element::Itself(test) => self.note_test(test, value, record, field),
                    Element::Object(criteria) => self.note_criteria(criteria, value, &joined(field)),
                });
            }
            _ => {}
        }
    }

    fn note_operand(&mut self, operand: &Operand, value: &Value, record: &Value, (parent, field): (&str, &str)) {
        let Some(kinds) = operand.mismatch(value, record) else { return };
        // Of two fields, the one with the text, or else with the number, is probably wrong.
        let (field, kinds, value) = match (&operand.content, operand.resolve(record), kinds) {
            (Content::Field(other), Some(other_value), (_, Kind::Text) | (Kind::Date, Kind::Number)) => {
                (other.as_str(), (kinds.1, kinds.0), other_value)
            }
            _ => (field, kinds, value),
        };
        self.count(joined((parent, field)), kinds, value);
    }

    fn count(&mut self, field: String, kinds: (Kind, Kind), value: &Value) {
        let (record, is_full) = (self.records, self.mismatches.len() >= MAX_MISMATCHES);
        match self.mismatches.iter_mut().find(|known| known.kinds == kinds && known.field == field) {
            Some(known) if known.last == record => {}
            Some(known) => (known.count, known.last) = (known.count + 1, record),
            None if !is_full => {
                self.mismatches.push(Mismatch { field, kinds, example: example(value), count: 1, last: record });
            }
            None => {}
        }
    }
}

impl Mismatch {
    fn sentence(&self, total: Option<u64>) -> String {
        let count = match total {
            Some(total) => format!("{} of {}", thousands(self.count), thousands(total)),
            None => thousands(self.count),
        };
        let records = if total.unwrap_or(self.count) == 1 { "record" } else { "records" };
        let have = if self.count == 1 { "has" } else { "have" };
        let Self { field, example, .. } = self;
        let (which, cure) = match self.kinds {
            (Kind::Text, Kind::Date) => ("is not a date", "say its format in the source's types"),
            (Kind::Text, _) => ("is not a number", "give the field a type in the source's types"),
            (Kind::Number, Kind::Date) => {
                ("is a number and not a date", "say epochSeconds or epochMillis in the source's types")
            }
            (Kind::Number, _) => ("is a number", "it is compared with a text: compare it with a number"),
            (Kind::Date, Kind::Number) => ("is a date", "it is compared with a number: compare it with a date"),
            (Kind::Date, _) => {
                ("is a date", "it is compared with a text that is not a date: write a date such as 2026-11-20")
            }
        };
        format!("{count} {records} {have} a \"{field}\" that {which} (for example {example}); {cure}.")
    }
}

/// A number with commas between the thousands.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

fn joined((parent, field): (&str, &str)) -> String {
    if parent.is_empty() { field.to_owned() } else { format!("{parent}.{field}") }
}

fn example(value: &Value) -> String {
    match value {
        Value::String(text) => Value::String(shortened(text, EXAMPLE_CHARACTERS)).to_string(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;
    use serde_json::json;

    use super::*;
    use crate::model::criteria::{Reading, Verdict, parse};

    fn warning(written: &Value, records: &[Value]) -> String {
        let criteria = parse(written, "where", Reading::Rendered, Tz::UTC).unwrap();
        let mut mismatches = Mismatches::default();
        for record in records.iter().filter(|record| criteria.judge(record) == Verdict::Undecided) {
            mismatches.note(&criteria, record);
        }
        mismatches.warning(Some(3201)).unwrap_or_default()
    }

    #[test]
    fn each_pair_of_kinds_says_what_to_do() {
        let types = "in the source's types.";
        let cases = [
            (json!("Dec 07 1998"), json!("2000-01-01"), format!("not a date (for example \"Dec 07 1998\"); say its format {types}")),
            (json!("12 €"), json!(5), format!("not a number (for example \"12 €\"); give the field a type {types}")),
            (json!("2026-11-20"), json!(5), "a date (for example \"2026-11-20\"); it is compared with a number: compare it with a date.".to_owned()),
            (json!(1764370800), json!("2026-11-20"), format!("a number and not a date (for example 1764370800); say epochSeconds or epochMillis {types}")),
            (json!(7), json!("5"), "a number (for example 7); it is compared with a text: compare it with a number.".to_owned()),
            (json!("2026-11-20"), json!("Dec 07 1998"), "a date (for example \"2026-11-20\"); it is compared with a text that is not a date: write a date such as 2026-11-20.".to_owned()),
        ];
        for (value, operand, expected) in cases {
            for operator in ["lt", "lte", "gt", "gte"] {
                let message = warning(&json!({"f": {operator: operand}}), &[json!({"f": value})]);
                assert_eq!(message, format!("1 of 3,201 records has a \"f\" that is {expected}"), "{operator}");
            }
            let message = warning(&json!({"f": {"between": [operand, operand]}}), &vec![json!({"f": value}); 1255]);
            assert_eq!(message, format!("1,255 of 3,201 records have a \"f\" that is {expected}"));
        }
    }

    #[test]
    fn of_two_fields_the_one_that_is_no_date_or_number_is_named() {
        let message = |record: Value| warning(&json!({"a": {"gt": {"field": "b"}}}), &[record]);
        for record in
            [json!({"a": "x", "b": "2026-11-20"}), json!({"a": "x", "b": 1}), json!({"a": 1, "b": "2026-11-20"})]
        {
            assert!(message(record.clone()).contains("a \"a\" that is"), "{record}");
        }
        for record in
            [json!({"b": "x", "a": "2026-11-20"}), json!({"b": "x", "a": 1}), json!({"b": 1, "a": "2026-11-20"})]
        {
            assert!(message(record.clone()).contains("a \"b\" that is"), "{record}");
        }
    }

    #[test]
    fn a_record_counts_once_for_each_field() {
        let records = vec![json!({"a": "x", "b": ["y", "z"], "c": [{"d": "v"}, {"d": "w"}]}); 2];
        let message = warning(
            &json!({"a": {"gt": 1, "lt": 5}, "b": {"any": {"gt": 1}}, "c": {"all": {"d": {"lt": 2}}}}),
            &records,
        );
        for field in ["a", "b", "c.d"] {
            let expected = format!("2 of 3,201 records have a \"{field}\" that is not a number");
            assert!(message.contains(&expected), "{message}");
        }
    }

    #[test]
    fn numbers_have_commas_between_the_thousands() {
        let shown = [0, 999, 1000, 1_234_567, u64::MAX].map(thousands);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567", "18,446,744,073,709,551,615"]);
    }

    #[test]
    fn a_warning_is_bounded() {
        let wide: serde_json::Map<_, _> = (0..100).map(|n| (format!("f{n}"), json!({"gt": 1}))).collect();
        let record: Value = (0..100).map(|n| (format!("f{n}"), json!("x".repeat(10_000)))).collect();
        let message = warning(&Value::Object(wide), &[record]);
        assert!(message.len() < 1000 && message.ends_with("17 more fields have such values."), "{message}");
    }
}
