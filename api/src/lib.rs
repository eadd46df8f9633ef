//! How programs reach Ropewalk: GraphQL over HTTP, subscriptions over WebSocket,
//! a page to try it in, and the two answers that a supervisor asks for.
//!
//! Nothing here decides what a job means: requests are read, checked against the
//! walls ([`document`]) and the table of rights ([`rights`]), handed to the engine,
//! and its answers are given the shapes of the schema (`schema.graphql`).

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod document;
pub mod options;
pub mod refusal;
pub mod rights;

pub mod budget;
pub mod connections;
mod door;
mod gate;
mod http;
mod mutation;
mod objects;
mod query;
mod quota;
mod schema;
mod server;
mod socket;
mod subscription;
#[cfg(test)]
mod tests;

pub use options::Options;
pub use schema::sdl;
pub use server::{routes, serve};
