//! What a job is and how it runs.
//!
//! Imports run one way: `services` and `background` use `execution`, which uses `records` and `node`; these use
//! `ports`, and `ports` use `model`, which is pure. Nothing here knows SQL, GraphQL, HTTP or WASM: those live behind
//! the traits in `ports`. [`engine::Engine`] is the way in.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

pub mod background;
mod deadline;
pub mod engine;
pub mod execution;
pub mod model;
pub mod node;
pub mod ports;
pub mod records;
pub mod services;
