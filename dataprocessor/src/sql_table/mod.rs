//! Output tables that a site declares: a description and one SELECT beside it, no Rust.

mod fill;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cds_hub::HubTables;
use table_description::{Description, TableDescription};

pub(crate) use fill::fill;

use crate::{Error, ErrorKind, Result};

/// An output table declared as `<name>.csv` (its description) and `<name>.sql` (one SELECT).
///
/// The SELECT returns every described column by name, in any order. Further columns must be called `from_<table>` and
/// hold the ids of the typed rows a row came from, as `int` or `int[]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlTable {
    file: PathBuf,
    description: Arc<TableDescription>,
    select: String,
}

impl SqlTable {
    /// All tables declared in a folder, in order of their names.
    ///
    /// # Errors
    /// When a file cannot be read, a description does not describe exactly the table of its name, or a name is taken.
    pub fn read_all(folder: &Path) -> Result<Vec<Self>> {
        files(folder)?.into_iter().map(Self::read).collect()
    }

    /// The same, with the faults of those that cannot be used.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn read_each(folder: &Path) -> Result<(Vec<Self>, Vec<Error>)> {
        let (mut tables, mut faults) = (Vec::new(), Vec::new());
        for file in files(folder)? {
            match Self::read(file) {
                Ok(table) => tables.push(table),
                Err(fault) => faults.push(fault),
            }
        }
        Ok((tables, faults))
    }

    fn read(file: PathBuf) -> Result<Self> {
        let wrong = |text: &str| Error::new(ErrorKind::SqlTable, format!("{}: {text}", file.display()));
        let select = std::fs::read_to_string(&file).map_err(|e| wrong("cannot be read").with_source(e))?;
        let described = Description::read(file.with_extension("csv"))
            .map_err(|e| wrong("the description beside it (.csv) is not usable").with_source(e))?;
        let [description] = described.tables.as_slice() else {
            return Err(wrong("the description beside it must describe one table"));
        };
        if file.file_stem() != Some(OsStr::new(&description.name)) {
            return Err(wrong(
                "the description beside it describes a table of another name",
            ));
        }
        let standard = HubTables::standard();
        let taken = [
            &standard.fhir,
            &standard.forms,
            &standard.core,
            &standard.submodules,
        ];
        if taken.into_iter().any(|d| d.table(&description.name).is_some()) {
            return Err(wrong("the hub has a table of this name already"));
        }
        // A semicolon at the end is a habit, not a second statement.
        let select = select.trim().trim_end_matches(';').to_owned();
        Ok(Self {
            description: Arc::clone(description),
            select,
            file,
        })
    }

    /// Name of the table.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.description.name
    }

    /// Where the SELECT stands.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The hub's standard tables and these, for [`cds_hub::Hub::migrate`].
    #[must_use]
    pub fn with_standard(tables: &[Self]) -> HubTables {
        Self::beside(HubTables::standard(), tables)
    }

    /// These tables beside those a hub has, in the place of declarations of the same names.
    #[must_use]
    pub fn beside(mut all: HubTables, tables: &[Self]) -> HubTables {
        let of_hub = &mut all.submodules.tables;
        of_hub.retain(|kept| !tables.iter().any(|t| t.name() == kept.name));
        of_hub.extend(tables.iter().map(|t| Arc::clone(&t.description)));
        all
    }
}

/// The `.sql` files of a folder in order of their names.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let refused =
        |e: std::io::Error| Error::new(ErrorKind::SqlTable, folder.display().to_string()).with_source(e);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(refused)? {
        files.push(entry.map_err(refused)?.path());
    }
    files.retain(|f| f.extension() == Some(OsStr::new("sql")));
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/output-tables");
        let tables = SqlTable::read_all(&folder).unwrap();
        assert_eq!(
            tables.iter().map(SqlTable::name).collect::<Vec<_>>(),
            ["long_stays"]
        );
        assert_eq!(tables[0].description.columns.len(), 4);
    }

    #[test]
    fn a_declaration_that_cannot_be_meant_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let error = || SqlTable::read_all(folder.path()).unwrap_err().to_string();
        put("a.sql", "SELECT 1");
        assert!(error().contains("the description beside it (.csv) is not usable"));
        put(
            "a.csv",
            "TABLE_NAME,COLUMN_NAME,COLUMN_DESCRIPTION,COLUMN_TYPE\nb,x,X,int\n",
        );
        assert!(error().contains("of another name"));
        put(
            "a.csv",
            "TABLE_NAME,COLUMN_NAME,COLUMN_DESCRIPTION,COLUMN_TYPE\na,x,X,int\nb,x,X,int\n",
        );
        assert!(error().contains("must describe one table"));
        std::fs::remove_file(folder.path().join("a.sql")).unwrap();
        put("patient_fe.sql", "SELECT 1");
        put(
            "patient_fe.csv",
            "TABLE_NAME,COLUMN_NAME,COLUMN_DESCRIPTION,COLUMN_TYPE\npatient_fe,x,X,int\n",
        );
        assert!(error().contains("has a table of this name already"));
    }
}
