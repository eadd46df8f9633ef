//! The verbs of the command line, one file each.

pub mod bench;
pub mod check;
pub mod module;
pub mod run;
pub mod schema;
pub mod serve;
pub mod token;
