//! The program `ropewalk`. It joins the parts; `commands` has a file for each verb.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod api_client;
mod commands;
mod comparison;
mod display;
mod failure;
mod host_setup;
mod job_file;
mod job_folder;
mod local_engine;
mod lossy_log;
mod start_args;
mod stdio;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// Runs multi-step jobs: filters choose records, actions work on them.
#[derive(Parser)]
#[command(name = "ropewalk", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run a job file here and now, without a server
    Run(commands::run::Options),
    /// Check a job file and print all its faults
    Check(commands::check::Options),
    /// Start the server
    Serve(commands::serve::Options),
    /// Save the jobs and filter templates of files on a server
    Apply(commands::apply::Options),
    /// Show how job files differ from what a server has
    Diff(commands::diff::Options),
    /// Write the jobs and filter templates of a server as job files
    Export(commands::export::Options),
    /// List the jobs of a server; activate, deactivate or delete one
    Jobs(commands::jobs::Options),
    /// Start a job of a server
    Start(commands::start::Options),
    /// List the job results of a server: how they ended, or what they wait for
    Results(commands::results::Options),
    /// Show everything about a job result: its lines, effects and rejected records
    Show(commands::show::Options),
    /// Print the log of a job result
    Logs(commands::logs::Options),
    /// End a pending or running job result
    Kill(commands::kill::Options),
    /// Retry a job result that has ended
    Retry(commands::retry::Options),
    /// Write, build, check, install and manage modules
    #[command(subcommand)]
    Module(commands::module::Verb),
    /// Show the next times of a cron expression
    Preview(commands::preview::Options),
    /// Show versions, settings and the state of the database
    Doctor(commands::doctor::Options),
    /// Print a schema: of job files, of the GraphQL API, or of what scripts can use
    Schema(commands::schema::Options),
    /// Create, list and revoke tokens; make one to set as ROPEWALK_ADMIN_TOKEN, or in place of one that was lost
    Token(commands::token::Options),
    /// List, create and change the organizations of a server
    #[command(subcommand)]
    Organization(commands::organization::Verb),
    /// Print who asked for which change, and what became of it
    Audit(commands::audit::Options),
    /// Print a script that completes commands in a shell
    Completions(commands::completions::Options),
    #[command(name = actions::host::compile::VERB, hide = true)]
    CompileModule { arguments: Vec<u64> },
    /// Measure how fast this machine, or a running server, performs jobs
    Bench(commands::bench::Options),
}

impl Verb {
    /// Whether it prints errors as JSON if `--json` is given. The others print their own object even if they fail.
    fn has_json_errors(&self) -> bool {
        !matches!(self, Self::Run(_) | Self::Serve(_) | Self::Doctor(_) | Self::Bench(_))
    }
}

/// Why a command ends early or in failure. See docs/guide/first-job.md for the exit codes.
pub enum Failed {
    /// The job ran, and ended in error or was killed: code 1.
    Job,
    /// The files and the server differ: code 1.
    Different,
    /// The input is wrong: code 2.
    Refused(String),
    /// The program could not do its work: code 3.
    Broken(String),
    /// A failure that names its code itself, with details for programs.
    Reported(Box<failure::Report>),
    /// Standard output was closed: code 0, since a reader that has seen enough (`| head -1`) is no failure.
    NoReader,
}

fn main() -> ExitCode {
    let verb = match Cli::try_parse() {
        Ok(cli) => cli.verb,
        Err(error) => return failure::print_usage(&error),
    };
    let as_json = verb.has_json_errors() && failure::wants_json();
    match dispatch(verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => failed.print(as_json),
    }
}

fn dispatch(verb: Verb) -> Result<(), Failed> {
    match verb {
        Verb::Run(options) => block_on(commands::run::run(options))?,
        Verb::Check(options) => block_on(commands::check::check(&options))?,
        Verb::Serve(options) => block_on(commands::serve::serve(options))?,
        Verb::Apply(options) => block_on(commands::apply::apply(&options))?,
        Verb::Diff(options) => block_on(commands::diff::diff(&options))?,
        Verb::Export(options) => block_on(commands::export::export(&options))?,
        Verb::Jobs(options) => block_on(commands::jobs::jobs(&options))?,
        Verb::Start(options) => block_on(commands::start::start(&options))?,
        Verb::Results(options) => block_on(commands::results::results(&options))?,
        Verb::Show(options) => block_on(commands::show::show(&options))?,
        Verb::Logs(options) => block_on(commands::logs::logs(&options))?,
        Verb::Kill(options) => block_on(commands::kill::kill(&options))?,
        Verb::Retry(options) => block_on(commands::retry::retry(&options))?,
        Verb::Module(verb) => block_on(commands::module::module(verb))?,
        Verb::Preview(options) => commands::preview::preview(&options),
        Verb::Doctor(options) => block_on(commands::doctor::doctor(&options))?,
        Verb::Schema(options) => commands::schema::schema(&options),
        Verb::Token(options) => block_on(commands::token::token(&options))?,
        Verb::Organization(verb) => block_on(commands::organization::organization(&verb))?,
        Verb::Audit(options) => block_on(commands::audit::audit(&options))?,
        Verb::Completions(options) => commands::completions::completions(&options, &Cli::command()),
        Verb::CompileModule { arguments } => std::process::exit(actions::host::compile::compile_as_child(&arguments)),
        Verb::Bench(options) => block_on(commands::bench::bench(options))?,
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime
        .map(|runtime| runtime.block_on(work))
        .map_err(|error| Failed::Broken(format!("the program cannot start its threads: {error}")))
}
