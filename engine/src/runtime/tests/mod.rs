//! The path of a job result on the twins in memory: no clock, no disk, no WASM.

mod collections;
mod faulty;
mod harness;
mod kills;
mod large;
mod lines;
mod starts;
mod workers;
