//! What the host does for modules: one file for each capability.

pub(super) mod log;
