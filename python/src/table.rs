use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, StructArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyDict};
use pyo3_arrow::ffi::{ArrayIterator, to_schema_pycapsule, to_stream_pycapsule};

use crate::csv;

/// Rows in memory, which any reader of Arrow takes, as often as it likes.
#[pyclass(frozen, module = "fhirtab._native")]
pub(crate) struct Table {
    name: String,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Table {
    pub(crate) fn new(name: String, schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self {
            name,
            schema,
            batches,
        }
    }
}

#[pymethods]
impl Table {
    /// Name of the table.
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    /// How many rows there are.
    #[getter]
    fn num_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// How many record batches they are in.
    #[getter]
    fn num_batches(&self) -> usize {
        self.batches.len()
    }

    /// Names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<&str> {
        self.schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect()
    }

    /// Bytes held, those shared with other tables of the same pages counted in each.
    #[getter]
    fn nbytes(&self) -> usize {
        self.batches.iter().map(RecordBatch::get_array_memory_size).sum()
    }

    /// For each column its type in Arrow's words and its metadata.
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = PyDict::new(py);
        for field in self.schema.fields() {
            let metadata = PyDict::new(py);
            let mut pairs: Vec<_> = field.metadata().iter().collect();
            pairs.sort();
            for (key, value) in pairs {
                metadata.set_item(key, value)?;
            }
            all.set_item(field.name(), (field.data_type().to_string(), metadata))?;
        }
        Ok(all)
    }

    /// The rows of these batches, counted from 0, as a table of their own; no row is copied.
    fn batch(&self, number: usize) -> PyResult<Self> {
        let Some(batch) = self.batches.get(number) else {
            return Err(pyo3::exceptions::PyIndexError::new_err("no such batch"));
        };
        Ok(Self::new(
            self.name.clone(),
            Arc::clone(&self.schema),
            vec![batch.clone()],
        ))
    }

    /// The rows as CSV in UTF-8: NULL is an empty field, an empty text a quoted one; with or without the line of names.
    #[pyo3(signature = (header = true, quote_all = false))]
    fn csv<'py>(&self, py: Python<'py>, header: bool, quote_all: bool) -> Bound<'py, PyBytes> {
        let bytes = py.detach(|| {
            let mut out = Vec::new();
            if header {
                csv::header(&self.schema, quote_all, &mut out);
            }
            for batch in &self.batches {
                csv::rows(batch, quote_all, &mut out);
            }
            out
        });
        PyBytes::new(py, &bytes)
    }

    fn __len__(&self) -> usize {
        self.num_rows()
    }

    fn __repr__(&self) -> String {
        let columns = self.schema.fields().len();
        format!(
            "<Table {}: {} rows, {columns} columns>",
            self.name,
            self.num_rows()
        )
    }

    /// Arrow's C interface: the schema.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        Ok(to_schema_pycapsule(py, &*self.schema)?)
    }

    /// Arrow's C interface: a stream of the rows, a new one at every call.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let fields = self.schema.fields().clone();
        let field =
            Field::new("", DataType::Struct(fields), false).with_metadata(self.schema.metadata().clone());
        let arrays = self.batches.clone().into_iter().map(|batch| {
            let array: ArrayRef = Arc::new(StructArray::from(batch));
            Ok(array)
        });
        let reader = Box::new(ArrayIterator::new(arrays, Arc::new(field)));
        Ok(to_stream_pycapsule(py, reader, requested_schema)?)
    }
}

/// A batch whose times of day are text, for consumers that know none.
pub(crate) fn times_as_text(batch: &RecordBatch) -> RecordBatch {
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if matches!(field.data_type(), DataType::Time64(_)) {
            let texts = (0..column.len()).map(|row| csv::text(column, row));
            fields.push(Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8)));
            columns.push(Arc::new(texts.collect::<arrow_array::StringArray>()) as ArrayRef);
        } else {
            fields.push(Arc::clone(field));
            columns.push(Arc::clone(column));
        }
    }
    let schema = Schema::new(fields).with_metadata(batch.schema().metadata().clone());
    RecordBatch::try_new(Arc::new(schema), columns).unwrap_or_else(|_| batch.clone())
}

/// The text of a cell of a column of text, whatever its layout.
pub(crate) fn text_of(array: &dyn Array, row: usize) -> Option<&str> {
    if row >= array.len() || array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::Utf8 => Some(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Some(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Some(array.as_string_view().value(row)),
        _ => None,
    }
}
