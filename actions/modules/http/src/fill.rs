//! JSON values whose texts are templates over a record.

use ropewalk_sdk::{Failure, Value};
use values::template::{Context, Templates, Text};

/// Longest text that a template may give, in bytes.
const LONGEST: usize = 1 << 20;

/// A value with templates.
pub(crate) enum Fill {
    Fixed(Value),
    Text(Box<Text>),
    List(Vec<Fill>),
    Object(Vec<(String, Fill)>),
}

impl Fill {
    /// Reads the templates in a value. `at` is its path in the parameters.
    pub(crate) fn parse(value: Value, at: &str) -> Result<Fill, Failure> {
        Ok(match value {
            Value::String(source) => {
                let text = words::template(&source).map_err(|fault| Failure::new(format!("{at}: {fault}")))?;
                Fill::Text(Box::new(text))
            }
            Value::Array(list) => {
                let parse = |(place, value)| Fill::parse(value, &format!("{at}[{place}]"));
                Fill::List(list.into_iter().enumerate().map(parse).collect::<Result<_, _>>()?)
            }
            Value::Object(fields) => {
                let parse = |(name, value): (String, Value)| {
                    let fill = Fill::parse(value, &format!("{at}.{name}"))?;
                    Ok::<_, Failure>((name, fill))
                };
                Fill::Object(fields.into_iter().map(parse).collect::<Result<_, _>>()?)
            }
            other => Fill::Fixed(other),
        })
    }

    /// The value for a record. The error is the reason for rejecting the record.
    pub(crate) fn of(&self, templates: &Templates, record: &Context) -> Result<Value, String> {
        match self {
            Fill::Fixed(value) => Ok(value.clone()),
            Fill::Text(text) => templates.evaluate(text, record, LONGEST).map_err(|fault| fault.to_string()),
            Fill::List(list) => {
                list.iter().map(|fill| fill.of(templates, record)).collect::<Result<_, _>>().map(Value::Array)
            }
            Fill::Object(fields) => {
                let filled = fields.iter().map(|(name, fill)| Ok((name.clone(), fill.of(templates, record)?)));
                filled.collect::<Result<_, String>>().map(Value::Object)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ropewalk_sdk::json;

    use super::*;

    #[test]
    fn texts_are_filled_at_any_depth_and_keep_types() {
        let fill = Fill::parse(json!({"n": "{{n}}", "list": ["no {{n}}", 5, null], "in": {"all": "{{this}}"}}), "body");
        let filled = fill.expect("parses").of(&Templates::of_record(), &Context::from(json!({"n": 2})));
        assert_eq!(filled, Ok(json!({"n": 2, "list": ["no 2", 5, null], "in": {"all": {"n": 2}}})));
    }

    #[test]
    fn a_wrong_template_names_its_place() {
        let failure = Fill::parse(json!({"a": [1, "{{uper x}}"]}), "perRecord.body").err().expect("wrong");
        assert!(failure.message.starts_with("perRecord.body.a[1]: There is no helper"), "{failure}");
    }
}
