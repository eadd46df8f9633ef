//! The module `js`: lines and conditions written in JavaScript.
//!
//! QuickJS-ng runs inside the sandbox like every module. The build runs [`engine::warm`]
//! once and keeps the resulting memory, so that a line starts with an initialized context.
//! `ropewalk.d.ts` has the types of what scripts can use.

mod action;
mod clock;
mod engine;
mod fault;
mod keep;
mod missing_return;
mod native;
mod running;
mod scan;
mod script;
mod stack;
#[cfg(test)]
mod types;
mod unhandled;

ropewalk_sdk::module![action::Js, keep::Keep];
