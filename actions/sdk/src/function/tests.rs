use serde::{Deserialize, Serialize};

use super::*;
use crate::bindings::exports::ropewalk::action::actions::{Guest, GuestLine};
use crate::testing::{context, run};

/// Writes a field in capitals.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(crate = "crate::schemars")]
struct Shout {
    /// How often the text is repeated.
    #[serde(default = "once")]
    #[schemars(range(min = 1), example = 2)]
    how_often: usize,
    /// A text that is not templated.
    #[schemars(extend("raw" = true))]
    label: Option<String>,
    #[serde(default)]
    manner: Manner,
}

#[derive(Default, Deserialize, Serialize, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
#[schemars(crate = "crate::schemars")]
enum Manner {
    #[default]
    Plain,
    Loud,
}

fn once() -> usize {
    1
}

#[derive(Deserialize, Serialize)]
struct Order {
    name: String,
}

impl Function for Shout {
    const NAME: &'static str = "shout.out-loud";

    fn run(&self, records: Records, context: &Context) -> Result<Outcome, Failure> {
        let (mut orders, rejected) = records.fitting::<Order>()?;
        for order in &mut orders {
            order.name = order.name.to_uppercase().repeat(self.how_often);
            if self.manner == Manner::Loud {
                order.name += "!";
            }
        }
        let label = self.label.as_deref().unwrap_or(&context.organization);
        Ok(Outcome::write(&orders)?.rejecting(rejected).saying(label))
    }
}

crate::module![Shout];

#[test]
fn the_function_runs_over_typed_records() {
    let batch = json!([{"name": "a"}, {"nam": "b"}, {"name": "c"}]);
    let report = run::<Once<Shout>>(json!({"howOften": 2, "manner": "loud"}), &[batch]).expect("runs");
    assert_eq!(report.records, json!([{"name": "AA!"}, {"name": "CC!"}]));
    assert_eq!(report.rejected(), [(1, "missing field `name`")]);
    assert_eq!(report.message(), context().organization);
}

#[test]
fn the_schema_is_made_from_the_struct() {
    let expected = json!({
        "description": "Writes a field in capitals.",
        "type": "object",
        "properties": {
            "howOften": {
                "description": "How often the text is repeated.", "type": "integer", "format": "uint",
                "minimum": 1, "default": 1, "examples": [2]
            },
            "label": {"description": "A text that is not templated.", "type": ["string", "null"], "raw": true},
            "manner": {"type": "string", "enum": ["plain", "loud"], "default": "plain"}
        },
        "additionalProperties": false
    });
    assert_eq!(<Once<Shout> as Action>::schema(), expected);
}

#[test]
fn a_module_lists_and_runs_it() {
    let listed = Module::list();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].name.as_str(), listed[0].title.as_str()), ("shout.out-loud", "Shout out loud"));
    assert_eq!(listed[0].summary, "Writes a field in capitals.");
    type Line = <Module as Guest>::Line;
    let wire = context().to_wire();
    let failure = Line::start("shout.out-loud", "{\"howOften\": \"x\"}", wire.clone()).err().expect("wrong");
    assert!(failure.message.starts_with("The parameters do not fit the action \"shout.out-loud\""), "{failure}");
    let unknown = Line::start("whisper", "{}", wire.clone()).err().expect("unknown");
    assert_eq!(unknown.message, "The module has no action \"whisper\"; it has shout.out-loud");
    let line = Line::start("shout.out-loud", "{}", wire).expect("opens");
    let outcome = line.take("[{\"name\": \"x\"}]".to_owned()).expect("runs");
    assert_eq!(outcome.records.as_deref(), Some("[{\"name\":\"X\"}]"));
    assert_eq!(line.close().expect("closes").records, None);
}
