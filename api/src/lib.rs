//! The API of Ropewalk: GraphQL over HTTP, subscriptions over WebSocket, GraphiQL, webhooks, uploads, health checks
//! and metrics.
//!
//! Nothing here decides what a job means. Requests are read, checked against the limits of documents ([`document`])
//! and the table of rights of the engine, and handed to the engine. Its answers get the shapes of the schema
//! (`schema.graphql`).

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod budget;
pub mod connections;
pub mod document;
pub mod error;
pub mod options;

mod guard;
mod http;
mod mutation;
mod objects;
mod query;
mod resolver;
mod schema;
mod server;
mod slots;
mod socket;
mod state;
mod subscription;
#[cfg(test)]
mod tests;
mod user_error;

pub use options::Options;
pub use schema::sdl;
pub use server::{routes, serve};
