//! The execution of one job result: start → queue → claim → filter or action → record → finish.
//!
//! Each step is a file with functions on a [`Node`](crate::node::Node), and may call the steps after it. What several
//! steps need is in `outcome`, or in `node` and `records`. Rights are checked by `services`, not here.

mod action;
mod attempt;
pub(crate) mod awaited_jobs;
mod batch_outcome;
mod checkpoint;
pub(crate) mod filter;
pub(crate) mod filter_scope;
pub(crate) mod finish;
mod host_calls;
mod job_loading;
mod journal;
pub mod kill;
mod line_run;
pub(crate) mod line_sets;
pub(crate) mod module_loading;
pub(crate) mod notifications;
pub mod outcome;
pub(crate) mod perform;
pub mod retry;
pub mod sources;
pub mod start;
mod stored_sets;
pub mod worker;
