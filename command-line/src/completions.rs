//! `completions SHELL`: what a shell offers behind the tabulator.

use std::io::Write as _;

use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::Shell;

/// Its name on the command line.
pub(crate) const VERB: &str = "completions";

/// The verb as clap knows it.
pub(crate) fn verb() -> Command {
    Command::new(VERB)
        .about("Print the completions for a shell")
        .after_help(
            "Example:\n  PROGRAM completions bash > ~/.local/share/bash-completion/completions/PROGRAM",
        )
        .arg(
            Arg::new("shell")
                .value_name("SHELL")
                .required(true)
                .value_parser(value_parser!(Shell)),
        )
}

/// Prints them.
pub(crate) fn run(matches: &ArgMatches, command: &mut Command) -> std::io::Result<()> {
    let Some(shell) = matches.get_one::<Shell>("shell") else {
        return Ok(());
    };
    std::io::stdout().lock().write_all(&text(*shell, command))
}

/// The completions of a program for one shell.
pub(crate) fn text(shell: Shell, command: &mut Command) -> Vec<u8> {
    let name = command.get_name().to_owned();
    let mut text = Vec::new();
    clap_complete::generate(shell, command, name, &mut text);
    text
}
