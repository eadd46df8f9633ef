//! What JSON values mean in Ropewalk: how they compare, how a path finds one, how
//! text becomes one, and how a template is filled with them.
//!
//! The engine and the guest modules share this crate, so that a sort in a filter and
//! a sort in an action can never disagree. It is pure: it reads no clock, opens
//! nothing, and compiles to wasm32.

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
