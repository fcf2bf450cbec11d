//! The contents of the interface that the exchange needs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::client::{Blank, Request};
use super::{Client, Format, Reason, Table, TableFault};
use crate::dictionary::Dictionary;
use crate::{Error, ErrorKind, Result};

/// What a project is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Project {
    /// Version of the server, such as `14.5.10`.
    pub version: String,
    /// Forms, fields, choices.
    pub dictionary: Dictionary,
    /// Columns records can have.
    pub columns: BTreeSet<String>,
    /// Forms that repeat.
    pub repeating: BTreeSet<String>,
}

/// A data access group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Name people read.
    pub name: String,
    /// Name the server made of it, by which records are assigned.
    pub unique: String,
}

/// What an empty value means in rows that are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// Nothing: what is there stays.
    Never,
    /// That the value is to be emptied.
    WithEmpty,
}

impl Client {
    /// Asks for everything about the project.
    ///
    /// # Errors
    /// When the server does not answer as it should, or its dictionary has faults.
    pub async fn project(&self) -> Result<Project> {
        let version = self.version().await?;
        let mut dictionary = self.dictionary().await?;
        let labels = self.table(Request::new("instrument", "instruments")).await?;
        for row in 0..labels.rows() {
            let (name, label) = (
                labels.get(row, "instrument_name"),
                labels.get(row, "instrument_label"),
            );
            if let (Some(name), Some(label)) = (name, label)
                && let Some(form) = dictionary.forms.iter_mut().find(|f| f.name == name)
            {
                label.clone_into(&mut form.label);
            }
        }
        let names = self
            .table(Request::new("exportFieldNames", "field names"))
            .await?;
        let mut columns: BTreeSet<String> = (0..names.rows())
            .filter_map(|row| names.get(row, "export_field_name"))
            .map(str::to_owned)
            .collect();
        columns.extend(
            dictionary
                .forms
                .iter()
                .map(crate::dictionary::Form::complete_field),
        );
        Ok(Project {
            version,
            columns,
            repeating: self.repeating().await?,
            dictionary,
        })
    }

    /// The server's version.
    ///
    /// # Errors
    /// When the server does not answer as it should.
    pub async fn version(&self) -> Result<String> {
        let body = self
            .post(&Request::new("version", "version").with("returnFormat", "json"))
            .await?;
        let text = String::from_utf8_lossy(&body);
        let text = text.trim_start_matches('\u{feff}').trim();
        let is_version =
            !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.') && text.len() < 32;
        if is_version {
            return Ok(text.to_owned());
        }
        Err(Error::new(ErrorKind::Answer, "version: is no version"))
    }

    /// The data dictionary.
    ///
    /// # Errors
    /// When the server does not answer as it should, or the dictionary has faults.
    pub async fn dictionary(&self) -> Result<Dictionary> {
        let request = Request::new("metadata", "metadata")
            .with("format", "csv")
            .with("returnFormat", "json");
        let body = self.post(&request).await?;
        // The metadata is written with commas, whatever the project's delimiter is.
        let table = Table::from_csv(&body, None).map_err(|fault| wrong("metadata", &fault))?;
        if table.rows() == 0 {
            return Err(Error::new(
                ErrorKind::Answer,
                "metadata: the project has no field",
            ));
        }
        Dictionary::from_table(&table, Path::new("metadata"))
    }

    /// Forms that repeat; none where nothing does.
    async fn repeating(&self) -> Result<BTreeSet<String>> {
        match self
            .table(Request::new("repeatingFormsEvents", "repeating forms").or_blank(Blank::WhenSaidAgain))
            .await
        {
            Ok(table) => Ok((0..table.rows())
                .filter_map(|row| table.get(row, "form_name"))
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect()),
            Err(e) if e.reason() == Some(Reason::NothingRepeats) => Ok(BTreeSet::new()),
            Err(e) => Err(e),
        }
    }

