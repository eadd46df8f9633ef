//! Reduces criteria to the part that does not depend on one field.

use super::operand::Content;
use super::{Criteria, Operand, Test};

impl Criteria {
    /// Whether the criteria may depend on a field of the record.
    pub fn mentions(&self, field: &str) -> bool {
        match self {
            Self::All(all) | Self::Any(all) => all.iter().any(|criteria| criteria.mentions(field)),
            Self::Not(criteria) => criteria.mentions(field),
            Self::Field(path, test) => path.leads_into(field) || test.mentions(field),
        }
    }

    /// Weaker criteria that do not mention the field: every record that meets these criteria meets
    /// the result too.
    #[must_use]
    pub fn without(&self, field: &str) -> Self {
        match self {
            Self::All(all) => Self::All(all.iter().map(|criteria| criteria.without(field)).collect()),
            other if other.mentions(field) => Self::All(Vec::new()),
            other => other.clone(),
        }
    }
}

impl Test {
    fn mentions(&self, field: &str) -> bool {
        self.operands().iter().any(|operand| operand.mentions(field))
    }
}

impl Operand {
    fn mentions(&self, field: &str) -> bool {
        match &self.content {
            Content::Value(..) => false,
            Content::Field(path) => path.leads_into(field),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;
    use serde_json::{Value, json};

    use super::*;
    use crate::model::criteria::{Reading, parse};

    fn read(written: Value) -> Criteria {
        parse(&written, "where", Reading::Rendered, Tz::UTC).unwrap()
    }

    #[test]
    fn every_mention_is_found() {
        for mentions in [
            json!({"id": 1}),
            json!({"id.part": {"exists": true}}),
            json!({"or": [{"a": 1}, {"not": {"id": 1}}]}),
            json!({"a": {"gt": {"field": "id"}}}),
            json!({"a": {"gt": 1, "in": [1, {"field": "id"}]}}),
            json!({"a": {"between": [1, {"field": "id"}]}}),
            json!({"a": {"any": {"eq": {"field": "id"}}}}),
        ] {
            assert!(read(mentions.clone()).mentions("id"), "{mentions}");
        }
        for other in [json!({"idea": 1, "a.id": 1}), json!({"a": {"any": {"id": 1}}}), json!({"a": "id"}), json!({})] {
            assert!(!read(other.clone()).mentions("id"), "{other}");
        }
    }

    #[test]
    fn what_is_left_is_met_by_whatever_met_the_whole() {
        let whole = read(json!({"id": "a", "n": {"gt": 1}, "or": [{"id": "a"}, {"n": 2}], "not": {"id": "b"}}));
        let left = whole.without("id");
        assert!(!left.mentions("id"));
        assert!(left.matches(&json!({"n": 5})) && !left.matches(&json!({"n": 1})));
    }
}
