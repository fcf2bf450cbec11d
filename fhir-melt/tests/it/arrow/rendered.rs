//! Record batches as the cells a file of the same rows has.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Float64Type, Int32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use table_description::typing::{Value, write_sql};

pub(crate) fn rows(batch: &RecordBatch) -> Vec<Vec<Option<String>>> {
    let row = |row| batch.columns().iter().map(|column| cell(column, row)).collect();
    (0..batch.num_rows()).map(row).collect()
}

/// Cells of one column.
pub(crate) fn column(batches: &[RecordBatch], name: &str) -> Vec<Option<String>> {
    let each = batches.iter().flat_map(|batch| {
        let column = batch.column_by_name(name).expect("the column");
        (0..column.len()).map(|row| cell(column, row)).collect::<Vec<_>>()
    });
    each.collect()
}

pub(crate) fn cell(array: &dyn Array, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    let value = match array.data_type() {
        DataType::Utf8 => return Some(array.as_string::<i32>().value(row).to_owned()),
        DataType::Utf8View => return Some(array.as_string_view().value(row).to_owned()),
        DataType::Dictionary(..) => {
            let dictionary = array.as_dictionary::<Int32Type>();
            return cell(dictionary.values(), dictionary.keys().value(row) as usize);
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>().value(row);
            let items: Vec<String> = (0..list.len())
                .map(|at| cell(&list, at).unwrap_or_else(|| "NULL".to_owned()))
                .collect();
            return Some(items.join("|"));
        }
        DataType::Int64 => return Some(array.as_primitive::<Int64Type>().value(row).to_string()),
        DataType::Decimal128(..) => {
            return Some(
                array
                    .as_primitive::<arrow_array::types::Decimal128Type>()
                    .value_as_string(row),
            );
        }
        DataType::Boolean => Value::Boolean(array.as_boolean().value(row)),
        DataType::Int32 => Value::Integer(array.as_primitive::<Int32Type>().value(row)),
        DataType::Float64 => Value::Decimal(array.as_primitive::<Float64Type>().value(row)),
        DataType::Date32 => Value::Date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(..) => {
            Value::DateTime(array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::Time64(_) => Value::Time(array.as_primitive::<Time64MicrosecondType>().value(row)),
        other => return Some(format!("a cell of {other}, which no column is")),
    };
    let mut text = Vec::new();
    write_sql(&value, &mut text);
    Some(String::from_utf8(text).expect("text"))
}
