//! The arguments that a start may pass to a job.

use serde_json::{Map, Value, json};

use super::criteria::Reading;
use super::fault::Fault;
use super::schema::Schema;

/// The arguments that a job declares.
#[derive(Debug, Default)]
pub struct Arguments {
    declared: Option<Declared>,
}

#[derive(Debug)]
struct Declared {
    schema: Schema,
    properties: Map<String, Value>,
    open: bool,
}

impl Arguments {
    /// Reads the `arguments` of a job: a JSON Schema of an object. Unless it says
    /// `additionalProperties`, only what it names may be passed.
    ///
    /// # Errors
    /// One sentence with what is wrong in the schema.
    pub fn read(written: Option<&Value>) -> Result<Self, String> {
        let Some(Value::Object(written)) = written else { return Ok(Self::default()) };
        let mut schema = written.clone();
        schema.entry("type").or_insert(json!("object"));
        schema.entry("additionalProperties").or_insert(json!(false));
        let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        let open = schema["additionalProperties"] != json!(false);
        let schema = Schema::compile_foreign(&Value::Object(schema))?;
        Ok(Self { declared: Some(Declared { schema, properties, open }) })
    }

    /// The names that templates may use; none if every name is allowed.
    pub fn names(&self) -> Option<Vec<String>> {
        let declared = self.declared.as_ref()?;
        (!declared.open).then(|| declared.properties.keys().cloned().collect())
    }

    /// Checks the arguments of a start and adds the defaults of those that are missing. A property
    /// without a default becomes null, so that templates can use it.
    ///
    /// # Errors
    /// Every fault, with its path below `arguments`.
    pub fn complete(&self, arguments: Map<String, Value>) -> Result<Map<String, Value>, Vec<Fault>> {
        self.complete_at(arguments, "arguments")
    }

    /// As [`Self::complete`], for arguments at another path.
    ///
    /// # Errors
    /// Every fault, with its path below `path`.
    pub fn complete_at(&self, arguments: Map<String, Value>, path: &str) -> Result<Map<String, Value>, Vec<Fault>> {
        let Some(declared) = &self.declared else { return Ok(arguments) };
        let arguments = Value::Object(declared.with_defaults(arguments));
        let faults = declared.schema.faults(&arguments, path, Reading::Rendered);
        match arguments {
            Value::Object(mut arguments) if faults.is_empty() => {
                for name in declared.properties.keys() {
                    arguments.entry(name.clone()).or_insert(Value::Null);
                }
                Ok(arguments)
            }
            _ => Err(faults),
        }
    }

    /// Whether checking these arguments takes long.
    pub fn is_costly(&self, arguments: &Map<String, Value>) -> bool {
        let costly =
            |declared: &Declared| declared.schema.is_costly(&Value::Object(declared.with_defaults(arguments.clone())));
        self.declared.as_ref().is_some_and(costly)
    }

    /// The faults of written arguments that rendering their placeholders cannot remove.
    pub fn check(&self, written: Map<String, Value>, path: &str) -> Vec<Fault> {
        let Some(declared) = &self.declared else { return Vec::new() };
        declared.schema.faults(&Value::Object(declared.with_defaults(written)), path, Reading::Written)
    }

    /// Reads an argument from the text of a command line: a text if the job declares it as one, else
    /// JSON if it is valid JSON, else a text.
    pub fn from_text(&self, name: &str, text: &str) -> Value {
        let property = self.declared.as_ref().and_then(|declared| declared.properties.get(name));
        let wants_text = property.is_some_and(|property| property["type"] == json!("string"));
        let parsed = if wants_text { None } else { serde_json::from_str(text).ok() };
        parsed.unwrap_or_else(|| Value::String(text.to_owned()))
    }
}

impl Declared {
    fn with_defaults(&self, mut arguments: Map<String, Value>) -> Map<String, Value> {
        for (name, property) in &self.properties {
            if let (None, Some(default)) = (arguments.get(name), property.get("default")) {
                arguments.insert(name.clone(), default.clone());
            }
        }
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments() -> Arguments {
        let written = json!({"properties": {"top": {"type": "integer", "default": 5}, "code": {"type": "string"}}});
        Arguments::read(Some(&written)).unwrap()
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn defaults_fill_what_a_start_leaves_out() {
        assert_eq!(Value::Object(arguments().complete(Map::new()).unwrap()), json!({"top": 5, "code": null}));
        let complete = arguments().complete(object(json!({"top": 7, "code": "x"}))).unwrap();
        assert_eq!(Value::Object(complete), json!({"top": 7, "code": "x"}));
    }

    #[test]
    fn wrong_and_unknown_arguments_are_refused_together() {
        let faults = arguments().complete(object(json!({"top": "x", "tpo": 1}))).unwrap_err();
        let messages: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert!(messages.contains(&"arguments.top: \"x\" is not an integer".to_owned()), "{messages:?}");
        assert!(
            messages.contains(&"arguments.tpo: there is no field `tpo` here; did you mean `top`?".to_owned()),
            "{messages:?}"
        );
    }

    #[test]
    fn a_text_is_read_as_the_job_declares_it() {
        assert_eq!(arguments().from_text("top", "7"), json!(7));
        assert_eq!(arguments().from_text("code", "00501"), json!("00501"));
        assert_eq!(arguments().from_text("other", "[1]"), json!([1]));
        assert_eq!(arguments().from_text("other", "plain words"), json!("plain words"));
    }

    #[test]
    fn a_job_that_declares_nothing_takes_anything() {
        let arguments = object(json!({"a": 1}));
        assert_eq!(Arguments::default().complete(arguments.clone()).unwrap(), arguments);
        assert_eq!(Arguments::default().names(), None);
    }
}
