use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use table_description::{Description, TableDescription};

use super::sheet::{Line, Sheet};
use super::{csv_file, workbook};
use crate::api::{Group, Project};
use crate::dictionary::Dictionary;
use crate::frontend::{Read, Row, Shape, Write, Written};
use crate::{Error, ErrorKind, Result};

/// Name of the workbook.
const WORKBOOK: &str = "frontend.xlsx";
/// The form that stands once a record.
const ONCE: &str = "patient";

/// In which form the files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// One file a form.
    Csv,
    /// One workbook with a sheet a form.
    Excel,
}

/// The files of a folder as rows of forms.
#[derive(Debug)]
pub struct Folder {
    dir: PathBuf,
    kind: FileKind,
    project: Project,
    tables: BTreeMap<String, Arc<TableDescription>>,
    sheets: BTreeMap<String, Sheet>,
    groups: BTreeSet<String>,
    touched: BTreeSet<String>,
}

impl Folder {
    /// Reads the files of a folder, which is made where it is missing. Without a `kind` it is the one that is there, and CSV
    /// in an empty folder. `forms` are the hub's tables; the dictionary adds choices.
    ///
    /// # Errors
    /// When a file cannot be read, or both kinds are there and none is named.
    pub fn open(
        dir: &Path,
        kind: Option<FileKind>,
        forms: &Description,
        dictionary: Option<Dictionary>,
    ) -> Result<Self> {
        let failed =
            |e: std::io::Error| Error::new(ErrorKind::Files, dir.display().to_string()).with_source(e);
        std::fs::create_dir_all(dir).map_err(failed)?;
        let tables: BTreeMap<String, Arc<TableDescription>> = forms
            .tables
            .iter()
            .map(|table| (table.name.trim_end_matches("_fe").to_owned(), Arc::clone(table)))
            .collect();
        let csv = |form: &str| dir.join(format!("{form}.csv"));
        let has_csv = tables.keys().any(|form| csv(form).exists());
        let has_book = dir.join(WORKBOOK).exists();
        let kind = match (kind, has_csv, has_book) {
            (Some(kind), ..) => kind,
            (None, true, true) => {
                let text = format!(
                    "{}: both CSV files and {WORKBOOK}: say which with --as",
                    dir.display()
                );
                return Err(Error::new(ErrorKind::Files, text));
            }
            (None, false, true) => FileKind::Excel,
            (None, ..) => FileKind::Csv,
        };
        let project = Project {
            version: String::new(),
            repeating: tables.keys().filter(|form| *form != ONCE).cloned().collect(),
            columns: BTreeSet::new(),
            dictionary: dictionary.unwrap_or_default(),
        };
        let mut this = Self {
            dir: dir.to_owned(),
            kind,
            project,
            sheets: BTreeMap::new(),
            groups: BTreeSet::new(),
            touched: BTreeSet::new(),
            tables,
        };
        let book = match kind {
            FileKind::Excel if has_book => workbook::read(&dir.join(WORKBOOK), &this.tables)?,
            _ => BTreeMap::new(),
        };
        for (form, table) in &this.tables {
            let columns = table.columns.iter().map(|column| column.name.clone()).collect();
            let (found, place) = match kind {
                FileKind::Csv if csv(form).exists() => (Some(csv_file::read(&csv(form))?), csv(form)),
                FileKind::Csv => (None, csv(form)),
                FileKind::Excel => (book.get(form).cloned(), dir.join(WORKBOOK).join(form)),
            };
            let sheet = match found {
                Some(found) => Sheet::of_table(&found, columns, &place, form != ONCE)?,
                None => Sheet::empty(columns),
            };
            this.groups.extend(
                sheet
                    .rows
                    .iter()
                    .map(|line| line.group.clone())
                    .filter(|g| !g.is_empty()),
            );
            this.sheets.insert(form.clone(), sheet);
        }
        Ok(this)
    }

    pub(crate) fn project(&self) -> &Project {
        &self.project
    }

    pub(crate) fn record_ids(&self) -> BTreeSet<String> {
        let lines = self.sheets.values().flat_map(|sheet| &sheet.rows);
        lines.map(|line| line.record.clone()).collect()
    }

