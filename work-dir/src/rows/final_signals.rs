use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use polars::prelude::{
    Column, DataFrame, DataType, IdxCa, IdxSize, IntoColumn, PolarsResult, Series, TimeUnit,
};
use table_description::{Column as ColumnDescription, Description, FhirType, TableDescription};

use super::{parquet_file, signal_text};
use crate::signals::Signals;
use crate::state::private;
use crate::whole::{FinalState, Whole};
use crate::{Channels, Error, ErrorKind, Id2Nr, Layout};

/// Writes the typed rows of each batch to the run's directory.
///
/// A Parquet file holds all described columns in their order, those without a value too, so that the files of a table
/// have one schema; rows are sorted by patient and id, equal rows are one. A file is there as a whole or not at all. Several
/// threads may write at a time; patients get new numbers in the order in which the texts are written.
#[derive(Debug)]
pub struct FinalSignals {
    layout: Layout,
    text: Option<TextForm>,
    is_precise: bool,
    ids: Mutex<Id2Nr>,
}

/// A form of text beside Parquet, as the original system has it: patient's number, signal, times, values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextForm {
    /// Tab-separated, without a header, in files without an extension.
    Tsv,
    /// Comma-separated with a header, in files named `.csv`.
    Csv,
}

/// Rows of a file and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The Parquet file.
    pub path: PathBuf,
    /// Rows in it.
    pub rows: usize,
}

impl FinalSignals {
    /// Writes to this run's directory; `ids` number the patients.
    #[must_use]
    pub fn new(layout: Layout, text: Option<TextForm>, ids: Id2Nr) -> Self {
        Self {
            layout,
            text,
            is_precise: false,
            ids: Mutex::new(ids),
        }
    }

    /// Whether the Parquet files have the columns of [`TableDescription::with_precision`]: behind each date how much of it was
    /// given.
    #[must_use]
    pub fn with_precision(mut self, wanted: bool) -> Self {
        self.is_precise = wanted;
        self
    }

    /// Gives these patients their numbers, in this order, and writes ID2NR.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn number<'p>(&self, patients: impl IntoIterator<Item = &'p str>) -> Result<(), Error> {
        let mut ids = self.ids();
        for patient in patients {
            ids.number(patient);
        }
        ids.write()
    }

    /// Draws the signals of the run's typed rows and writes them with what loads them; see [`crate::signals`].
    ///
    /// # Errors
    /// When rows cannot be read or files cannot be written.
    pub fn write_signals(&self, description: &Description) -> Result<Signals, Error> {
        crate::signals::write_signals(&self.layout, description, &mut self.ids())
    }

    /// Replaces the final files that may be, drawn from the standing whole; see [`crate::whole`].
    ///
    /// # Errors
    /// When rows cannot be read or files cannot be written.
    pub fn write_final(
        &self,
        whole: &Whole,
        run: i32,
        description: &Description,
    ) -> Result<FinalState, Error> {
        whole.write_final(run, description, &mut self.ids())
    }

    fn ids(&self) -> MutexGuard<'_, Id2Nr> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a batch has its files already.
    #[must_use]
    pub fn has(&self, table: &TableDescription, batch: u32) -> bool {
        self.layout.parquet(&table.name, batch).exists()
            && self.text_path(table, batch).is_none_or(|path| path.exists())
    }

    /// Writes the rows of a batch, in place of what was there, from frames one below the other. Their columns are those
    /// of the table, by name; they may be fewer. [`FinalSignals::settle`] makes sure that the file outlasts a power cut.
    ///
    /// # Errors
    /// [`ErrorKind::Rows`] when the columns are not the table's, [`ErrorKind::File`] when a file cannot be written.
    pub fn write(
        &self,
        table: &TableDescription,
        batch: u32,
        rows: Vec<DataFrame>,
    ) -> Result<Written, Error> {
        let path = self.layout.parquet(&table.name, batch);
        let precise = self.is_precise.then(|| table.with_precision());
        let rows = tidy(precise.as_ref().unwrap_or(table), rows)
            .map_err(|e| Error::caused(ErrorKind::Rows, &path, e))?;
        let directory = self.layout.final_signals();
        private::make_dirs(&directory).map_err(|e| Error::file(&directory, e))?;
        // The text first: the Parquet file says that the batch is done.
        if let (Some(form), Some(text)) = (self.text, self.text_path(table, batch)) {
            let mut ids = self.ids();
            let bytes = signal_text::write(table, &rows, form, &mut ids)
                .map_err(|e| Error::caused(ErrorKind::Rows, &text, e))?;
            ids.write()?;
            drop(ids);
            private::replace(&text, &bytes).map_err(|e| Error::file(&text, e))?;
        }
        parquet_file::replace(&path, &rows)?;
        let written = rows.height();
        Ok(Written { path, rows: written })
    }

    /// Brings the names of the written files to the disk; what is in them is there already.
    ///
    /// # Errors
    /// [`ErrorKind::File`] when the directory cannot be used.
    pub fn settle(&self) -> Result<(), Error> {
        let directory = self.layout.final_signals();
        match File::open(&directory) {
            Ok(open) => open.sync_all().map_err(|e| Error::file(&directory, e)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(Error::file(&directory, e)),
        }
    }

    fn text_path(&self, table: &TableDescription, batch: u32) -> Option<PathBuf> {
        // A row of the original system belongs to a patient.
        Channels::of(table).patient?;
        match self.text? {
            TextForm::Tsv => Some(self.layout.text(&table.name, batch)),
            TextForm::Csv => Some(self.layout.csv(&table.name, batch)),
        }
    }
}

