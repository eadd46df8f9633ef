//! Effects: what a line did outside of its sandbox, or in a dry run would have done.

use serde_json::Value;

use super::grant::Capability;

/// How many effects a line result keeps at most.
pub const KEPT_EFFECTS: usize = 200;

/// One call of a capability that reaches outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// Which capability.
    pub capability: Capability,
    /// Whether it was carried out. In a dry run it was only noted; else it did not get through.
    pub done: bool,
    /// One sentence for a clerk: `POST https://api.example.com/orders, 1,204 bytes: 201 in 34 ms`.
    pub summary: String,
    /// The same for programs: an object whose members depend on the capability. Never a secret.
    pub detail: Value,
}
