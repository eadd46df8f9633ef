//! The SDK for Ropewalk modules in Rust.
//!
//! An action is a struct with parameters, a schema, and a function over records. A module
//! lists its actions in one macro:
//!
//! ```ignore
//! ropewalk_sdk::module![Sort, Limit];
//! ```
//!
//! Built as a `cdylib` for `wasm32-unknown-unknown` and encoded as a component, this is a
//! complete module. The contract is in `actions/wit/`.

mod action;
mod context;
mod failure;
#[cfg(feature = "schema")]
mod function;
mod module;
mod outcome;
mod record;
mod records;

pub mod collections;
pub mod http;
pub mod jobs;
pub mod log;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use action::{Action, Intake};
pub use context::Context;
pub use failure::Failure;
#[cfg(feature = "schema")]
pub use function::{Function, Once};
pub use outcome::{Outcome, Rejection, Severity};
pub use record::Record;
pub use records::Records;
#[cfg(feature = "schema")]
pub use schemars::{self, JsonSchema};
pub use serde_json::{Value, json};

#[doc(hidden)]
pub use module::{Entry, Exported, General, Line, Offer, Offered};

/// The bindings of the contract. Authors do not need them.
#[doc(hidden)]
#[allow(missing_docs)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "module",
        generate_all,
        pub_export_macro: true,
        default_bindings_module: "ropewalk_sdk::bindings",
    });
}
