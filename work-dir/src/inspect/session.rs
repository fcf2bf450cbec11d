use std::fs::File;
use std::io::Write;

use jiff::Zoned;
use polars::prelude::DataFrame;

use super::tables::{Tables, schema};
use crate::checks::Results;
use crate::profile::{Source, texts};
use crate::state::private;
use crate::{Error, ErrorKind, Layout};

/// Somebody who looks into a table; commands and outputs are kept in `signal_processings_log/TABLE.log`.
///
/// The file holds whatever was asked for, patients' values too, and only its owner can read it.
#[derive(Debug)]
pub struct Session {
    layout: Layout,
    table: String,
    tables: Tables,
    log: File,
}

/// What a line led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To be shown.
    Text(String),
    /// The session is over.
    End,
}

const HELP: &str = "\
SQL ending with a semicolon, for example: SELECT count(*) FROM TABLE;
.tables          the tables of the run
.columns [TABLE] columns and types
.tests [TABLE]   what the tests of the data said
.help            this text
.quit            end";

impl Session {
    /// Opens the files of a run and the log of a table.
    ///
    /// # Errors
    /// [`ErrorKind::Rows`] when the run has no such table, [`ErrorKind::File`] when the log cannot be written.
    pub fn open(layout: &Layout, table: &str) -> Result<Self, Error> {
        let tables = Tables::open(layout)?;
        if !tables.names().iter().any(|name| name == table) {
            return Err(Error::new(ErrorKind::Rows, &layout.parquet(table, 0)));
        }
        let path = layout.session_log(table);
        private::make_dirs(&layout.logs()).map_err(|e| Error::file(&path, e))?;
        let log = private::options().create(true).append(true).open(&path);
        let log = log.map_err(|e| Error::file(&path, e))?;
        Ok(Self {
            layout: layout.clone(),
            table: table.to_owned(),
            tables,
            log,
        })
    }

    /// Answers a command or a query; one that cannot be answered is text too, since the session goes on.
    ///
    /// # Errors
    /// [`ErrorKind::File`] when the log cannot be written.
    pub fn answer(&mut self, line: &str) -> Result<Answer, Error> {
        let line = line.trim();
        let mut words = line.split_whitespace();
        let answer = match (words.next(), words.next()) {
            (None, _) => Answer::Text(String::new()),
            (Some(".quit" | ".exit"), _) => Answer::End,
            (Some(".help"), _) => Answer::Text(HELP.replace("TABLE;", &format!("{};", self.table))),
            (Some(".tables"), _) => Answer::Text(self.tables.names().join("\n")),
            (Some(".columns" | ".schema"), table) => Answer::Text(self.columns(table)),
            (Some(".tests"), table) => Answer::Text(self.tests(table)?),
            (Some(word), _) if word.starts_with('.') => {
                Answer::Text(format!("no command {word}; .help lists them"))
            }
            _ => Answer::Text(self.query(line.trim_end_matches(';'))),
        };
        let shown = match &answer {
            Answer::Text(text) => text.as_str(),
            Answer::End => "",
        };
        let at = Zoned::now().strftime("%Y-%m-%d %H:%M:%S").to_string();
        let path = self.layout.session_log(&self.table);
        writeln!(self.log, "{at} :: {line}\n{shown}").map_err(|e| Error::file(&path, e))?;
        Ok(answer)
    }

    fn query(&mut self, sql: &str) -> String {
        match self.tables.ask(sql) {
            Ok(frame) => grid(&frame),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                format!("{error}: {}", cause.unwrap_or_default())
            }
        }
    }

    fn columns(&self, table: Option<&str>) -> String {
        match Source::open(&self.layout, table.unwrap_or(&self.table), None) {
            Ok(source) => {
                let line = |(name, dtype): (String, String)| format!("{name:<50} {dtype}");
                schema(&source)
                    .into_iter()
                    .map(line)
                    .collect::<Vec<_>>()
                    .join("\n")
            }
            Err(error) => error.to_string(),
        }
    }

    fn tests(&self, table: Option<&str>) -> Result<String, Error> {
        let results = Results::read(&self.layout)?;
        let outcomes = results.of(table.unwrap_or(&self.table));
        if outcomes.is_empty() {
            return Ok("not tested yet: cds2db work check".to_owned());
        }
        Ok(outcomes
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n"))
    }
}

/// Rows that are shown.
const ROWS: usize = 100;
/// Characters of a cell that are shown.
const CELL: usize = 60;

/// A frame as a table of text.
fn grid(frame: &DataFrame) -> String {
    let shown = frame.head(Some(ROWS));
    let columns: Vec<Vec<String>> = shown
        .columns()
        .iter()
        .map(|column| {
            let cells = texts(column.as_materialized_series());
            let cells = cells.str().into_iter().flat_map(|c| c.iter());
            let cell = |cell: Option<&str>| {
                cell.map_or_else(|| "NULL".to_owned(), |c| c.chars().take(CELL).collect())
            };
            std::iter::once(column.name().to_string())
                .chain(cells.map(cell))
                .collect()
        })
        .collect();
    let widths: Vec<usize> = columns
        .iter()
        .map(|cells| cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let mut out = String::new();
    for row in 0..=shown.height() {
        for (cells, width) in columns.iter().zip(&widths) {
            let cell = cells.get(row).map_or("", String::as_str);
            out.push_str(&format!("{cell:<width$}  "));
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    match frame.height() {
        rows if rows > ROWS => out.push_str(&format!("({rows} rows, {ROWS} shown)")),
        rows => out.push_str(&format!("({rows} rows)")),
    }
    out
}
