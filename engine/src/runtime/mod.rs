//! How a job result comes to be and is worked off.
//!
//! The main path is a list of stops: `start` → queue → claim (`worker`) →
//! select or render and act, line by line (`perform`) → record → finish.

mod act;
mod attempt;
pub mod authenticate;
mod awaited;
mod checkpoint;
pub mod collections;
pub mod engine;
pub mod figures;
pub mod health;
pub mod integrity;
pub mod jobs;
pub mod keeper;
pub mod kill;
mod line_sets;
pub mod manage;
pub mod modules;
mod notices;
mod patience;
pub mod perform;
pub mod preview;
pub mod queues;
mod reach;
mod ready;
mod rejections;
pub mod retry;
pub mod running;
pub mod scheduler;
pub mod schedules;
pub mod select;
pub mod set;
mod shelf;
pub mod sources;
pub mod start;
mod taking;
pub mod templates;
pub mod webhooks;
pub mod worker;

#[cfg(test)]
mod tests;
