//! What was done with a journal, and when: one row a command.

use jiff::Timestamp;
use serde::Serialize;

use super::Journal;
use crate::Result;

/// Takes over the history of the first layout.
pub(super) const UPGRADE: &str = "
INSERT INTO command_history_v2 (COMMAND_ID, DATETIME, COMMON_PARAMS, COMMAND, PARAMS, SRC_PATHS, DEST_PATH, Duration)
SELECT COMMAND_ID, coalesce(DATETIME, ''), coalesce(COMMON_PARAMS, ''), coalesce(COMMAND, ''), PARAMS, SRC_PATHS, DEST_PATH,
  Duration FROM command_history ORDER BY COMMAND_ID;
";

/// A command that is being carried out.
#[derive(Debug, Clone)]
pub struct Command {
    /// When it began.
    pub begun: Timestamp,
    /// Options of the program, such as the configuration's file.
    pub common: String,
    /// The command's words.
    pub name: &'static str,
    /// Its options.
    pub options: String,
    /// The folders it read, by modality.
    pub sources: Vec<(String, String)>,
    /// The store it wrote to, without credentials.
    pub destination: Option<String>,
}

/// A command of the past.
#[derive(Debug, Clone, Serialize)]
pub struct PastCommand {
    /// Its number.
    pub id: i64,
    /// When, as `YYYY-MM-DD hh:mm:ss UTC`.
    pub at: String,
    /// Its words.
    pub command: String,
    /// Its options.
    pub options: String,
    /// Where it wrote to.
    pub destination: Option<String>,
    /// Seconds.
    pub seconds: Option<f64>,
}

impl Journal {
    /// Notes a command that has ended.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn note(&self, command: &Command) -> Result<()> {
        let at = command.begun.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
        let sources: serde_json::Map<String, serde_json::Value> = command
            .sources
            .iter()
            .map(|(modality, root)| (modality.clone(), root.clone().into()))
            .collect();
        let sources = match sources.is_empty() {
            true => "None".to_owned(),
            false => serde_json::Value::Object(sources).to_string(),
        };
        let seconds = Timestamp::now().duration_since(command.begun).as_secs_f64();
        let destination = command.destination.as_deref().unwrap_or("None");
        self.try_to("noting the command", |database| {
            database.execute(
                "INSERT INTO command_history_v2 (DATETIME, COMMON_PARAMS, COMMAND, PARAMS, SRC_PATHS, DEST_PATH, Duration) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                (at, &command.common, command.name, &command.options, sources, destination, seconds),
            )
        })?;
        Ok(())
    }

    /// All commands, oldest first.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn history(&self) -> Result<Vec<PastCommand>> {
        self.try_to("reading its history", |database| {
            let mut statement = database.prepare(
                "SELECT COMMAND_ID, DATETIME, COMMAND, coalesce(PARAMS, ''), nullif(DEST_PATH, 'None'), Duration \
                 FROM command_history_v2 ORDER BY COMMAND_ID",
            )?;
            let commands = statement.query_map([], |row| {
                Ok(PastCommand {
                    id: row.get(0)?,
                    at: row.get(1)?,
                    command: row.get(2)?,
                    options: row.get(3)?,
                    destination: row.get(4)?,
                    seconds: row.get(5)?,
                })
            })?;
            commands.collect()
        })
    }
}
