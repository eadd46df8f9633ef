//! What lines can do.
//!
//! Every action is a WASM component behind one contract (`wit/`), the bundled
//! ones and the JavaScript step too. `host` runs them under limits, and the
//! capabilities in `host::capabilities` are all that a module can reach.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod authoring;
pub mod bundled;
pub mod egress;
pub mod host;
