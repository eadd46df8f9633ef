//! What a template and the line that uses it come to together.

use serde_json::{Value, json};

use crate::model::fault::{Fault, field};

/// Joins two rendered definitions: criteria by `and`, as trees; of the rest, what the line
/// says wins.
pub fn join(mut template: Value, line: Value) -> Value {
    let (Value::Object(joined), Value::Object(line)) = (&mut template, line) else { return template };
    for (name, said) in line {
        let both = joined.get_mut(&name).filter(|_| name == "where");
        match both {
            Some(criteria) => *criteria = json!({"and": [criteria.take(), said]}),
            None => {
                joined.insert(name, said);
            }
        }
    }
    template
}

/// Why what a line says cannot be joined to its template; none if it can. Records come from
/// one source.
pub fn conflict(template: &Value, line: &Value, path: &str) -> Option<Fault> {
    let both = template.get("source").is_some() && line.get("source").is_some();
    both.then(|| Fault::at(field(path, "source"), "the template has a source already; leave one of them out"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn criteria_are_joined_as_trees_and_the_line_wins_the_rest() {
        let template =
            json!({"source": {"file": "a.csv"}, "where": {"a": 1, "or": [{"b": 2}]}, "orderBy": "a", "limit": 5});
        let line = json!({"where": {"a": 2}, "limit": 9, "select": ["a"]});
        let joined = json!({
            "source": {"file": "a.csv"}, "where": {"and": [{"a": 1, "or": [{"b": 2}]}, {"a": 2}]},
            "orderBy": "a", "limit": 9, "select": ["a"],
        });
        assert_eq!(join(template, line), joined);
        assert_eq!(join(json!({}), json!({"where": {"a": 1}})), json!({"where": {"a": 1}}));
        assert_eq!(join(json!({"where": {"a": 1}}), json!({})), json!({"where": {"a": 1}}));
    }

    #[test]
    fn there_is_one_source() {
        let source = json!({"source": {"inline": []}});
        assert_eq!(
            conflict(&source, &source, "lines[0].filter").map(|fault| fault.path).as_deref(),
            Some("lines[0].filter.source")
        );
        assert_eq!(conflict(&source, &json!({}), ""), None);
        assert_eq!(conflict(&json!({}), &source, ""), None);
    }
}