/// These columns in order, those that the rows do not show without a value.
pub(crate) fn with_columns<'c>(
    columns: impl Iterator<Item = &'c ColumnDescription>,
    rows: &DataFrame,
) -> PolarsResult<DataFrame> {
    let height = rows.height();
    // Columns without a value share their memory.
    let mut nulls: HashMap<FhirType, Series> = HashMap::new();
    let columns: Vec<Column> = columns
        .map(|column| match rows.column(&column.name) {
            Ok(found) => found.clone(),
            Err(_) => {
                let of_type = nulls
                    .entry(column.fhir_type)
                    .or_insert_with(|| Series::full_null("".into(), height, &data_type(column.fhir_type)));
                of_type
                    .clone()
                    .with_name(column.name.as_str().into())
                    .into_column()
            }
        })
        .collect();
    DataFrame::new(height, columns)
}

/// All rows with all columns, sorted and each once.
fn tidy(table: &TableDescription, rows: Vec<DataFrame>) -> PolarsResult<DataFrame> {
    // Most columns of most tables have no value: they are added last.
    let shown = |column: &&ColumnDescription| rows.iter().any(|rows| rows.column(&column.name).is_ok());
    let shown: Vec<&ColumnDescription> = table.columns.iter().filter(shown).collect();
    // What is below each other and what is in order lies in memory once: what it was made of goes column by column.
    let mut rows = rows.into_iter();
    let mut frame = with_columns(shown.iter().copied(), &rows.next().unwrap_or_default())?;
    for rows in rows {
        frame.vstack_mut_owned(with_columns(shown.iter().copied(), &rows)?)?;
    }
    if frame.height() > 1 && !shown.is_empty() {
        frame.rechunk_mut();
        let keys = [Channels::of(table).patient, table.position_of_path("id")];
        let keys = keys.into_iter().flatten().map(|c| table.columns[c].name.as_str());
        let order = order(&frame, keys)?;
        // Rows are moved once, and often they are in order already.
        if order.len() < frame.height() || !order.is_sorted() {
            let (height, order) = (order.len(), IdxCa::from_vec("".into(), order));
            let columns = frame.into_columns().into_iter().map(|column| column.take(&order));
            frame = DataFrame::new(height, columns.collect::<PolarsResult<_>>()?)?;
        }
    }
    with_columns(table.columns.iter(), &frame)
}

