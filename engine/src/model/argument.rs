//! What a start may pass to a job.

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

    /// The names that templates may use; none if any may.
    pub fn names(&self) -> Option<Vec<String>> {
        let declared = self.declared.as_ref()?;
        (!declared.open).then(|| declared.properties.keys().cloned().collect())
    }

    /// The arguments of a start, with defaults for what it leaves out. A property
    /// that has neither is null, so that templates can ask for it.
    ///
    /// # Errors
    /// Every fault, with its path below `arguments`.
    pub fn complete(&self, given: Map<String, Value>) -> Result<Map<String, Value>, Vec<Fault>> {
        self.complete_at(given, "arguments")
    }

    /// The same for what stands at `path`.
    ///
    /// # Errors
    /// Every fault, with its path below `path`.
    pub fn complete_at(&self, given: Map<String, Value>, path: &str) -> Result<Map<String, Value>, Vec<Fault>> {
        let Some(declared) = &self.declared else { return Ok(given) };
        let given = Value::Object(declared.with_defaults(given));
        let faults = declared.schema.faults(&given, path, Reading::Rendered);
        match given {
            Value::Object(mut given) if faults.is_empty() => {
                for name in declared.properties.keys() {
                    given.entry(name.clone()).or_insert(Value::Null);
                }
                Ok(given)
            }
            _ => Err(faults),
        }
    }

    /// Whether completing these takes long.
    pub fn is_costly(&self, given: &Map<String, Value>) -> bool {
        let costly =
            |declared: &Declared| declared.schema.is_costly(&Value::Object(declared.with_defaults(given.clone())));
        self.declared.as_ref().is_some_and(costly)
    }

    /// What is certainly wrong with arguments that may hold placeholders still.
    pub fn check(&self, written: Map<String, Value>, path: &str) -> Vec<Fault> {
        let Some(declared) = &self.declared else { return Vec::new() };
        declared.schema.faults(&Value::Object(declared.with_defaults(written)), path, Reading::Written)
    }

    /// Reads an argument that was given as text, as on a command line: a text where
    /// the job declares one, else JSON where it is JSON, else a text.
    pub fn from_text(&self, name: &str, text: &str) -> Value {
        let property = self.declared.as_ref().and_then(|declared| declared.properties.get(name));
        let wants_text = property.is_some_and(|property| property["type"] == json!("string"));
        let parsed = if wants_text { None } else { serde_json::from_str(text).ok() };
        parsed.unwrap_or_else(|| Value::String(text.to_owned()))
    }
}

impl Declared {
    fn with_defaults(&self, mut given: Map<String, Value>) -> Map<String, Value> {
        for (name, property) in &self.properties {
            if let (None, Some(default)) = (given.get(name), property.get("default")) {
                given.insert(name.clone(), default.clone());
            }
        }
        given
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
        let given = arguments().complete(object(json!({"top": 7, "code": "x"}))).unwrap();
        assert_eq!(Value::Object(given), json!({"top": 7, "code": "x"}));
    }

    #[test]
    fn wrong_and_unknown_arguments_are_refused_together() {
        let faults = arguments().complete(object(json!({"top": "x", "tpo": 1}))).unwrap_err();
        let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert!(told.contains(&"arguments.top: \"x\" is not an integer".to_owned()), "{told:?}");
        assert!(
            told.contains(&"arguments.tpo: there is no field `tpo` here; did you mean `top`?".to_owned()),
            "{told:?}"
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
        let given = object(json!({"a": 1}));
        assert_eq!(Arguments::default().complete(given.clone()).unwrap(), given);
        assert_eq!(Arguments::default().names(), None);
    }
}
