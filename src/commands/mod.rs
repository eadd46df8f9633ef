//! The verbs of the command line, one file each.

pub mod apply;
pub mod audit;
pub mod bench;
pub mod check;
pub mod completions;
pub mod diff;
pub mod doctor;
pub mod export;
pub mod jobs;
pub mod kill;
pub mod logs;
pub mod module;
pub mod organization;
pub mod preview;
pub mod results;
pub mod retry;
pub mod run;
pub mod schema;
pub mod serve;
pub mod show;
pub mod start;
pub mod token;
