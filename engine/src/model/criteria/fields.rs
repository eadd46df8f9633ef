//! Lists the fields that criteria need.

use values::path::Path;

use super::operand::Content;
use super::{Criteria, Test};

impl Criteria {
    /// Every field of the record that the criteria need. Fields that are only tested for existence
    /// and fields of the elements of a list are not among them.
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
                fields.extend(test.needs_its_field().then(|| path.clone()));
                fields.extend(test.operands().into_iter().filter_map(|operand| match &operand.content {
                    Content::Field(path) => Some(path.clone()),
                    Content::Value(..) => None,
                }));
            }
        }
    }
}

impl Test {
    fn needs_its_field(&self) -> bool {
        match self {
            Self::Exists(_) | Self::IsNull(_) => false,
            Self::Every(tests) => tests.iter().any(Self::needs_its_field),
            _ => true,
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
