//! The module `standard`: the actions that most jobs need.
//!
//! Each action has one file with its parameters, schema, body and tests. To add an action,
//! write its file and add it to the list below.

mod aggregate;
mod distinct;
mod fail;
mod limit;
mod log;
mod phrase;
mod report;
mod set;
mod sort;
mod top;

ropewalk_sdk::module![
    set::Set,
    sort::Sort,
    limit::Limit,
    top::Top,
    distinct::Distinct,
    aggregate::Aggregate,
    report::Report,
    log::Log,
    fail::Fail,
];

#[cfg(test)]
mod tests {
    use ropewalk_sdk::{Action, Value, json};

    /// Collects the JSON Pointers of all schemas that are marked as naming a field, each with its mark.
    fn collect_marks(schema: &Value, at: &str, found: &mut Vec<String>) {
        let Some(keywords) = schema.as_object() else { return };
        if let Some(mark) = keywords.get("field").filter(|mark| !mark.is_object()) {
            found.push(format!("{at} {mark}"));
        }
        for (name, below) in keywords.iter().filter(|(name, _)| *name != "examples" && *name != "default") {
            collect_marks(below, &format!("{at}/{name}"), found);
            for (index, below) in below.as_array().into_iter().flatten().enumerate() {
                collect_marks(below, &format!("{at}/{name}/{index}"), found);
            }
        }
    }

    #[track_caller]
    fn assert_marks<A: Action>(expected: &[&str]) {
        let mut found = Vec::new();
        collect_marks(&A::schema(), "", &mut found);
        assert_eq!(found, expected, "{}", A::NAME);
    }

    #[test]
    fn parameters_that_name_fields_are_marked() {
        let list = |name: &str, mark: &str| {
            [format!("/properties/{name}/anyOf/0/items {mark}"), format!("/properties/{name}/anyOf/1 {mark}")]
        };
        let [many, one] = list("by", "\"order\"");
        assert_marks::<super::sort::Sort>(&[&many, &one]);
        assert_marks::<super::top::Top>(&[&many, &one]);
        let [many, one] = list("by", "true");
        assert_marks::<super::distinct::Distinct>(&[&many, &one]);
        let [many, one] = list("groupBy", "true");
        let value = |name: &str| format!("/properties/values/additionalProperties/properties/{name} true");
        let values = ["sum", "avg", "min", "max", "first", "last", "distinct"].map(value);
        let all: Vec<&str> = [&many, &one].into_iter().chain(&values).map(String::as_str).collect();
        assert_marks::<super::aggregate::Aggregate>(&all);
        assert_marks::<super::set::Set>(&["/properties/rename/propertyNames true", "/properties/remove/items true"]);
        let column = "/properties/columns/items/anyOf";
        assert_marks::<super::report::Report>(&[
            &format!("{column}/0 true"),
            &format!("{column}/1/properties/field true"),
        ]);
    }

    #[test]
    fn marks_do_not_change_what_a_schema_accepts() {
        let accepts = |schema: Value, parameters: Value| jsonschema::is_valid(&schema, &parameters);
        for by in [json!(["-a", "b"]), json!("-a")] {
            assert!(accepts(super::sort::Sort::schema(), json!({"by": by})), "{by}");
        }
        for by in [json!([]), json!(5), json!(""), json!([1])] {
            assert!(!accepts(super::sort::Sort::schema(), json!({"by": by})), "{by}");
        }
        assert!(accepts(super::distinct::Distinct::schema(), json!({"by": []})));
        assert!(accepts(super::set::Set::schema(), json!({"rename": {"a": "b"}, "remove": ["c"]})));
    }
}