    /// Ids of all records, in the server's order, each once.
    ///
    /// # Errors
    /// When the server does not answer as it should.
    pub async fn record_ids(&self, record_field: &str) -> Result<Vec<String>> {
        let request = records("record ids").with("fields[0]", record_field);
        let table = self.table(request).await?;
        if table.heads().is_empty() {
            return Ok(Vec::new());
        }
        let column = table
            .column(record_field)
            .ok_or_else(|| Error::new(ErrorKind::Answer, "record ids: the column of the ids is missing"))?;
        let mut seen = BTreeSet::new();
        Ok((0..table.rows())
            .filter_map(|row| table.cell(row, column))
            .filter(|id| !id.is_empty() && seen.insert(*id))
            .map(str::to_owned)
            .collect())
    }

    /// Rows of these records: those of the fields and forms, and with `groups` the group of each.
    ///
    /// # Errors
    /// When the server does not answer as it should.
    pub async fn records(
        &self,
        ids: &[&str],
        fields: &[&str],
        forms: &[&str],
        groups: bool,
    ) -> Result<Table> {
        let mut request = records("records")
            .with_all("records", ids.iter().copied())
            .with_all("fields", fields.iter().copied())
            .with_all("forms", forms.iter().copied());
        if groups {
            request = request.with("exportDataAccessGroups", "true");
        }
        self.table(request).await
    }

    /// Sends rows; ids of the records the server says it has stored, `None` where it only says how many.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] with the rows refused; and when the server does not answer as it should.
    pub async fn import(&self, rows: &Table, overwrite: Overwrite) -> Result<Stored> {
        let data = csv_text(rows)?;
        let behaviour = match overwrite {
            Overwrite::Never => "normal",
            Overwrite::WithEmpty => "overwrite",
        };
        let request = Request::new("record", "sending records")
            .with("format", "csv")
            .with("type", "flat")
            .with("overwriteBehavior", behaviour)
            .with("forceAutoNumber", "false")
            .with("returnContent", "ids")
            .with("returnFormat", "json")
            .with("data", &data)
            .or_blank(Blank::IsAnAnswer);
        let body = self.post(&request).await?;
        Stored::read(&body)
    }

    /// The data access groups.
    ///
    /// # Errors
    /// When the server does not answer as it should, or gives no right to them.
    pub async fn groups(&self) -> Result<Vec<Group>> {
        let request = Request::new("dag", "data access groups").or_blank(Blank::WhenSaidAgain);
        let table = self.table(request).await?;
        let cell = |row, head| table.get(row, head).unwrap_or("").to_owned();
        Ok((0..table.rows())
            .map(|row| Group {
                name: cell(row, "data_access_group_name"),
                unique: cell(row, "unique_group_name"),
            })
            .filter(|group| !group.unique.is_empty())
            .collect())
    }

    /// Makes groups of these names.
    ///
    /// # Errors
    /// When the server does not answer as it should, or gives no right to them.
    pub async fn create_groups(&self, names: &[&str]) -> Result<()> {
        let heads = ["data_access_group_name", "unique_group_name"].map(str::to_owned);
        let rows = names
            .iter()
            .map(|name| vec![(*name).to_owned(), String::new()])
            .collect();
        let data = csv_text(&Table::new(heads.to_vec(), rows))?;
        let request = Request::new("dag", "making data access groups")
            .or_blank(Blank::IsAnAnswer)
            .with("action", "import")
            .with("format", "csv")
            .with("returnFormat", "json")
            .with("data", &data);
        self.post(&request).await.map(|_| ())
    }

    async fn table(&self, request: Request) -> Result<Table> {
        let format = self.options().format;
        // Asked for and still looked for: some servers answer with the project's own delimiter.
        let request = request
            .with("format", format.as_str())
            .with("csvDelimiter", ",")
            .with("returnFormat", "json");
        let body = self.post(&request).await?;
        let table = match format {
            Format::Csv => Table::from_csv(&body, None),
            Format::Json => Table::from_json(&body),
        };
        table.map_err(|fault| wrong("answer", &fault))
    }
}

