//! Effects: what a line did outside of its sandbox, or would have done in a dry run.

use serde_json::Value;

use super::grant::Capability;

/// Effects that are stored with a line result.
pub const KEPT_EFFECTS: usize = 200;

/// One call of a capability that has effects.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// The capability.
    pub capability: Capability,
    /// Whether it was carried out. If not, it was only recorded in a dry run, or it failed.
    pub done: bool,
    /// One line for people: `POST https://api.example.com/orders, 1,204 bytes: 201 in 34 ms`.
    pub summary: String,
    /// The same for programs: an object whose fields depend on the capability. It never contains a secret.
    pub detail: Value,
}
