//! Joins the definition of a template with that of the line that uses it.

use serde_json::{Value, json};

use crate::model::fault::{Fault, field};

/// Joins two rendered definitions: criteria by `and`, as trees, and the lookups of both. Every other
/// field of the line replaces that of the template.
pub fn join(mut template: Value, line: Value) -> Value {
    let (Value::Object(joined), Value::Object(line)) = (&mut template, line) else { return template };
    for (name, value) in line {
        match (name.as_str(), joined.get_mut(&name), value) {
            ("where", Some(criteria), value) => *criteria = json!({"and": [criteria.take(), value]}),
            ("lookup", Some(Value::Object(lookups)), Value::Object(more)) => lookups.extend(more),
            (_, _, value) => {
                joined.insert(name, value);
            }
        }
    }
    template
}

/// A fault if the definition of a line cannot be joined with its template: there can be only one
/// source, and the names of lookups must be different.
pub fn conflict(template: &Value, line: &Value, path: &str) -> Option<Fault> {
    if template.get("source").is_some() && line.get("source").is_some() {
        return Some(Fault::at(field(path, "source"), "the template has a source already; leave one of them out"));
    }
    let lookups = template.get("lookup")?;
    let twice = line.get("lookup")?.as_object()?.keys().find(|name| lookups.get(name).is_some())?;
    let place = field(&field(path, "lookup"), twice);
    Some(Fault::at(place, "the template has a lookup with this name already; choose another name"))
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
    fn lookups_of_both_are_joined_and_share_no_name() {
        let lookup = |name: &str, from: &str| json!({"lookup": {name: {"collection": from, "on": "x"}}});
        let joined = join(lookup("a", "as"), lookup("b", "bs"));
        assert_eq!(
            joined["lookup"].as_object().map(|lookups| lookups.keys().cloned().collect()),
            Some(vec!["a".to_owned(), "b".to_owned()])
        );
        assert_eq!(join(json!({}), lookup("b", "bs")), lookup("b", "bs"));
        assert_eq!(conflict(&lookup("a", "as"), &lookup("b", "bs"), "f"), None);
        assert_eq!(
            conflict(&lookup("a", "as"), &lookup("a", "bs"), "f").map(|fault| fault.path).as_deref(),
            Some("f.lookup.a")
        );
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