fn records(place: &str) -> Request {
    Request::new("record", place)
        .with("action", "export")
        .with("type", "flat")
        .with("rawOrLabel", "raw")
        // A form nobody has opened has no state then, instead of that of one begun.
        .with("exportBlankForGrayFormStatus", "true")
        .or_blank(Blank::WhenSaidAgain)
}

fn wrong(place: &str, fault: &TableFault) -> Error {
    Error::new(
        ErrorKind::Answer,
        format!("{place}: line {}: {}", fault.line, fault.text),
    )
}

fn csv_text(rows: &Table) -> Result<String> {
    let failed = || Error::new(ErrorKind::Answer, "writing CSV");
    let mut writer = csv::WriterBuilder::new()
        .quote_style(csv::QuoteStyle::Necessary)
        .from_writer(Vec::new());
    writer
        .write_record(rows.heads())
        .map_err(|e| failed().with_source(e))?;
    for row in 0..rows.rows() {
        let cells = (0..rows.heads().len()).map(|column| rows.cell(row, column).unwrap_or(""));
        writer.write_record(cells).map_err(|e| failed().with_source(e))?;
    }
    let bytes = writer.into_inner().map_err(|_| failed())?;
    String::from_utf8(bytes).map_err(|e| failed().with_source(e.utf8_error()))
}

/// What the server says it stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Records of these ids.
    Ids(BTreeSet<String>),
    /// So many records.
    Count(usize),
}

impl Stored {
    fn read(body: &[u8]) -> Result<Self> {
        let text = String::from_utf8_lossy(body);
        let text = text.trim_start_matches('\u{feff}').trim();
        // Nothing said is nothing known: the caller looks what is there.
        if text.is_empty() {
            return Ok(Self::Ids(BTreeSet::new()));
        }
        let wrong = || {
            Error::new(
                ErrorKind::Answer,
                "sending records: neither ids nor a count in the answer",
            )
        };
        if let Ok(value) = serde_json::from_str::<serde_json::Value>(text) {
            let plain = |value: &serde_json::Value| match value {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            return match &value {
                serde_json::Value::Array(ids) => Ok(Self::Ids(ids.iter().map(plain).collect())),
                serde_json::Value::Object(object) => {
                    let count = object.get("count").map(plain).and_then(|n| n.parse().ok());
                    count.map(Self::Count).ok_or_else(wrong)
                }
                serde_json::Value::Number(n) => {
                    let count = n.as_u64().and_then(|n| usize::try_from(n).ok());
                    count.map(Self::Count).ok_or_else(wrong)
                }
                _ => Err(wrong()),
            };
        }
        let mut lines = text.lines().map(|line| line.trim().trim_matches('"'));
        match lines.next() {
            Some("id") => Ok(Self::Ids(lines.map(str::to_owned).collect())),
            _ => Err(wrong()),
        }
    }

    /// Records of those sent that it does not say to have stored: by id, or all where only a count came and is short.
    #[must_use]
    pub fn missing<'s>(&self, sent: &BTreeMap<&'s str, usize>) -> Vec<&'s str> {
        match self {
            Self::Ids(ids) => sent.keys().copied().filter(|id| !ids.contains(*id)).collect(),
            // Servers count records or rows.
            Self::Count(n) if *n == sent.len() || *n == sent.values().sum::<usize>() => Vec::new(),
            Self::Count(_) => sent.keys().copied().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stored_is_counted() {
        let sent = BTreeMap::from([("1", 2), ("2", 1)]);
        for (body, missing) in [
            ("[\"1\",\"2\"]", 0),
            ("[1,\"2\"]", 0),
            ("[\"1\"]", 1),
            ("{\"count\": 2}", 0),
            ("{\"count\":\"3\"}", 0),
            ("1", 2),
            ("2", 0),
            ("id\n1\n2", 0),
            ("id\n\"2\"\n", 1),
            (" \n", 2),
        ] {
            assert_eq!(
                Stored::read(body.as_bytes()).unwrap().missing(&sent).len(),
                missing,
                "{body}"
            );
        }
        for body in ["Marker", "{\"a\":1}"] {
            assert!(Stored::read(body.as_bytes()).is_err());
        }
    }
}
