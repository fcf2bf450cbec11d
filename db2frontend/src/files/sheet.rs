use std::collections::HashMap;
use std::path::Path;

use crate::api::Table;
use crate::{Error, ErrorKind, Result};

/// The columns a file's rows are found by.
const KEYS: [&str; 4] = [
    "record_id",
    "redcap_repeat_instrument",
    "redcap_repeat_instance",
    "redcap_data_access_group",
];

/// The rows of one form in files.
#[derive(Clone, Default)]
pub(super) struct Sheet {
    /// The columns beside the standard ones.
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Line>,
    by_place: HashMap<(String, Option<u32>), usize>,
}

/// One row of a file.
#[derive(Clone, Default)]
pub(super) struct Line {
    pub(super) record: String,
    pub(super) instance: Option<u32>,
    pub(super) group: String,
    pub(super) cells: Vec<String>,
}

impl std::fmt::Debug for Sheet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sheet")
            .field("rows", &self.rows.len())
            .finish_non_exhaustive()
    }
}

impl Sheet {
    /// No row yet, of these columns.
    pub(super) fn empty(columns: Vec<String>) -> Self {
        Self {
            columns: columns
                .into_iter()
                .filter(|name| !KEYS.contains(&name.as_str()))
                .collect(),
            ..Self::default()
        }
    }

    /// The rows of a table that was read; `place` is the file, or the file and sheet.
    pub(super) fn of_table(table: &Table, columns: Vec<String>, place: &Path, repeats: bool) -> Result<Self> {
        let wrong = |row: usize, text: &str| {
            let line = table.line(row);
            Error::new(
                ErrorKind::Files,
                format!("{}: line {line}: {text}", place.display()),
            )
        };
        let mut this = Self::empty(columns);
        if table.heads().is_empty() {
            return Ok(this);
        }
        let unknown = table
            .heads()
            .iter()
            .find(|head| !head.is_empty() && !KEYS.contains(&head.as_str()) && !this.columns.contains(head));
        if let Some(head) = unknown {
            let text = format!("{}: line 1: {head} is no column of this form", place.display());
            return Err(Error::new(ErrorKind::Files, text));
        }
        if table.column("record_id").is_none() {
            let text = format!("{}: line 1: the column record_id is missing", place.display());
            return Err(Error::new(ErrorKind::Files, text));
        }
        for row in 0..table.rows() {
            let key = |name| table.get(row, name).unwrap_or("").trim();
            let record = key("record_id");
            if record.is_empty() {
                let is_blank =
                    (0..table.width(row)).all(|at| table.cell(row, at).unwrap_or("").trim().is_empty());
                if is_blank {
                    continue;
                }
                return Err(wrong(row, "record_id is empty"));
            }
            let instance = match key("redcap_repeat_instance") {
                _ if !repeats => None,
                "" => return Err(wrong(row, "redcap_repeat_instance is empty")),
                text => Some(
                    text.parse()
                        .ok()
                        .filter(|n| *n > 0)
                        .ok_or_else(|| wrong(row, "redcap_repeat_instance is no number from 1"))?,
                ),
            };
            let cell = |name: &String| table.get(row, name).unwrap_or("").to_owned();
            let line = Line {
                record: record.to_owned(),
                instance,
                group: key("redcap_data_access_group").to_owned(),
                cells: this.columns.iter().map(cell).collect(),
            };
            if this.find(record, instance).is_some() {
                return Err(wrong(row, "this record and instance stand above already"));
            }
            this.push(line);
        }
        Ok(this)
    }

    pub(super) fn find(&self, record: &str, instance: Option<u32>) -> Option<usize> {
        self.by_place.get(&(record.to_owned(), instance)).copied()
    }

    pub(super) fn push(&mut self, line: Line) -> usize {
        let key = (line.record.clone(), line.instance);
        self.rows.push(line);
        self.by_place.insert(key, self.rows.len() - 1);
        self.rows.len() - 1
    }

    /// Sets a cell of a row that is there.
    pub(super) fn set(&mut self, row: usize, column: &str, text: &str) {
        let at = self.columns.iter().position(|name| name == column);
        let cell = at.and_then(|at| self.rows.get_mut(row)?.cells.get_mut(at));
        if let Some(cell) = cell {
            text.clone_into(cell);
        }
    }

    /// All heads of the file, and each row under them.
    pub(super) fn heads(&self) -> Vec<&str> {
        KEYS.into_iter()
            .chain(self.columns.iter().map(String::as_str))
            .collect()
    }

    pub(super) fn cells<'l>(&self, form: &'l str, line: &'l Line) -> Vec<std::borrow::Cow<'l, str>> {
        let instrument = if line.instance.is_some() { form } else { "" };
        let instance = line.instance.map_or_else(String::new, |n| n.to_string());
        let mut cells: Vec<std::borrow::Cow<'_, str>> = vec![
            line.record.as_str().into(),
            instrument.into(),
            instance.into(),
            line.group.as_str().into(),
        ];
        cells.extend(line.cells.iter().map(|cell| cell.as_str().into()));
        cells
    }
}
