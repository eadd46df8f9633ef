//! The nouns of Ropewalk, each with its own rules. Pure: no clock, no files,
//! no store, no threads.

pub mod action;
pub mod argument;
pub mod audit;
pub mod catalogue;
pub mod collection;
pub mod criteria;
pub mod dates;
pub mod duration;
pub mod effect;
pub mod fairness;
pub mod fault;
pub mod field_use;
pub mod filter;
pub mod filter_template;
pub mod grant;
pub mod job;
pub mod job_schema;
pub mod lifecycle;
pub mod line;
pub mod module;
pub mod notify;
pub mod organization;
pub mod overlap;
pub mod quota;
pub mod record;
pub mod refusal;
pub mod result;
pub mod retry;
pub mod rights;
pub mod schedule;
pub mod schema;
pub mod source;
pub mod status;
pub mod template;
pub mod template_version;
pub mod text;
pub mod token;
pub mod variables;
pub mod wall;
pub mod webhook;

/// An instant in UTC. The store keeps its microseconds.
pub type Instant = chrono::DateTime<chrono::Utc>;
