use std::collections::HashSet;
use std::fs::File;

use polars::prelude::{AnyValue, Column, DataFrame, PolarsResult};
use polars_io::SerReader;
use polars_io::parquet::read::ParquetReader;
use table_description::TableDescription;

use crate::{Error, ErrorKind, Layout};

/// Which resources the files of a table hold: told by FHIR id, or by the whole row where the table has none.
#[derive(Debug)]
pub struct RowKeys {
    columns: Vec<String>,
    keys: HashSet<String>,
}

/// Stands between the cells of a key, and for one without a value.
const BETWEEN: char = '\u{1f}';
const NULL: char = '\u{0}';

impl RowKeys {
    /// Reads the keys of all batches of a table.
    ///
    /// # Errors
    /// [`ErrorKind::Rows`] when a file cannot be read, [`ErrorKind::File`] when the directory cannot.
    pub fn read(layout: &Layout, table: &TableDescription) -> Result<Self, Error> {
        let columns = match table.position_of_path("id") {
            Some(id) => vec![table.columns[id].name.clone()],
            None => table.columns.iter().map(|column| column.name.clone()).collect(),
        };
        let mut found = Self {
            columns,
            keys: HashSet::new(),
        };
        let signals = layout.final_signals();
        let files = layout.batch_files().map_err(|e| Error::file(&signals, e))?;
        for file in files.iter().filter(|file| file.table == table.name) {
            let failed = |e| Error::caused(ErrorKind::Rows, &file.path, e);
            let open = File::open(&file.path).map_err(|e| Error::file(&file.path, e))?;
            let rows = ParquetReader::new(open)
                .with_columns(Some(found.columns.clone()))
                .finish()
                .map_err(failed)?;
            let keys = found.keys_of(&rows).map_err(failed)?;
            found.keys.extend(keys.into_iter().flatten());
        }
        Ok(found)
    }

    /// Which of these rows are of a resource that the files do not hold; a row without an id is one.
    ///
    /// # Errors
    /// When a cell cannot be read.
    pub fn missing(&self, rows: &DataFrame) -> PolarsResult<Vec<bool>> {
        let keys = self.keys_of(rows)?;
        let is_missing = |key: &Option<String>| key.as_ref().is_none_or(|key| !self.keys.contains(key));
        Ok(keys.iter().map(is_missing).collect())
    }

    /// The key of each row; `None` for one without an id.
    fn keys_of(&self, rows: &DataFrame) -> PolarsResult<Vec<Option<String>>> {
        let columns: Vec<Option<&Column>> = self.columns.iter().map(|name| rows.column(name).ok()).collect();
        (0..rows.height())
            .map(|row| {
                let mut key = String::new();
                let mut filled = false;
                for column in &columns {
                    let value = column.map_or(Ok(AnyValue::Null), |column| column.get(row))?;
                    filled |= !value.is_null();
                    match value {
                        AnyValue::Null => key.push(NULL),
                        AnyValue::String(text) => key.push_str(text),
                        AnyValue::StringOwned(text) => key.push_str(&text),
                        other => key.push_str(&other.to_string()),
                    }
                    key.push(BETWEEN);
                }
                Ok(filled.then_some(key))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::df;
    use table_description::default_description;

    use super::*;
    use crate::{FinalSignals, Id2Nr};

    #[test]
    fn rows_of_other_resources_are_missing() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::new(directory.path());
        let description = default_description();
        let signals = FinalSignals::new(layout.clone(), None, Id2Nr::open(&layout, None).unwrap());
        let condition = description.table("condition").unwrap();
        let rows = df!("con_id" => ["a", "b"], "con_patient_ref" => ["x", "y"]).unwrap();
        signals.write(condition, 3, vec![rows]).unwrap();
        let keys = RowKeys::read(&layout, condition).unwrap();
        let rows = df!("con_patient_ref" => ["x"; 3], "con_id" => [Some("b"), Some("c"), None]).unwrap();
        assert_eq!(keys.missing(&rows).unwrap(), [false, true, true]);

        let wards = description.table("pids_per_ward").unwrap();
        let list = |ward: &str, patient: Option<&str>| {
            df!("ward_name" => [ward], "patient_id" => [patient]).unwrap()
        };
        signals
            .write(wards, 0, vec![list("A", Some("1")), list("B", None)])
            .unwrap();
        let keys = RowKeys::read(&layout, wards).unwrap();
        for (ward, patient, missing) in [
            ("A", Some("1"), false),
            ("B", None, false),
            ("B", Some("1"), true),
        ] {
            assert_eq!(keys.missing(&list(ward, patient)).unwrap(), [missing], "{ward}");
        }
    }
}