    pub(crate) fn read_rows(&self, shapes: &[Shape], ids: &[&str]) -> Read {
        let ids: BTreeSet<&str> = ids.iter().copied().collect();
        let mut read = Read::default();
        for shape in shapes {
            let mut rows = Vec::new();
            if let Some(sheet) = self.sheets.get(&shape.form) {
                let at: Vec<Option<usize>> = shape
                    .table
                    .columns
                    .iter()
                    .map(|column| sheet.columns.iter().position(|name| *name == column.name))
                    .collect();
                for line in sheet
                    .rows
                    .iter()
                    .filter(|line| ids.contains(line.record.as_str()))
                {
                    read.seen.insert(line.record.clone());
                    rows.push(Row {
                        record: line.record.clone(),
                        instance: line.instance,
                        group: line.group.clone(),
                        cells: at
                            .iter()
                            .map(|at| at.and_then(|at| line.cells.get(at).cloned()))
                            .collect(),
                    });
                }
            }
            read.forms.push(rows);
        }
        // A record that stands in a form nobody asked for is there too.
        let others = self.sheets.values().flat_map(|sheet| &sheet.rows);
        read.seen.extend(
            others
                .map(|line| line.record.clone())
                .filter(|id| ids.contains(id.as_str())),
        );
        read
    }

    pub(crate) fn write_rows(&mut self, shape: &Shape, rows: &[Write]) -> Written {
        let Some(sheet) = self.sheets.get_mut(&shape.form) else {
            return Written::default();
        };
        for write in rows {
            let row = sheet.find(&write.record, write.instance).unwrap_or_else(|| {
                sheet.push(Line {
                    record: write.record.clone(),
                    instance: write.instance,
                    group: String::new(),
                    cells: vec![String::new(); sheet.columns.len()],
                })
            });
            for (column, text) in &write.cells {
                if let Some(codec) = shape.codec(*column) {
                    sheet.set(row, &codec.column, text);
                }
            }
        }
        self.touched.insert(shape.form.clone());
        Written {
            rows: rows.len(),
            ..Written::default()
        }
    }

    pub(crate) fn groups(&self) -> Vec<Group> {
        let group = |name: &String| Group {
            name: name.clone(),
            unique: name.clone(),
        };
        self.groups.iter().map(group).collect()
    }

    pub(crate) fn add_groups(&mut self, names: &[&str]) {
        self.groups.extend(names.iter().map(|name| (*name).to_owned()));
    }

    pub(crate) fn assign(&mut self, groups: &[(String, String)]) -> Written {
        let wanted: BTreeMap<&str, &str> = groups
            .iter()
            .map(|(record, group)| (record.as_str(), group.as_str()))
            .collect();
        for (form, sheet) in &mut self.sheets {
            for line in &mut sheet.rows {
                if let Some(group) = wanted.get(line.record.as_str())
                    && line.group != *group
                {
                    (*group).clone_into(&mut line.group);
                    self.touched.insert(form.clone());
                }
            }
        }
        Written {
            rows: groups.len(),
            ..Written::default()
        }
    }

    /// Stores what was written: every file beside its place first, then all are put there.
    pub(crate) fn store(&self) -> Result<()> {
        let mut ready: Vec<(PathBuf, PathBuf)> = Vec::new();
        match self.kind {
            FileKind::Excel => {
                let bytes = workbook::bytes(&self.sheets, &self.tables, &self.project.dictionary)?;
                ready.push(self.beside(WORKBOOK, &bytes)?);
            }
            FileKind::Csv => {
                for (form, sheet) in &self.sheets {
                    let name = format!("{form}.csv");
                    let is_missing = !self.dir.join(&name).exists();
                    if self.touched.contains(form) || is_missing {
                        ready.push(self.beside(&name, &csv_file::bytes(form, sheet)?)?);
                    }
                }
            }
        }
        for (beside, place) in ready {
            std::fs::rename(&beside, &place)
                .map_err(|e| Error::new(ErrorKind::Files, place.display().to_string()).with_source(e))?;
        }
        Ok(())
    }

    fn beside(&self, name: &str, bytes: &[u8]) -> Result<(PathBuf, PathBuf)> {
        let beside = self.dir.join(format!(".{name}.new"));
        let failed =
            |e: std::io::Error| Error::new(ErrorKind::Files, beside.display().to_string()).with_source(e);
        let mut file = std::fs::File::create(&beside).map_err(failed)?;
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(failed)?;
        Ok((beside.clone(), self.dir.join(name)))
    }
}
