//! The life of a job result: what happens to a start while other results of its job are unfinished, which is next
//! when one ends, why one waits, what a crash means, and when one is removed. Every store asks these rules, each in its own transaction.

pub mod admission;
pub mod isolation;
pub mod lease_state;
pub mod retention;
pub mod waiting;

#[cfg(test)]
mod tests;
