//! The API as callers meet it, on the stores in memory.

mod administration;
mod changing;
mod changing_jobs;
mod client;
mod collections;
mod documents;
mod filter_templates;
mod hooks;
mod http;
mod logs;
mod modules;
mod reading;
mod retrying;
mod rights;
mod schedules;
mod schema_file;
mod sockets;
mod talker;
mod watching;
mod world;
