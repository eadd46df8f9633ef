//! A module for tests. Its action `misbehave` breaks the limit that its parameter names. The tests
//! check that every such line ends in error with the name of the limit, and that nothing else is
//! affected.
//!
//! `list` has no parameter, so tests choose what it returns by overwriting a word in the bytes
//! of the component, at the marker `ROPEWALK-HOSTILE-LIST:honest........` (see [`listing`]).
#![cfg_attr(target_arch = "wasm32", feature(asm_experimental_arch))]

mod how;
mod listing;
#[cfg(target_arch = "wasm32")]
mod table;

use ropewalk_sdk::bindings::exports::ropewalk::action::actions as wit;
use ropewalk_sdk::{Action, Context, Entry, Failure, Intake, Line, Offer, Outcome, Records, Value, json};
use serde::Deserialize;

use how::How;

/// What to do, when, and how much of it.
#[derive(Clone, Deserialize)]
struct Parameters {
    how: How,
    /// Misbehaves when the line is opened.
    #[serde(default)]
    in_open: bool,
    /// Misbehaves when the line is closed.
    #[serde(default)]
    in_close: bool,
    /// How many or how deep, for the ways that have a number.
    count: Option<u32>,
    /// Where requests go.
    url: Option<String>,
}

struct Misbehave(Parameters);

impl Action for Misbehave {
    const NAME: &'static str = "misbehave";
    const TITLE: &'static str = "Misbehave";
    const SUMMARY: &'static str = "Breaks the limit that its parameter names.";
    const INTAKE: Intake = Intake::Whole;
    type Parameters = Parameters;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["how"],
            "properties": {
                "how": {"type": "string"},
                "in_open": {"type": "boolean"},
                "in_close": {"type": "boolean"},
                "count": {"type": "integer", "minimum": 0},
                "url": {"type": "string"}
            }
        })
    }

    fn open(parameters: Parameters, _: &Context) -> Result<Misbehave, Failure> {
        if parameters.in_open {
            parameters.how.misbehave(&parameters)?;
        }
        Ok(Misbehave(parameters))
    }

    fn take(&mut self, _: Records) -> Result<Outcome, Failure> {
        if self.0.in_close || self.0.in_open {
            return Ok(Outcome::unchanged());
        }
        self.0.how.misbehave(&self.0)
    }

    fn close(&mut self) -> Result<Outcome, Failure> {
        if self.0.in_close {
            return self.0.how.misbehave(&self.0);
        }
        Ok(Outcome::unchanged())
    }
}

/// The one action, as an honest module would list it.
struct Table;

impl Offer for Table {
    fn entries() -> Vec<Entry> {
        vec![Entry::of::<Misbehave>()]
    }
}

struct Hostile;

impl wit::Guest for Hostile {
    type Line = Line<Table>;

    fn list() -> Vec<wit::ActionSpec> {
        listing::list(honest())
    }
}

fn honest() -> wit::ActionSpec {
    wit::ActionSpec {
        name: Misbehave::NAME.to_owned(),
        title: Misbehave::TITLE.to_owned(),
        summary: Misbehave::SUMMARY.to_owned(),
        parameters: Misbehave::schema().to_string(),
        intake: wit::Intake::Whole,
    }
}

ropewalk_sdk::bindings::export!(Hostile with_types_in ropewalk_sdk::bindings);
