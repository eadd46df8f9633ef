//! The tables: one file each, with what turns its rows into the engine's words and back.

pub(crate) mod batches;
pub(crate) mod collection_calls;
pub(crate) mod collection_records;
pub(crate) mod collections;
pub(crate) mod components;
pub(crate) mod filter_template_versions;
pub(crate) mod filter_templates;
pub(crate) mod job_inputs;
pub(crate) mod job_modules;
pub(crate) mod job_results;
pub(crate) mod job_starts;
pub(crate) mod job_templates;
pub(crate) mod job_versions;
pub(crate) mod jobs;
pub(crate) mod leases;
pub(crate) mod line_results;
pub(crate) mod module_grants;
pub(crate) mod modules;
pub(crate) mod nodes;
pub(crate) mod organizations;
pub(crate) mod parts;
pub(crate) mod queues;
pub(crate) mod schedules;
pub(crate) mod tokens;
pub(crate) mod uploads;
pub(crate) mod webhooks;
