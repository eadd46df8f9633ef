//! The module `js`: a line written in JavaScript.
//!
//! QuickJS-ng runs inside the sandbox that every module runs in. The build runs
//! [`engine::warm`] once and keeps the memory as it is then, so that a line starts
//! with a context that is ready. `ropewalk.d.ts` says what a script finds.

mod action;
mod clock;
mod engine;
mod fault;
mod forgotten;
mod keep;
mod native;
mod running;
mod scan;
mod script;
mod stack;
#[cfg(test)]
mod types;
mod unheard;

ropewalk_sdk::module![action::Js, keep::Keep];
