//! The meaning of JSON values in Ropewalk: how they compare, how paths find them, how they are parsed,
//! and how templates are rendered with them.
//!
//! The engine and the guest modules share this crate, so that a filter and an action never sort
//! differently. It reads no clock and no files, and compiles to wasm32.

pub mod json;
pub mod order;
pub mod path;
pub mod schema_cost;
pub mod template;

mod decimal;
mod fault;
mod nearest;

pub use fault::{Fault, Position};
pub use nearest::nearest;
