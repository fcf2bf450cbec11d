use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;

use clap::Args;
use work_dir::inspect::{Answer, Session};
use work_dir::profile::Source;

use super::work::Place;
use super::work_check::failed;
use crate::{Error, ErrorKind, Result};

/// A SQL prompt over the files of a run.
///
/// All tables of the run can be asked; .help lists the commands. What is asked and what is answered is kept in
/// signal_processings_log/TABLE.log, which only its owner can read: it holds patients' values if they are asked for.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The table to begin with, in lower case
    #[arg(value_name = "TABLE")]
    table: Option<String>,
    #[command(flatten)]
    place: Place,
    /// Answer this and end; may be given several times
    #[arg(long = "command", short = 'c', value_name = "SQL")]
    commands: Vec<String>,
}

impl Inspect {
    pub(super) fn run(self) -> Result<ExitCode> {
        let layout = self.place.layout()?;
        let tables = Source::tables(&layout).map_err(|e| failed(&layout, e))?;
        let Some(table) = self.table.as_ref().or(tables.first()) else {
            let text = format!("{} holds no typed rows", layout.final_signals().display());
            return Err(Error::new(ErrorKind::File, text));
        };
        let mut session = Session::open(&layout, table).map_err(|e| failed(&layout, e))?;
        let mut answer = |line: &str| -> Result<bool> {
            match session.answer(line).map_err(|e| failed(&layout, e))? {
                Answer::Text(text) => {
                    if !text.is_empty() {
                        println!("{text}");
                    }
                    Ok(true)
                }
                Answer::End => Ok(false),
            }
        };
        if !self.commands.is_empty() {
            for command in &self.commands {
                answer(command)?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        let prompt = std::io::stdin().is_terminal();
        if prompt {
            println!("tables: {}; .help lists the commands", tables.join(", "));
        }
        let mut statement = String::new();
        let show = |statement: &str| {
            if prompt {
                print!("{}", if statement.is_empty() { "sql> " } else { "...> " });
                // A terminal that is gone ends the loop below.
                drop(std::io::stdout().flush());
            }
        };
        show(&statement);
        for line in std::io::stdin().lock().lines() {
            let line =
                line.map_err(|e| Error::new(ErrorKind::File, "the input cannot be read").because(e))?;
            let command = statement.is_empty() && line.trim_start().starts_with('.');
            statement.push_str(&line);
            statement.push('\n');
            if command || line.trim_end().ends_with(';') {
                if !answer(&statement)? {
                    return Ok(ExitCode::SUCCESS);
                }
                statement.clear();
            } else if statement.trim().is_empty() {
                statement.clear();
            }
            show(&statement);
        }
        if !statement.trim().is_empty() {
            answer(&statement)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
