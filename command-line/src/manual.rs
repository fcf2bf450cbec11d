//! `manual DIR`: man pages and completions as a package installs them.

use std::fs;
use std::io;
use std::path::Path;

use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::Shell;

use crate::completions;

/// Its name on the command line.
pub(crate) const VERB: &str = "manual";

/// The verb as clap knows it.
pub(crate) fn verb() -> Command {
    Command::new(VERB)
        .about("Write man pages and completions into a directory, laid out as below /usr/share")
        .hide(true)
        .arg(
            Arg::new("dir")
                .value_name("DIR")
                .required(true)
                .value_parser(value_parser!(std::path::PathBuf)),
        )
}

/// Writes them; the files written, counted.
pub(crate) fn run(matches: &ArgMatches, command: &Command) -> io::Result<usize> {
    match matches.get_one::<std::path::PathBuf>("dir") {
        Some(directory) => write(command, directory),
        None => Ok(0),
    }
}

/// Writes one page a verb (`man/man1/PROGRAM-VERB.1`) and the completions of bash, zsh and fish below a directory;
/// returns how many files there are.
///
/// # Errors
/// When a file cannot be written.
pub fn write(command: &Command, directory: &Path) -> io::Result<usize> {
    let mut command = command.clone();
    command.build();
    let pages = directory.join("man/man1");
    fs::create_dir_all(&pages)?;
    let mut count = page(&command, command.get_name(), &pages)?;
    let name = command.get_name().to_owned();
    for (shell, folder, file) in [
        (Shell::Bash, "bash-completion/completions", name.clone()),
        (Shell::Zsh, "zsh/vendor-completions", format!("_{name}")),
        (Shell::Fish, "fish/vendor_completions.d", format!("{name}.fish")),
    ] {
        let folder = directory.join(folder);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(file), completions::text(shell, &mut command))?;
        count += 1;
    }
    Ok(count)
}

/// A verb's page and those of the verbs below it.
fn page(command: &Command, name: &str, pages: &Path) -> io::Result<usize> {
    let mut text = Vec::new();
    // Clap wants names that live as long as the process, which ends when the pages are written.
    let title: &'static str = name.to_owned().leak();
    let titled = command.clone().name(title).display_name(title);
    clap_mangen::Man::new(titled).title(name).render(&mut text)?;
    fs::write(pages.join(format!("{name}.1")), text)?;
    let mut count = 1;
    for verb in command.get_subcommands() {
        if verb.is_hide_set() || verb.get_name() == "help" {
            continue;
        }
        count += page(verb, &format!("{name}-{}", verb.get_name()), pages)?;
    }
    Ok(count)
}
