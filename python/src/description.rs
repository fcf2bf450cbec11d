use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use table_description::{
    Column, Description as Described, ElementPath, FhirType, MeltMode, Origin, TableDescription,
    default_description,
};

use crate::errors::Failure;

/// Which tables and columns there are, and where their values come from.
#[pyclass(frozen, module = "fhirtab._native")]
pub(crate) struct Description {
    pub(crate) tables: Arc<Described>,
}

#[pymethods]
impl Description {
    /// The built-in description: FHIR R4 and the German core data set.
    #[staticmethod]
    fn default() -> Self {
        Self {
            tables: Arc::new(default_description()),
        }
    }

    /// Reads a workbook, a CSV file or a folder of CSV files.
    #[staticmethod]
    fn read(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let read = py.detach(|| Described::read(&path));
        let tables = read.map_err(|error| Failure::Description(error).into_py(py))?;
        Ok(Self {
            tables: Arc::new(tables),
        })
    }

    /// Makes a description of rows `(table, resource, prefix, melt, columns)`, a column being `(name, path, type, joined,
    /// calculated)`.
    #[staticmethod]
    fn of(py: Python<'_>, tables: Vec<TableRow>) -> PyResult<Self> {
        let tables = tables
            .into_iter()
            .map(|row| row.table().map(Arc::new))
            .collect::<Result<Vec<_>, Failure>>()
            .map_err(|fault| fault.into_py(py))?;
        let mut names = HashSet::new();
        for table in &tables {
            if !names.insert(&table.name) {
                let text = format!("the table {} stands twice in the description", table.name);
                return Err(Failure::Option(text).into_py(py));
            }
        }
        Ok(Self {
            tables: Arc::new(Described { tables }),
        })
    }

    /// The rows [`Description::of`] takes.
    fn rows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let all = PyList::empty(py);
        for table in &self.tables.tables {
            let row = PyDict::new(py);
            row.set_item("table", &table.name)?;
            row.set_item("resource", table.resource.as_deref())?;
            row.set_item("prefix", &table.prefix)?;
            row.set_item("melt", melt_word(&table.melt))?;
            let columns = PyList::empty(py);
            for column in &table.columns {
                columns.append((
                    &column.name,
                    column.path().as_str(),
                    column.fhir_type.as_str(),
                    column.joined,
                    column.is_calculated(),
                ))?;
            }
            row.set_item("columns", columns)?;
            all.append(row)?;
        }
        Ok(all)
    }

    fn __repr__(&self) -> String {
        format!(
            "<Description: {} tables, {} columns>",
            self.tables.tables.len(),
            self.tables.column_count()
        )
    }
}

/// One table as Python gives it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct TableRow {
    table: String,
    resource: Option<String>,
    prefix: String,
    melt: String,
    columns: Vec<(String, String, String, bool, bool)>,
}

impl TableRow {
    fn table(self) -> Result<TableDescription, Failure> {
        let mut names = HashSet::new();
        let mut columns = Vec::new();
        for (name, path, fhir_type, joined, calculated) in self.columns {
            let place = format!("column {name} of table {}", self.table);
            if !names.insert(name.clone()) {
                return Err(Failure::Option(format!(
                    "{place} stands twice in the description"
                )));
            }
            let Some(fhir_type) = FhirType::from_word(&fhir_type) else {
                let known: Vec<&str> = FhirType::ALL.iter().map(|known| known.as_str()).collect();
                return Err(Failure::Option(format!(
                    "{place}: the type is one of {}",
                    known.join(", ")
                )));
            };
            let path = ElementPath::new(path.replace('.', "/"));
            let origin = match calculated {
                true => Origin::Calculated(path),
                false => Origin::Element(path),
            };
            let mut column = Column::new(name, origin, fhir_type);
            column.joined = joined;
            columns.push(column);
        }
        Ok(TableDescription {
            melt: melt_mode(&self.melt)?,
            name: self.table,
            resource: self.resource,
            prefix: self.prefix,
            columns,
        })
    }
}

/// How repetitions become rows, in words: `product`, `aligned`, `child`, or paths with blanks between them.
pub(crate) fn melt_mode(word: &str) -> Result<MeltMode, Failure> {
    Ok(match word {
        "product" => MeltMode::Product,
        "aligned" => MeltMode::Aligned,
        "child" => MeltMode::Child,
        paths => match paths.strip_prefix("only ") {
            Some(paths) => MeltMode::Only(paths.split_whitespace().map(ElementPath::new).collect()),
            None => {
                return Err(Failure::Option(
                    "mode is one of product, aligned, child, or a list of paths".to_owned(),
                ));
            }
        },
    })
}

fn melt_word(mode: &MeltMode) -> String {
    match mode {
        MeltMode::Aligned => "aligned".to_owned(),
        MeltMode::Child => "child".to_owned(),
        MeltMode::Only(paths) => {
            let paths: Vec<&str> = paths.iter().map(ElementPath::as_str).collect();
            format!("only {}", paths.join(" "))
        }
        _ => "product".to_owned(),
    }
}
