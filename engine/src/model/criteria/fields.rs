//! The fields that criteria rely on.

use values::path::Path;

use super::operand::{Content, Operand};
use super::{Criteria, Element, Test};

impl Criteria {
    /// Every field of the record that they rely on. Tests for whether a field is there do not,
    /// and neither do fields of the elements of a list.
    pub fn fields(&self) -> Vec<Path> {
        let mut fields = Vec::new();
        self.collect(&mut fields);
        fields
    }

    fn collect(&self, fields: &mut Vec<Path>) {
        match self {
            Self::All(all) | Self::Any(all) => all.iter().for_each(|criteria| criteria.collect(fields)),
            Self::Not(criteria) => criteria.collect(fields),
            Self::Field(path, test) => {
                fields.extend(test.relies_on_its_field().then(|| path.clone()));
                test.collect(fields);
            }
        }
    }
}

impl Test {
    fn relies_on_its_field(&self) -> bool {
        match self {
            Self::Exists(_) | Self::IsNull(_) => false,
            Self::Every(tests) => tests.iter().any(Self::relies_on_its_field),
            _ => true,
        }
    }

    /// The fields that are compared with.
    fn collect(&self, fields: &mut Vec<Path>) {
        let mut add = |operand: &Operand| {
            if let Content::Field(path) = &operand.content {
                fields.push(path.clone());
            }
        };
        match self {
            Self::Compare(_, operand)
            | Self::Contains(operand)
            | Self::StartsWith(operand)
            | Self::EndsWith(operand) => add(operand),
            Self::In(operands) | Self::NotIn(operands) => operands.iter().for_each(add),
            Self::Between(low, high) => [low, high].into_iter().for_each(add),
            Self::Every(tests) => tests.iter().for_each(|test| test.collect(fields)),
            Self::AnyElement(element) | Self::AllElements(element) => {
                if let Element::Itself(test) = element.as_ref() {
                    test.collect(fields);
                }
            }
            Self::Matches(_) | Self::Exists(_) | Self::IsNull(_) | Self::IsEmpty(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;
    use serde_json::{Value, json};

    use crate::model::criteria::{Reading, parse};

    fn fields(written: &Value) -> Vec<String> {
        let criteria = parse(written, "where", Reading::Rendered, Tz::UTC).unwrap();
        criteria.fields().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_field_is_named_but_those_that_may_be_missing() {
        let written = json!({
            "a": 1,
            "b.c": {"gt": {"field": "d"}, "exists": true},
            "or": [{"e": {"in": [{"field": "f"}]}}, {"not": {"g": {"isEmpty": true}}}],
            "h": {"any": {"i": 1}},
            "j": {"all": {"lt": {"field": "k"}}},
            "l": {"exists": false},
            "m": {"isNull": true},
        });
        assert_eq!(fields(&written), ["a", "b.c", "d", "e", "f", "g", "h", "j", "k"]);
    }
}
