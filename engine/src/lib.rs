//! What a job is and how it runs.
//!
//! Three rooms, and imports run one way: `runtime` uses `ports`, `ports` uses
//! `model`, and `model` is pure. Nothing here knows SQL, GraphQL, HTTP or WASM:
//! those live behind the traits in `ports`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

pub mod model;
pub mod ports;
pub mod runtime;
