//! What one line does outside of its sandbox: counted, bounded, noted, and told when it was denied.
//!
//! Shared by the capabilities of one instance, and by what they wait for.

pub(super) mod exchange;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::engine::model::effect::{Effect, KEPT_EFFECTS};
use ::engine::model::grant::Capability;
use ::engine::model::result::LogLevel;
use ::engine::model::text::printable;
use ::engine::ports::actions::Listener;
use ::engine::ports::reach::{Call, Reach, ReachError};
use serde_json::json;
use tokio::sync::Semaphore;

use super::capabilities::log::Log;
use super::limits::Limits;
use crate::egress::Client;

/// Denials that are told with a line; the log has more.
const TOLD_DENIALS: usize = 3;

/// Whom the calls of a guest are made for.
pub(super) struct Caller {
    /// Key of the module.
    pub(super) module: String,
    /// The same in every attempt of the line.
    pub(super) idempotency_key: String,
    /// Whether effects are only noted.
    pub(super) dry_run: bool,
    /// What the line may do; none while a module only lists its actions.
    pub(super) reach: Option<Arc<dyn Reach>>,
    /// When the line must be done.
    pub(super) end: Instant,
    /// Hears what the guest logs.
    pub(super) listener: Arc<dyn Listener>,
}

/// What one line does outside.
pub(super) struct Outside {
    caller: Caller,
    log: Log,
    client: Client,
    limits: Arc<Limits>,
    /// Requests that may be under way at once.
    requests: Semaphore,
    state: Mutex<State>,
}

/// Requests of one line that may be under way at once; `wasi:http` lets a guest begin many.
const REQUESTS_AT_ONCE: usize = 8;

#[derive(Default)]
struct State {
    calls: u32,
    begun: u32,
    /// The batch that is at work; none while the line is opened.
    batch: Option<u32>,
    /// Changing calls of collections and jobs, of this batch.
    changes: u32,
    /// HTTP requests that are not safe, of this batch.
    unsafe_requests: u32,
    /// What was begun and has not come back: told as it is if the line ends first.
    under_way: Vec<(u32, Effect)>,
    effects: Vec<Effect>,
    noted: usize,
    left_out: u64,
    denials: Vec<String>,
    /// Bytes of answers that the host has held for `wasi:http`.
    held: usize,
}

impl State {
    fn note(&mut self, effect: Effect) {
        if self.noted >= KEPT_EFFECTS {
            self.left_out += 1;
            return;
        }
        self.noted += 1;
        self.effects.push(Effect { summary: printable(&effect.summary), ..effect });
    }
}

/// A line that calls the host without end.
#[derive(Debug, thiserror::Error)]
#[error("The action made more than {0} calls to the host; hand it fewer records, or let it do more with each call.")]
pub(super) struct TooManyCalls(u32);

/// Why a call of a capability did nothing: one sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Denied(String),
    Invalid(String),
    Unavailable(String),
}

impl Outside {
    pub(super) fn new(caller: Caller, log: Log, client: Client, limits: Arc<Limits>) -> Self {
        let requests = Semaphore::new(REQUESTS_AT_ONCE);
        Self { caller, log, client, limits, requests, state: Mutex::default() }
    }

    /// Every change is whole before the lock is let go.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Counts one call.
    pub(super) fn count(&self) -> Result<(), TooManyCalls> {
        let mut state = self.state();
        if state.calls >= self.limits.calls {
            return Err(TooManyCalls(self.limits.calls));
        }
        state.calls += 1;
        Ok(())
    }

    /// A batch begins: its calls are counted from 0, so that they are called the same whether
    /// or not the batches before it run in this attempt.
    pub(super) fn begin_batch(&self, number: u32) {
        let mut state = self.state();
        (state.batch, state.changes, state.unsafe_requests) = (Some(number), 0, 0);
    }

    /// Which changing call it is: the same in every attempt.
    pub(super) fn change(&self) -> Call {
        let mut state = self.state();
        state.changes += 1;
        Call { batch: state.batch, number: state.changes - 1 }
    }

    /// The batch that is at work; none while the line is opened.
    pub(super) fn batch(&self) -> Option<u32> {
        self.state().batch
    }

    /// Takes the room that an answer needs while a guest does not fetch it from the host.
    pub(super) fn hold(&self, bytes: usize) -> bool {
        let mut state = self.state();
        state.held = state.held.saturating_add(bytes);
        state.held <= self.limits.held
    }

    fn unsafe_request(&self) -> Call {
        let mut state = self.state();
        state.unsafe_requests += 1;
        Call { batch: state.batch, number: state.unsafe_requests - 1 }
    }

    /// What the line may do.
    ///
    /// # Errors
    /// The module is only listing its actions.
    pub(super) fn reach(&self) -> Result<&Arc<dyn Reach>, Refused> {
        let nowhere = || Refused::Denied("A module reaches nothing while it lists its actions.".to_owned());
        self.caller.reach.as_ref().ok_or_else(nowhere)
    }

    /// How long the line has left.
    pub(super) fn left(&self) -> Duration {
        self.caller.end.saturating_duration_since(Instant::now())
    }

    /// Takes note of what was done, or in a dry run would have been.
    pub(super) fn note(&self, effect: Effect) {
        self.state().note(effect);
    }

    /// Takes note of what is about to be done, in case that the line ends before it is; gives
    /// what [`Outside::end`] is called with.
    pub(super) fn begin(&self, effect: Effect) -> u32 {
        let mut state = self.state();
        let id = state.begun;
        state.begun += 1;
        state.under_way.push((id, effect));
        id
    }

    /// What was begun has come back; if it had an effect, this is it.
    pub(super) fn end(&self, id: u32, effect: Option<Effect>) {
        let mut state = self.state();
        state.under_way.retain(|(other, _)| *other != id);
        if let Some(effect) = effect {
            state.note(effect);
        }
    }

    /// The effects since this was last asked; the last one says how many were left out.
    pub(super) fn drain_effects(&self) -> Vec<Effect> {
        let mut state = self.state();
        for (_, effect) in std::mem::take(&mut state.under_way) {
            state.note(effect);
        }
        let mut effects = std::mem::take(&mut state.effects);
        let left_out = std::mem::take(&mut state.left_out);
        if left_out > 0 {
            effects.push(Effect {
                capability: effects.last().map_or(Capability::Http, |effect| effect.capability),
                done: !self.caller.dry_run,
                summary: format!("… and {left_out} more that are not kept"),
                detail: json!({"leftOut": left_out}),
            });
        }
        effects
    }

    /// Tells the line that something was denied, and gives the sentence for the guest.
    pub(super) fn deny(&self, told: impl fmt::Display) -> String {
        let told = printable(&told.to_string());
        let mut state = self.state();
        if !state.denials.contains(&told) {
            self.log.write(LogLevel::Warn, told.clone());
            if state.denials.len() < TOLD_DENIALS {
                state.denials.push(told.clone());
            }
        }
        told
    }

    /// What was denied so far, as the line tells it; none if nothing was.
    pub(super) fn denied(&self) -> Option<String> {
        let state = self.state();
        (!state.denials.is_empty()).then(|| state.denials.join(" "))
    }

    /// Why the reach did nothing, in the words of the guest.
    pub(super) fn refused(&self, error: ReachError) -> Refused {
        match error {
            ReachError::Denied(denial) => Refused::Denied(self.deny(denial)),
            ReachError::Invalid(message) => Refused::Invalid(message),
            ReachError::Unavailable(message) => Refused::Unavailable(message),
        }
    }
}

#[cfg(test)]
mod tests;
