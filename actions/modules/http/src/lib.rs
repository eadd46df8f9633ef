//! The module `http`: requests to HTTP servers.

mod address;
mod answer;
mod content;
mod fill;
mod request;
mod schema;

ropewalk_sdk::module![request::Request];
