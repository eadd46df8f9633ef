//! The path of a job result on the twins in memory: no clock, no disk, no WASM.

mod again;
mod collections;
mod faulty;
mod harness;
mod kills;
mod large;
mod lines;
mod moments;
mod overlaps;
mod schedules;
mod starts;
mod templates;
mod warnings;
mod webhooks;
mod workers;
