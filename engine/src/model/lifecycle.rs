//! The life of a job result: what becomes of a start beside others of its job, who is next when one ends, why one
//! waits, what a crash means, and when one is removed. Every store asks these rules, each in its own transaction.

pub mod admission;
pub mod isolation;
pub mod lease_state;
pub mod retention;
pub mod waiting;
