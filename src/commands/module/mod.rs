//! `ropewalk module …`: writes, builds and checks modules, and manages those of a server.

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

/// The verbs about modules.
#[derive(Subcommand)]
pub enum Verb {
    /// Create a Rust project for a new module
    New(new::Options),
    /// Build a module from its project
    Build(build::Options),
    /// Load a module as a server does, and run its cases
    Check(check::Options),
    /// Install a module into a running server
    Install(install::Options),
    /// List the modules of a server
    List(list::Options),
    /// Grant capabilities to a module of a server
    Grant(grant::Options),
    /// Show which jobs can run with a newer version of a module, and save them so
    Upgrade(upgrade::Options),
    /// Remove a version of a module that no job uses
    Remove(remove::Options),
}

/// Runs the verb.
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
