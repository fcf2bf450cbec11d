//! Arguments of a program, with the verbs that every program has.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::{completions, manual, version};

/// The arguments that the program was called with.
///
/// `completions` and `manual` are done here, as are `--help`, `--version` and faults: then there is nothing to run, and
/// the code to end with is returned.
///
/// # Errors
/// The exit code, where the program is done: 0, 1 when what was asked for could not be written, 2 for wrong arguments.
pub fn parse<A: CommandFactory + FromArgMatches>(release: &str, features: &[&str]) -> Result<A, ExitCode> {
    parse_from(std::env::args_os(), release, features)
}

fn parse_from<A: CommandFactory + FromArgMatches>(
    words: impl IntoIterator<Item = std::ffi::OsString>,
    release: &str,
    features: &[&str],
) -> Result<A, ExitCode> {
    // Once a process, and clap wants text that lives as long.
    let line: &'static str = version(release, features).leak();
    let mut command = A::command().version(line);
    if command.has_subcommands() {
        command = command.subcommand(completions::verb()).subcommand(manual::verb());
    }
    let matches = match command.try_get_matches_from_mut(words) {
        Ok(matches) => matches,
        Err(fault) => return Err(said(&fault)),
    };
    match matches.subcommand() {
        Some((completions::VERB, asked)) => Err(written(completions::run(asked, &mut command))),
        Some((manual::VERB, asked)) => Err(written(manual::run(asked, &command).map(drop))),
        _ => A::from_arg_matches(&matches).map_err(|fault| said(&fault.format(&mut command))),
    }
}

/// Help, version or a fault, printed; the code to end with. A reader that went away is no error.
fn said(fault: &clap::Error) -> ExitCode {
    let _ = fault.print();
    u8::try_from(fault.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

fn written(done: io::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: cannot be written: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::{Parser, Subcommand};

    use super::*;

    /// A program for the test.
    #[derive(Debug, Parser)]
    #[command(name = "clinic")]
    struct Clinic {
        #[command(subcommand)]
        verb: Verb,
    }

    #[derive(Debug, Subcommand, PartialEq)]
    enum Verb {
        /// Counts beds
        Beds {
            /// On which ward
            #[arg(long)]
            ward: String,
        },
        /// Looks at the configuration
        Config {
            #[command(subcommand)]
            verb: Below,
        },
    }

    #[derive(Debug, Subcommand, PartialEq)]
    enum Below {
        /// Names every fault
        Check,
    }

    fn call(words: &[&str]) -> Result<Clinic, ExitCode> {
        parse_from(words.iter().map(OsString::from), "0.2.0", &["cloud"])
    }

    #[test]
    fn verbs_of_the_program_stay_its_own() {
        let clinic = call(&["clinic", "beds", "--ward", "3"]).expect("parses");
        assert_eq!(clinic.verb, Verb::Beds { ward: "3".to_owned() });
        assert!(call(&["clinic", "beds"]).is_err());
        assert!(call(&["clinic", "nothing"]).is_err());
    }

    #[test]
    fn a_manual_has_a_page_a_verb_and_three_completions() {
        let folder = tempfile::tempdir().expect("a folder");
        let directory = folder.path().to_str().expect("a name");
        let Err(code) = call(&["clinic", "manual", directory]) else {
            panic!("nothing is left to run");
        };
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS));
        for name in [
            "man/man1/clinic.1",
            "man/man1/clinic-beds.1",
            "man/man1/clinic-config.1",
            "man/man1/clinic-config-check.1",
            "man/man1/clinic-completions.1",
            "bash-completion/completions/clinic",
            "zsh/vendor-completions/_clinic",
            "fish/vendor_completions.d/clinic.fish",
        ] {
            let text = std::fs::read_to_string(folder.path().join(name)).expect(name);
            assert!(text.len() > 100, "{name}");
        }
        assert!(!folder.path().join("man/man1/clinic-manual.1").exists());
        let page = std::fs::read_to_string(folder.path().join("man/man1/clinic-beds.1")).expect("a page");
        assert!(
            page.contains("Counts beds") && page.contains("On which ward"),
            "{page}"
        );
    }
}
