//! What one line does outside of its sandbox: its calls to the host are counted and bounded, and its
//! effects and denials are noted.
//!
//! The capabilities of one instance share these notes.

pub(super) mod exchange;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::engine::model::effect::{Effect, KEPT_EFFECTS};
use ::engine::model::grant::Capability;
use ::engine::model::result::LogLevel;
use ::engine::model::text::printable;
use ::engine::ports::actions::Listener;
use ::engine::ports::host_calls::{Call, HostCallError, HostCalls};
use serde_json::json;
use tokio::sync::Semaphore;

use super::limits::Limits;
use super::log::Log;
use crate::egress::Client;

/// How many denials the message of a line shows; the log has more.
const SHOWN_DENIALS: usize = 3;

/// On whose behalf a guest calls the host.
pub(super) struct Caller {
    /// Key of the module.
    pub(super) module: String,
    /// The same in every attempt of the line.
    pub(super) idempotency_key: String,
    /// Whether effects are only noted.
    pub(super) dry_run: bool,
    /// What the line may do; `None` while a module only lists its actions.
    pub(super) host_calls: Option<Arc<dyn HostCalls>>,
    /// When the line must have ended.
    pub(super) end: Instant,
    /// Receives what the guest logs.
    pub(super) listener: Arc<dyn Listener>,
}

/// The effects of one line, and the means to have them.
pub(super) struct Effects {
    caller: Caller,
    log: Log,
    client: Client,
    limits: Arc<Limits>,
    requests: Semaphore,
    state: Mutex<State>,
}

/// How many requests of one line run at once; `wasi:http` lets a guest begin many.
const REQUESTS_AT_ONCE: usize = 8;

#[derive(Default)]
struct State {
    calls: u32,
    begun: u32,
    /// The current batch; `None` while the line is opened.
    batch: Option<u32>,
    /// Calls of this batch that changed collections or started jobs.
    changes: u32,
    /// HTTP requests of this batch whose methods are not safe.
    unsafe_requests: u32,
    /// Effects that have begun and not ended. They are noted as they are if the line ends first.
    under_way: Vec<(u32, Effect)>,
    effects: Vec<Effect>,
    noted: usize,
    left_out: u64,
    denials: Vec<String>,
    /// Bytes of responses that the host has held for `wasi:http`.
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

/// A line called the host too often.
#[derive(Debug, thiserror::Error)]
#[error("The action made more than {0} calls to the host; give it fewer records, or have it do more with each call.")]
pub(super) struct TooManyCalls(u32);

/// Why a call of a capability did nothing, in one sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Denied(String),
    Invalid(String),
    Unavailable(String),
}

impl Effects {
    pub(super) fn new(caller: Caller, log: Log, client: Client, limits: Arc<Limits>) -> Self {
        let requests = Semaphore::new(REQUESTS_AT_ONCE);
        Self { caller, log, client, limits, requests, state: Mutex::default() }
    }

    /// A poisoned lock is used all the same: every change is complete before the lock is released.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Counts one call to the host.
    pub(super) fn count(&self) -> Result<(), TooManyCalls> {
        let mut state = self.state();
        if state.calls >= self.limits.calls {
            return Err(TooManyCalls(self.limits.calls));
        }
        state.calls += 1;
        Ok(())
    }

    /// Begins a batch. Its calls are counted from 0, so that they get the same numbers whether or not
    /// the batches before it run in this attempt.
    pub(super) fn begin_batch(&self, number: u32) {
        let mut state = self.state();
        (state.batch, state.changes, state.unsafe_requests) = (Some(number), 0, 0);
    }

    /// The number of the next call that changes something. It is the same in every attempt.
    pub(super) fn next_change(&self) -> Call {
        let mut state = self.state();
        state.changes += 1;
        Call { batch: state.batch, number: state.changes - 1 }
    }

    /// The current batch; `None` while the line is opened.
    pub(super) fn batch(&self) -> Option<u32> {
        self.state().batch
    }

    /// Counts the bytes of a response that the host holds until the guest reads it; false if the line
    /// has exceeded its limit.
    pub(super) fn hold_response(&self, bytes: usize) -> bool {
        let mut state = self.state();
        state.held = state.held.saturating_add(bytes);
        state.held <= self.limits.held
    }

    fn next_unsafe_request(&self) -> Call {
        let mut state = self.state();
        state.unsafe_requests += 1;
        Call { batch: state.batch, number: state.unsafe_requests - 1 }
    }

    /// What the line may do.
    ///
    /// # Errors
    /// The module is only listing its actions.
    pub(super) fn host_calls(&self) -> Result<&Arc<dyn HostCalls>, Refused> {
        let denied = || Refused::Denied("A module cannot call the host while it lists its actions.".to_owned());
        self.caller.host_calls.as_ref().ok_or_else(denied)
    }

    /// The time that is left to the line.
    pub(super) fn time_left(&self) -> Duration {
        self.caller.end.saturating_duration_since(Instant::now())
    }

    /// Notes what was done, or what would have been done in a dry run.
    pub(super) fn note(&self, effect: Effect) {
        self.state().note(effect);
    }

    /// Notes what is about to be done, in case the line ends first. Returns the id for [`Effects::end`].
    pub(super) fn begin(&self, effect: Effect) -> u32 {
        let mut state = self.state();
        let id = state.begun;
        state.begun += 1;
        state.under_way.push((id, effect));
        id
    }

    /// Replaces what was begun with the effect that it had, if it had one.
    pub(super) fn end(&self, id: u32, effect: Option<Effect>) {
        let mut state = self.state();
        state.under_way.retain(|(other, _)| *other != id);
        if let Some(effect) = effect {
            state.note(effect);
        }
    }

    /// The effects since the last call. If some were left out, the last one says how many.
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

    /// Notes and logs that something was denied, and returns the sentence for the guest.
    pub(super) fn deny(&self, denial: impl fmt::Display) -> String {
        let message = printable(&denial.to_string());
        let mut state = self.state();
        if !state.denials.contains(&message) {
            self.log.write(LogLevel::Warn, message.clone());
            if state.denials.len() < SHOWN_DENIALS {
                state.denials.push(message.clone());
            }
        }
        message
    }

    /// What was denied so far, for the message of the line; `None` if nothing was.
    pub(super) fn denied(&self) -> Option<String> {
        let state = self.state();
        (!state.denials.is_empty()).then(|| state.denials.join(" "))
    }

    /// The error of a host call as the guest gets it. Denials are noted.
    pub(super) fn refuse(&self, error: HostCallError) -> Refused {
        match error {
            HostCallError::Denied(denial) => Refused::Denied(self.deny(denial)),
            HostCallError::Invalid(message) => Refused::Invalid(message),
            HostCallError::Unavailable(message) => Refused::Unavailable(message),
        }
    }
}

#[cfg(test)]
mod tests;
