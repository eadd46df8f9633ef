//! `ropewalk schema job|graphql|js`: the shapes, for editors and clients.

use clap::{Args, ValueEnum};

use crate::Failed;
use crate::display::say;

/// Which schema.
#[derive(Args)]
pub struct Options {
    /// `job`: JSON Schema of job files; `graphql`: SDL of the API; `js`: TypeScript types of scripts
    what: What,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    Job,
    Graphql,
    Js,
}

/// Prints a schema.
pub fn print(options: &Options) -> Result<(), Failed> {
    match options.what {
        What::Job => say(&format!("{:#}", engine::model::job::file_schema())),
        What::Graphql => say(api::sdl().trim_end()),
        What::Js => say(actions::bundled::SCRIPT_TYPES.trim_end()),
    }
}
