//! The types of the schema. Each is converted by hand from a type of the engine, so that a change of one never changes
//! the other by accident.

pub(crate) mod action;
pub(crate) mod audit_entry;
pub(crate) mod collection;
pub(crate) mod filter_preview;
pub(crate) mod filter_template;
pub(crate) mod global_id;
pub(crate) mod job;
pub(crate) mod job_result;
pub(crate) mod kept_records;
pub(crate) mod line_loader;
pub(crate) mod line_result;
pub(crate) mod module;
pub(crate) mod moment;
pub(crate) mod node;
pub(crate) mod organization;
pub(crate) mod page;
pub(crate) mod queue;
pub(crate) mod role;
pub(crate) mod schedule;
pub(crate) mod server_info;
pub(crate) mod status;
pub(crate) mod token;
pub(crate) mod viewer;
pub(crate) mod waits_for;
pub(crate) mod webhook;
