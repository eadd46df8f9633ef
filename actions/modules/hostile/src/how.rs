//! The ways to misbehave.

use ropewalk_sdk::{Failure, Outcome, Records, Rejection, http, log};
use serde::Deserialize;

use crate::Parameters;

/// What to do.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum How {
    /// Never returns.
    Spin,
    /// Traps.
    Trap,
    /// Recurses until the stack is exhausted.
    Recurse,
    /// Allocates memory until there is none.
    Grow,
    /// Grows a table until that is refused, and then traps.
    Table,
    /// Returns 100 MB.
    Flood,
    /// Writes 100,000 long messages to the log, or `count`.
    Chatter,
    /// Writes 500,000 messages of one letter, or `count`.
    Whisper,
    /// Returns a message of 10 MB.
    Shout,
    /// Fails with a message of 10 MB.
    Wail,
    /// Returns an object instead of a list.
    NoList,
    /// Returns a text that is not JSON.
    NoJson,
    /// Returns JSON that is nested 100,000 levels deep, or `count`.
    Deep,
    /// Returns a record that has the same name twice.
    Twice,
    /// Rejects a record that does not exist, at position 4,000,000,000.
    Beyond,
    /// Rejects the first record 5,000,000 times, or `count`.
    RejectAll,
    /// Sends a request to the machine itself, or to `url`.
    Call,
    /// Sends a request to `url`, and waits for the response.
    Hang,
    /// Sends 100,000 requests to `url`, or `count`, and ignores the responses.
    Storm,
}

impl How {
    pub(crate) fn misbehave(self, parameters: &Parameters) -> Result<Outcome, Failure> {
        let count = |most: u32| parameters.count.unwrap_or(most) as usize;
        let url = parameters.url.as_deref().unwrap_or("http://127.0.0.1:1/");
        Ok(match self {
            How::Spin => spin(),
            How::Trap => std::process::abort(),
            How::Recurse => answer(recurse(u64::MAX).to_string()),
            How::Grow => grow(),
            How::Table => table(),
            How::Flood => answer(format!("[{{\"a\":\"{}\"}}]", "x".repeat(100 << 20))),
            How::Chatter => chatter(count(100_000), &"x".repeat(20_000)),
            How::Whisper => chatter(count(500_000), ""),
            How::Shout => Outcome::unchanged().saying("x".repeat(10_000_000)),
            How::Wail => return Err(Failure::new("x".repeat(10_000_000))),
            How::NoList => answer("{\"a\": 1}".to_owned()),
            How::NoJson => answer("[{\"a\": ".to_owned()),
            How::Deep => {
                let levels = count(100_000);
                answer(format!("[{{\"a\":{}{}}}]", "[".repeat(levels), "]".repeat(levels)))
            }
            How::Twice => answer("[{\"a\":1,\"a\":2}]".to_owned()),
            How::Beyond => Outcome::unchanged().rejecting(vec![rejection(4_000_000_000)]),
            How::RejectAll => Outcome::unchanged().rejecting((0..count(5_000_000)).map(|_| rejection(0)).collect()),
            How::Call | How::Hang => describe(&http::Request::get(url).send()?),
            How::Storm => {
                (0..count(100_000)).for_each(|_| drop(http::Request::get(url).send()));
                Outcome::unchanged()
            }
        })
    }
}

fn answer(text: String) -> Outcome {
    Outcome::of(Records::from_text(text))
}

fn rejection(index: u32) -> Rejection {
    Rejection { index, reason: String::new() }
}

fn describe(response: &http::Response) -> Outcome {
    Outcome::unchanged().saying(format!("{} answered {}.", response.url, response.status))
}

pub(crate) fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

#[allow(unconditional_recursion, clippy::only_used_in_recursion, reason = "running out of stack is the point")]
fn recurse(depth: u64) -> u64 {
    std::hint::black_box(recurse(depth - 1)) + 1
}

fn grow() -> ! {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1; 1 << 20]));
    }
}

/// The host names the limit only if the guest traps.
fn table() -> ! {
    #[cfg(target_arch = "wasm32")]
    log::info(format!("{} elements more", crate::table::grow()));
    std::process::abort()
}

fn chatter(count: usize, tail: &str) -> Outcome {
    for message in 0..count {
        match tail {
            "" => log::info("."),
            tail => log::info(format!("message {message} {tail}")),
        }
    }
    Outcome::unchanged()
}
