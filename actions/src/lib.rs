//! Actions, and the host that runs them.
//!
//! Every action is a WASM component behind one contract (`wit/`), including the
//! bundled ones and the JavaScript step. `host` runs them under limits, and a module
//! can use nothing but the capabilities in `host::capabilities`.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod authoring;
pub mod bundled;
pub mod egress;
pub mod host;
