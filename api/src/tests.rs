//! The API as callers meet it, on the stores in memory.

mod changing;
mod client;
mod collections;
mod documents;
mod filter_templates;
mod http;
mod modules;
mod reading;
mod rights;
mod schema_file;
mod sockets;
mod watching;
mod world;
