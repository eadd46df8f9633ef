//! `ropewalk completions SHELL`: prints a script that completes commands in a shell.

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use crate::Failed;
use crate::stdio::print_with;

/// For which shell.
#[derive(Args)]
pub struct Options {
    /// The shell
    shell: Shell,
}

/// Prints it.
pub fn completions(options: &Options, command: &Command) -> Result<(), Failed> {
    let mut command = without_hidden_verbs(command);
    let mut script = Vec::new();
    generate(options.shell, &mut command, "ropewalk", &mut script);
    print_with(|out| std::io::Write::write_all(out, &script))
}

/// The generators list hidden verbs too.
fn without_hidden_verbs(command: &Command) -> Command {
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    Command::new("ropewalk").version(env!("CARGO_PKG_VERSION")).subcommands(verbs.cloned())
}
