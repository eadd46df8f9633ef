//! `ropewalk module …`: writing modules, trying them, and keeping those of a server.

mod build;
mod cases;
mod check;
mod grant;
mod install;
mod list;
mod new;
mod remove;
mod toolchain;
mod upgrade;

use clap::Subcommand;

use crate::Failed;

/// What to do with modules.
#[derive(Subcommand)]
pub enum Verb {
    /// Write a project for a new module in Rust
    New(new::Options),
    /// Build a module from its project
    Build(build::Options),
    /// Look at a module as a server would, and try its cases
    Check(check::Options),
    /// Install a module into a running server
    Install(install::Options),
    /// List the modules of a server
    List(list::Options),
    /// Allow a module of a server to reach outside
    Grant(grant::Options),
    /// Show which jobs a newer version of a module would change, and change them
    Upgrade(upgrade::Options),
    /// Remove a version of a module that no job uses
    Remove(remove::Options),
}

/// Does it.
pub async fn module(verb: Verb) -> Result<(), Failed> {
    match verb {
        Verb::New(options) => new::new(&options),
        Verb::Build(options) => build::build(&options),
        Verb::Check(options) => check::check(&options).await,
        Verb::Install(options) => install::install(&options).await,
        Verb::List(options) => list::list(&options).await,
        Verb::Grant(options) => grant::grant(&options).await,
        Verb::Upgrade(options) => upgrade::upgrade(&options).await,
        Verb::Remove(options) => remove::remove(&options).await,
    }
}
