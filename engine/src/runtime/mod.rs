//! How a job result comes to be and is worked off.
//!
//! The main path is a list of stops: `start` → queue → claim (`worker`) →
//! select or render and act, line by line (`perform`) → record → finish.

mod act;
mod attempt;
pub mod authenticate;
pub mod collections;
pub mod engine;
pub mod jobs;
pub mod kill;
pub mod manage;
pub mod modules;
pub mod perform;
pub mod preview;
mod reach;
pub mod running;
pub mod select;
mod shelf;
pub mod sources;
pub mod start;
pub mod templates;
pub mod worker;

#[cfg(test)]
mod tests;
