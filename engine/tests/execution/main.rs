//! The path of a job result on the store in memory: no clock, no disk, no WASM.

#![allow(clippy::unwrap_used, clippy::panic)]

mod again;
mod awaited;
mod changing_jobs;
mod collections;
mod conditions;
mod failpoints;
mod faulty;
mod harness;
mod joins;
mod kills;
mod large;
mod line_sets;
mod lines;
mod moments;
mod overlaps;
mod quotas;
mod schedules;
mod starts;
mod stops;
mod templates;
mod types;
mod warnings;
mod webhooks;
mod workers;
