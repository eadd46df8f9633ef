//! The module `jobs`: starts other jobs.

mod start;

ropewalk_sdk::module![start::Start];