/// The rows by the texts of these columns, those without one first, else as they came; of equal rows the first.
fn order<'k>(rows: &DataFrame, keys: impl Iterator<Item = &'k str>) -> PolarsResult<Vec<IdxSize>> {
    let groups = rows.group_by_stable(rows.get_column_names_owned())?.into_groups();
    let mut order: Vec<IdxSize> = groups.iter().map(|group| group.first()).collect();
    let columns: Vec<&Column> = keys.filter_map(|name| rows.column(name).ok()).collect();
    let texts: Vec<Vec<Option<&str>>> = columns
        .iter()
        .map(|column| Ok(column.str()?.iter().collect()))
        .collect::<PolarsResult<_>>()?;
    let key = |row: IdxSize| texts.iter().map(move |texts| texts[row as usize]);
    order.sort_by(|a, b| key(*a).cmp(key(*b)));
    Ok(order)
}

/// The type of a column in a file.
pub(crate) fn data_type(fhir_type: FhirType) -> DataType {
    match fhir_type {
        FhirType::String => DataType::String,
        FhirType::Boolean => DataType::Boolean,
        FhirType::Integer => DataType::Int32,
        FhirType::Decimal => DataType::Float64,
        FhirType::Date => DataType::Date,
        FhirType::DateTime => DataType::Datetime(TimeUnit::Microseconds, None),
        FhirType::Time => DataType::Time,
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use std::sync::Arc;

    use super::*;

    fn rows() -> DataFrame {
        df!(
            "con_id" => ["c2", "c1", "c2"],
            "con_patient_ref" => [Some("Patient/b"), Some("Patient/a"), Some("Patient/b")],
            "con_onsetdatetime" => [Some(1_700_000_000_000_000_i64), None, Some(1_700_000_000_000_000)],
        )
        .unwrap()
        .lazy()
        .with_column(col("con_onsetdatetime").cast(DataType::Datetime(TimeUnit::Microseconds, None)))
        .collect()
        .unwrap()
    }

    fn table() -> Arc<TableDescription> {
        Arc::clone(
            table_description::default_description()
                .table("condition")
                .unwrap(),
        )
    }

    #[test]
    fn files_have_one_schema_and_the_same_rows_make_the_same_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::new(directory.path());
        let table = table();
        let ids = Id2Nr::open(&layout, None).unwrap();
        let signals = FinalSignals::new(layout.clone(), None, ids);
        assert!(!signals.has(&table, 0));
        let written = signals.write(&table, 0, vec![rows()]).unwrap();
        assert!(signals.has(&table, 0));
        assert_eq!(written.rows, 2, "equal rows are one");
        let bytes = std::fs::read(&written.path).unwrap();
        signals
            .write(&table, 0, vec![rows().slice(0, 2), rows().slice(2, 1)])
            .unwrap();
        assert_eq!(bytes, std::fs::read(&written.path).unwrap());
        signals.write(&table, 1, Vec::new()).unwrap();
        let read = |batch| {
            let file = File::open(layout.parquet(&table.name, batch)).unwrap();
            ParquetReader::new(file).finish().unwrap()
        };
        let (full, empty) = (read(0), read(1));
        assert_eq!(full.schema(), empty.schema());
        assert_eq!(full.width(), table.columns.len());
        let ids: Vec<_> = full
            .column("con_id")
            .unwrap()
            .str()
            .unwrap()
            .iter()
            .flatten()
            .collect();
        assert_eq!(ids, ["c1", "c2"], "sorted by patient");
    }

    #[test]
    fn text_has_number_signal_times_and_values() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::new(directory.path());
        let table = table();
        let mut ids = Id2Nr::open(&layout, None).unwrap();
        ids.number("b");
        let signals = FinalSignals::new(layout.clone(), Some(TextForm::Tsv), ids);
        signals.write(&table, 0, vec![rows()]).unwrap();
        let text = std::fs::read_to_string(layout.text("condition", 0)).unwrap();
        let lines: Vec<Vec<&str>> = text.lines().map(|l| l.split('\t').collect()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!((lines[0][0], lines[0][1]), ("1", "condition"), "sorted by number");
        assert!(
            lines[0].contains(&"20231114") && lines[0].contains(&"c2"),
            "{text}"
        );
        assert_eq!(lines[0].len(), table.columns.len() + 1);
        let ids = std::fs::read_to_string(layout.id2nr()).unwrap();
        assert_eq!(ids, "b\t1\na\t2\n");
    }
}
