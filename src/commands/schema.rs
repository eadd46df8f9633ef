//! `ropewalk schema job|graphql|js`: prints a schema, for editors and clients.

use clap::{Args, ValueEnum};

use crate::Failed;
use crate::stdio::print;

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

/// Prints it.
pub fn schema(options: &Options) -> Result<(), Failed> {
    match options.what {
        What::Job => print(&format!("{:#}", engine::model::job::file_schema())),
        What::Graphql => print(api::sdl().trim_end()),
        What::Js => print(actions::bundled::SCRIPT_TYPES.trim_end()),
    }
}
