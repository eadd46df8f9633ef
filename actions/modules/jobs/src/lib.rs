//! The module `jobs`: starting other jobs.

mod start;

ropewalk_sdk::module![start::Start];
