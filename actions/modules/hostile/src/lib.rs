//! A module that no organization wants: `misbehave` does what its parameter says.
//! The tests install it to see that every line it ruins ends in error, with the
//! limit named, and that nothing else notices.

use ropewalk_sdk::{Action, Context, Failure, Intake, Outcome, Records, Value, json, log};
use serde::Deserialize;

ropewalk_sdk::module![Misbehave];

/// What to do, and when.
#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum How {
    Spin,
    Trap,
    Recurse,
    Grow,
    Flood,
    Chatter,
    NoList,
    NoJson,
}

#[derive(Deserialize)]
struct Parameters {
    how: How,
    #[serde(default)]
    in_open: bool,
}

struct Misbehave(How);

impl Action for Misbehave {
    const NAME: &'static str = "misbehave";
    const TITLE: &'static str = "Misbehave";
    const SUMMARY: &'static str = "Breaks the limit that it is told to break.";
    const INTAKE: Intake = Intake::Whole;
    type Parameters = Parameters;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["how"],
            "properties": {"how": {"type": "string"}, "in_open": {"type": "boolean"}}
        })
    }

    fn open(parameters: Parameters, _: &Context) -> Result<Misbehave, Failure> {
        if parameters.in_open {
            misbehave(parameters.how);
        }
        Ok(Misbehave(parameters.how))
    }

    fn take(&mut self, _: Records) -> Result<Outcome, Failure> {
        Ok(misbehave(self.0))
    }
}

fn misbehave(how: How) -> Outcome {
    match how {
        How::Spin => spin(),
        How::Trap => std::process::abort(),
        How::Recurse => Outcome::of(Records::from_text(recurse(u64::MAX).to_string())),
        How::Grow => grow(),
        How::Flood => Outcome::of(Records::from_text(format!("[{{\"a\":\"{}\"}}]", "x".repeat(100 << 20)))),
        How::Chatter => chatter(),
        How::NoList => Outcome::of(Records::from_text("{\"a\": 1}".to_owned())),
        How::NoJson => Outcome::of(Records::from_text("[{\"a\": ".to_owned())),
    }
}

fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

#[allow(unconditional_recursion, clippy::only_used_in_recursion, reason = "running out of stack is the point")]
fn recurse(depth: u64) -> u64 {
    std::hint::black_box(recurse(depth - 1)) + 1
}

fn grow() -> Outcome {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1; 1 << 20]));
    }
}

fn chatter() -> Outcome {
    for message in 0..100_000 {
        log::info(format!("message {message} {}", "x".repeat(20_000)));
    }
    Outcome::unchanged()
}
